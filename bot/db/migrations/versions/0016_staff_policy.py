"""who needs a second factor, how MNC is reached, messages found by words with a Latin article"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

import bot.db.base
from bot.clock import utc_now
from bot.db.terms import Terms
from bot.spelling import list_terms

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

#: Messages that are read at a time.
STEP = 5_000
#: Texts in which a word may have an article in Latin letters, with room to spare.
_MAY_HAVE = re.compile(r'(?<![^\W_])[fbwdk]?l[^aeiouy\W]', re.IGNORECASE)


def _find_again() -> None:
    """The terms of messages with such a word, as `bot.spelling` makes them since; of the others they stay the same."""
    connection = op.get_bind()
    messages = sa.table('messages', sa.column('id', sa.Integer), sa.column('text', sa.String))
    terms = sa.table('message_terms', sa.column('message_id', sa.Integer), sa.column('words', Terms()))
    last = 0
    while True:
        query = sa.select(messages.c.id, messages.c.text).where(messages.c.id > last).order_by(messages.c.id)
        rows = connection.execute(query.limit(STEP)).all()
        if not rows:
            return
        last = rows[-1].id
        found = [{'message_id': row.id, 'words': ' '.join(list_terms(row.text))} for row in rows if _MAY_HAVE.search(row.text)]
        found = [row for row in found if row['words']]
        if found:
            ids = [row['message_id'] for row in found]
            # Not updated in place: on SQLite triggers keep the index in step with rows that come and go.
            connection.execute(terms.delete().where(terms.c.message_id.in_(ids)))
            connection.execute(terms.insert(), found)


def upgrade() -> None:
    policy = op.create_table('staff_policy',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('second_factor_roles', bot.db.base.Json, nullable=False),
    sa.Column('changed_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint('id = 1', name=op.f('ck_staff_policy_one_row')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_policy'))
    )
    op.bulk_insert(policy, [
        {'id': 1, 'second_factor_roles': ['administrator', 'adviser'], 'changed_at': utc_now()},
    ])
    op.add_column('staff_sessions', sa.Column('enrol_by', bot.db.base.UtcDateTime(timezone=True), nullable=True))
    op.create_table('contact_points',
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('value', sa.String(length=160), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('slug', sa.String(length=32), nullable=False),
    sa.Column('seed_hash', sa.String(length=64), nullable=True),
    sa.Column('retired_at', bot.db.base.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('slug', name=op.f('pk_contact_points'))
    )
    _find_again()


def downgrade() -> None:
    # The terms stay: more of them find more than before, and hurt nobody.
    op.drop_table('contact_points')
    op.drop_column('staff_sessions', 'enrol_by')
    op.drop_table('staff_policy')
