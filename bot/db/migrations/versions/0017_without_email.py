"""applications without an e-mail, where a question begins in its message, what somebody was told before an erasure"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.db.base

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('applications', schema=None) as batch_op:
        batch_op.alter_column('email', existing_type=sa.String(length=254), nullable=True)
    # What a downgrade made of no address.
    op.execute("UPDATE applications SET email = NULL WHERE email = ''")
    op.add_column('messages', sa.Column('question_at', sa.Integer(), nullable=True))
    op.create_table('disclosures',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('told_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_disclosures'))
    )
    op.create_index('ix_disclosures_who_told_at', 'disclosures', ['who', 'told_at'])


def downgrade() -> None:
    op.drop_table('disclosures')
    op.drop_column('messages', 'question_at')
    # Who has no address had to give one before: an empty text is none.
    op.execute("UPDATE applications SET email = '' WHERE email IS NULL")
    with op.batch_alter_table('applications', schema=None) as batch_op:
        batch_op.alter_column('email', existing_type=sa.String(length=254), nullable=False)
