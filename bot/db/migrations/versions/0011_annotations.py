"""messages worth a look, in groups that say the same, and how staff labelled them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.db.base

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

_JSON = bot.db.base.Json


def upgrade() -> None:
    op.create_table('candidate_groups',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=48), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('weight', sa.Integer(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('lead_id', sa.Integer(), nullable=True),
    sa.Column('created_at', bot.db.base.UtcDateTime(), nullable=False),
    sa.Column('agreed_id', sa.Integer(), nullable=True),
    sa.Column('exported_at', bot.db.base.UtcDateTime(), nullable=True),
    sa.Column('exported_file', sa.String(length=64), nullable=True),
    sa.Column('exported_line', sa.String(), nullable=True),
    sa.CheckConstraint("state IN ('open', 'second', 'disputed', 'agreed', 'exported')", name=op.f('ck_candidate_groups_state')),
    sa.ForeignKeyConstraint(['lead_id'], ['messages.id'], name=op.f('fk_candidate_groups_lead_id_messages')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_candidate_groups')),
    sa.UniqueConstraint('key', name=op.f('uq_candidate_groups_key'))
    )
    op.create_index('ix_candidate_groups_state_weight_id', 'candidate_groups', ['state', 'weight', 'id'])
    op.create_index(op.f('ix_candidate_groups_lead_id'), 'candidate_groups', ['lead_id'])
    op.create_table('candidates',
    sa.Column('message_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('group_id', sa.Integer(), nullable=False),
    sa.Column('reasons', _JSON, nullable=False),
    sa.Column('weight', sa.Integer(), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('marks', _JSON, nullable=False),
    sa.Column('noted_at', bot.db.base.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['candidate_groups.id'], name=op.f('fk_candidates_group_id_candidate_groups')),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_candidates_message_id_messages')),
    sa.PrimaryKeyConstraint('message_id', name=op.f('pk_candidates'))
    )
    op.create_index(op.f('ix_candidates_group_id'), 'candidates', ['group_id'])
    op.create_table('annotations',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('group_id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=True),
    sa.Column('intent', sa.String(length=64), nullable=True),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('marks', _JSON, nullable=False),
    sa.Column('variety', sa.String(length=8), nullable=False),
    sa.Column('settles', sa.Boolean(), nullable=False),
    sa.Column('created_at', bot.db.base.UtcDateTime(), nullable=False),
    sa.Column('ended_at', bot.db.base.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['candidate_groups.id'], name=op.f('fk_annotations_group_id_candidate_groups')),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_annotations_message_id_messages')),
    sa.ForeignKeyConstraint(['staff_id'], ['staff_members.id'], name=op.f('fk_annotations_staff_id_staff_members')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_annotations'))
    )
    op.create_index('uq_annotations_group_id_staff_id', 'annotations', ['group_id', 'staff_id', 'settles'], unique=True,
                    sqlite_where=sa.text('ended_at IS NULL'), postgresql_where=sa.text('ended_at IS NULL'))
    op.create_index('ix_annotations_staff_id_id', 'annotations', ['staff_id', 'id'])
    op.create_index(op.f('ix_annotations_message_id'), 'annotations', ['message_id'])
    op.create_table('gathering',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('last_message_id', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_gathering'))
    )


def downgrade() -> None:
    op.drop_table('gathering')
    op.drop_table('annotations')
    op.drop_table('candidates')
    op.drop_table('candidate_groups')
