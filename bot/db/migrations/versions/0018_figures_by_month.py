"""finished months of figures, so that a year is read in a few rows"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')


def upgrade() -> None:
    # Filled by the schedule; until then a period is read day by day.
    op.create_table('figure_months',
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('counts', JSON, nullable=False),
    sa.Column('people', sa.LargeBinary(), nullable=False),
    sa.Column('daily', JSON, nullable=False),
    sa.Column('writers', sa.LargeBinary(), nullable=False),
    sa.Column('counted_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('month', name=op.f('pk_figure_months'))
    )


def downgrade() -> None:
    op.drop_table('figure_months')
