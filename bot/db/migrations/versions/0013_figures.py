"""days that are counted once for figures, and what answers showed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0013'
down_revision = '0012'
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
    ('ix_registrations_came_at', 'registrations', ['came_at']),
)


def upgrade() -> None:
    op.create_table('figure_days',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('counts', JSON, nullable=False),
    sa.Column('people', sa.LargeBinary(), nullable=False),
    sa.Column('counted_at', TIME, nullable=False),
    sa.Column('is_stale', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_figure_days'))
    )
    op.add_column('interactions', sa.Column('shown', JSON, nullable=True))
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_column('interactions', 'shown')
    op.drop_table('figure_days')
