"""who has a conversation and who wrote a message by their accounts, ready answers of staff"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.db.base

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('canned_answers',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=60), nullable=False),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('created_at', bot.db.base.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['staff_id'], ['staff_members.id'], name=op.f('fk_canned_answers_staff_id_staff_members')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canned_answers')),
    sa.UniqueConstraint('staff_id', 'title', name=op.f('uq_canned_answers_staff_id_title'))
    )
    op.add_column('contacts', sa.Column('held_by_id', sa.Integer(), nullable=True))
    op.add_column('messages', sa.Column('staff_id', sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column('messages', 'staff_id')
    op.drop_column('contacts', 'held_by_id')
    op.drop_table('canned_answers')
