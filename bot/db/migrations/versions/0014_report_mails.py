"""where the mail of each month's report stands"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.db.base

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('report_mails',
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_attempt_at', bot.db.base.UtcDateTime(), nullable=False),
    sa.Column('started_at', bot.db.base.UtcDateTime(), nullable=True),
    sa.Column('sent_at', bot.db.base.UtcDateTime(), nullable=True),
    sa.Column('error', sa.String(), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'sending', 'sent', 'failed', 'unsure')", name=op.f('ck_report_mails_state')),
    sa.CheckConstraint('length(month) = 7', name=op.f('ck_report_mails_month')),
    sa.PrimaryKeyConstraint('month', name=op.f('pk_report_mails'))
    )


def downgrade() -> None:
    op.drop_table('report_mails')
