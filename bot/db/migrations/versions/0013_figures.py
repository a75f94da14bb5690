"""days that are counted once for figures, who is in the counts, and what answers showed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0013'
down_revision = '0010'
branch_labels = None
depends_on = None

TIME = bot.db.base.UtcDateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')
INDEXES = (
    ('ix_ratings_asked_at', 'ratings', ['asked_at']),
    ('ix_ratings_rated_at', 'ratings', ['rated_at']),
    ('ix_applications_created_at', 'applications', ['created_at']),
    ('ix_staff_requests_opened_at', 'staff_requests', ['opened_at']),
    ('ix_registrations_created_at', 'registrations', ['created_at']),
)


def upgrade() -> None:
    op.create_table('figure_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('counts', JSON, nullable=False),
    sa.Column('counted_at', TIME, nullable=False),
    sa.Column('is_stale', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_figure_days'))
    )
    op.create_table('person_marks',
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('contact_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_person_marks_contact_id_contacts')),
    sa.PrimaryKeyConstraint('kind', 'day', 'key', 'contact_id', name=op.f('pk_person_marks')),
    sqlite_with_rowid=False,
    )
    op.create_index('ix_person_marks_contact_id', 'person_marks', ['contact_id'])
    op.add_column('interactions', sa.Column('shown', JSON, nullable=True))
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_column('interactions', 'shown')
    op.drop_index('ix_person_marks_contact_id', table_name='person_marks')
    op.drop_table('person_marks')
    op.drop_table('figure_days')
