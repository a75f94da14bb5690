"""texts that staff write, every version of the content, and rows that are put aside"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), 'postgresql')
TIME = bot.db.base.UtcDateTime(timezone=True)

TABLES = (
    'facts', 'cities', 'operators', 'tracks', 'cohorts', 'programmes', 'events', 'publications', 'eligibility_rules',
    'alternatives', 'application_documents',
)


def upgrade() -> None:
    op.create_table('answer_texts',
    sa.Column('key', sa.String(length=48), nullable=False),
    sa.Column('variety', sa.String(length=8), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('key', 'variety', name=op.f('pk_answer_texts'))
    )
    state = op.create_table('content_state',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('stale_after_months', sa.Integer(), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_content_state_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_content_state'))
    )
    op.bulk_insert(state, [{'id': 1, 'version': 0, 'stale_after_months': 12}])
    op.create_table('content_revisions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('before', JSON, nullable=True),
    sa.Column('after', JSON, nullable=True),
    sa.Column('restored_id', sa.Integer(), nullable=True),
    sa.Column('member_id', sa.Integer(), nullable=False),
    sa.Column('changed_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['restored_id'], ['content_revisions.id'], name=op.f('fk_content_revisions_restored_id_content_revisions')),
    sa.ForeignKeyConstraint(['member_id'], ['staff_members.id'], name=op.f('fk_content_revisions_member_id_staff_members')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_content_revisions'))
    )
    op.create_index('ix_content_revisions_kind_key_id', 'content_revisions', ['kind', 'key', 'id'])
    for table in TABLES:
        op.add_column(table, sa.Column('retired_at', TIME, nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, 'retired_at')
    op.drop_table('content_revisions')
    op.drop_table('content_state')
    op.drop_table('answer_texts')
