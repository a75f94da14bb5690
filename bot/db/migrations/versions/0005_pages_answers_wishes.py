"""rests of long answers, answers of what was done, narrower subscriptions, announcements"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def _rename_key(old: str, new: str) -> None:
    """An answer is written in the same way everywhere: its name stands under "answer"."""
    answer = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
    notices = sa.table('notices', sa.column('id', sa.Integer), sa.column('answer', answer))
    connection = op.get_bind()
    for row in connection.execute(sa.select(notices.c.id, notices.c.answer)).all():
        written = {new if name == old else name: value for name, value in row.answer.items()}
        connection.execute(notices.update().where(notices.c.id == row.id).values(answer=written))


def upgrade() -> None:
    op.create_table('announcements',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('topic', sa.String(length=16), nullable=False),
    sa.Column('slug', sa.String(length=32), nullable=False),
    sa.Column('told', sa.Integer(), nullable=False),
    sa.Column('announced_by', sa.String(length=64), nullable=False),
    sa.Column('announced_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_announcements'))
    )
    with op.batch_alter_table('announcements', schema=None) as batch_op:
        batch_op.create_index('ix_announcements_topic_slug', ['topic', 'slug'], unique=False)

    with op.batch_alter_table('cohorts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('enrolment', sa.String(length=8), nullable=True))
        batch_op.add_column(sa.Column('enrol_until', sa.Date(), nullable=True))

    with op.batch_alter_table('drafts', schema=None) as batch_op:
        batch_op.drop_column('last_message_id')

    with op.batch_alter_table('interactions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('answer', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=True))

    with op.batch_alter_table('messages', schema=None) as batch_op:
        batch_op.add_column(sa.Column('rest', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=True))

    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.add_column(sa.Column('asked_at', bot.db.base.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('message_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('is_news', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_index(batch_op.f('ix_notices_message_id'), ['message_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_notices_message_id_messages'), 'messages', ['message_id'], ['id'])

    op.execute("UPDATE notices SET asked_at = created_at WHERE kind = 'requested'")
    _rename_key("key", "answer")
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.drop_column('kind')

    with op.batch_alter_table('registrations', schema=None) as batch_op:
        batch_op.add_column(sa.Column('passed_over_at', bot.db.base.UtcDateTime(timezone=True), nullable=True))

    with op.batch_alter_table('subscriptions', schema=None) as batch_op:
        batch_op.add_column(sa.Column('wishes', sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql'), nullable=False, server_default='[]'))



def downgrade() -> None:
    _rename_key("answer", "key")
    with op.batch_alter_table('subscriptions', schema=None) as batch_op:
        batch_op.drop_column('wishes')

    with op.batch_alter_table('registrations', schema=None) as batch_op:
        batch_op.drop_column('passed_over_at')

    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.add_column(sa.Column('kind', sa.VARCHAR(length=16), nullable=False, server_default='agreed'))
        batch_op.drop_constraint(batch_op.f('fk_notices_message_id_messages'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_notices_message_id'))
        batch_op.drop_column('is_news')
        batch_op.drop_column('message_id')

    op.execute("UPDATE notices SET kind = 'requested' WHERE asked_at IS NOT NULL")
    with op.batch_alter_table('notices', schema=None) as batch_op:
        batch_op.drop_column('asked_at')

    with op.batch_alter_table('messages', schema=None) as batch_op:
        batch_op.drop_column('rest')

    with op.batch_alter_table('interactions', schema=None) as batch_op:
        batch_op.drop_column('answer')

    with op.batch_alter_table('drafts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('last_message_id', sa.INTEGER(), nullable=True))

    with op.batch_alter_table('cohorts', schema=None) as batch_op:
        batch_op.drop_column('enrol_until')
        batch_op.drop_column('enrolment')

    with op.batch_alter_table('announcements', schema=None) as batch_op:
        batch_op.drop_index('ix_announcements_topic_slug')

    op.drop_table('announcements')
