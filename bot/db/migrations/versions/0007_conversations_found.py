"""what lists of conversations show, terms that messages are found by, tags, notes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.db.base
from bot.db.terms import SEARCH_TABLE, SQLITE_SEARCH, Terms
from bot.spelling import list_terms

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

#: Messages whose terms are made at a time.
STEP = 5_000
FACETS = ['contact_id', 'direction', 'channel', 'state', 'variety', 'intent', 'confidence', 'created_at']


def _fill_contacts() -> None:
    """Point to the last messages; who asked for a human and was not answered by one since waits."""
    op.execute("""
        UPDATE contacts SET
            last_message_id = (SELECT max(id) FROM messages WHERE contact_id = contacts.id),
            last_inbound_id = (SELECT max(id) FROM messages WHERE contact_id = contacts.id AND direction = 'in'),
            unread = (SELECT count(*) FROM messages WHERE contact_id = contacts.id AND direction = 'in' AND NOT EXISTS (
                SELECT 1 FROM messages AS said WHERE said.contact_id = contacts.id AND said.direction = 'out'
                AND said.answer_key IS NULL AND said.id > messages.id)),
            waiting_since = (SELECT min(opened_at) FROM staff_requests AS asked
                WHERE asked.contact_id = contacts.id AND asked.kind = 'human' AND asked.closed_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM messages AS said WHERE said.contact_id = contacts.id
                    AND said.direction = 'out' AND said.answer_key IS NULL AND said.created_at > asked.opened_at))
    """)
    op.execute("""
        UPDATE contacts SET last_message_at = (SELECT created_at FROM messages WHERE id = contacts.last_message_id)
    """)


def _fill_terms() -> None:
    """The terms of every message, a few thousand at a time."""
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
        found = [{'message_id': row.id, 'words': ' '.join(list_terms(row.text))} for row in rows]
        found = [row for row in found if row['words']]
        if found:
            connection.execute(terms.insert(), found)


def upgrade() -> None:
    op.create_table('tags',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=48), nullable=False),
    sa.Column('created_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tags')),
    sa.UniqueConstraint('name', name=op.f('uq_tags_name'))
    )
    op.create_table('contact_tags',
    sa.Column('contact_id', sa.Integer(), nullable=False),
    sa.Column('tag_id', sa.Integer(), nullable=False),
    sa.Column('added_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_contact_tags_contact_id_contacts')),
    sa.ForeignKeyConstraint(['tag_id'], ['tags.id'], name=op.f('fk_contact_tags_tag_id_tags')),
    sa.PrimaryKeyConstraint('contact_id', 'tag_id', name=op.f('pk_contact_tags'))
    )
    op.create_index('ix_contact_tags_tag_id', 'contact_tags', ['tag_id'])
    op.create_table('notes',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=False),
    sa.Column('author', sa.String(length=64), nullable=False),
    sa.Column('staff_id', sa.Integer(), nullable=True),
    sa.Column('text', sa.String(), nullable=False),
    sa.Column('created_at', bot.db.base.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_notes_contact_id_contacts')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notes'))
    )
    op.create_index('ix_notes_contact_id', 'notes', ['contact_id'])
    op.create_table('message_terms',
    sa.Column('message_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('words', Terms(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_message_terms_message_id_messages')),
    sa.PrimaryKeyConstraint('message_id', name=op.f('pk_message_terms'))
    )
    op.add_column('contacts', sa.Column('last_message_id', sa.Integer(), nullable=True))
    op.add_column('contacts', sa.Column('last_message_at', bot.db.base.UtcDateTime(timezone=True), nullable=True))
    op.add_column('contacts', sa.Column('last_inbound_id', sa.Integer(), nullable=True))
    op.add_column('contacts', sa.Column('unread', sa.Integer(), server_default='0', nullable=False))
    op.add_column('contacts', sa.Column('read_by_staff_at', bot.db.base.UtcDateTime(timezone=True), nullable=True))
    op.add_column('contacts', sa.Column('waiting_since', bot.db.base.UtcDateTime(timezone=True), nullable=True))
    _fill_contacts()
    is_sqlite = op.get_bind().dialect.name == 'sqlite'
    if is_sqlite:
        for statement in SQLITE_SEARCH:
            op.execute(statement)
    _fill_terms()
    if not is_sqlite:
        op.create_index('ix_message_terms_words', 'message_terms', ['words'], postgresql_using='gin')
    op.create_index('ix_contacts_last_message_id', 'contacts', ['last_message_id'])
    for name, columns, condition in (
        ('unread', ['last_message_id'], 'unread > 0'),
        ('waiting_since', ['waiting_since', 'id'], 'waiting_since IS NOT NULL'),
        ('held_until', ['held_until'], 'held_until IS NOT NULL'),
    ):
        where = sa.text(condition)
        op.create_index(f'ix_contacts_{name}', 'contacts', columns, sqlite_where=where, postgresql_where=where)
    op.create_index('ix_messages_facets', 'messages', ['id', *FACETS])
    op.create_index('ix_messages_intent_facets', 'messages', ['intent', 'id', *(name for name in FACETS if name != 'intent')])
    op.drop_index('ix_messages_contact_id_id', 'messages')
    op.create_index('ix_messages_contact_facets', 'messages', ['contact_id', 'id', *(name for name in FACETS if name != 'contact_id')])
    op.create_index('ix_messages_created_at', 'messages', ['created_at', 'id'])


def downgrade() -> None:
    op.create_index('ix_messages_contact_id_id', 'messages', ['contact_id', 'id'])
    for name in ('created_at', 'contact_facets', 'intent_facets', 'facets'):
        op.drop_index(f'ix_messages_{name}', 'messages')
    for name in ('held_until', 'waiting_since', 'unread', 'last_message_id'):
        op.drop_index(f'ix_contacts_{name}', 'contacts')
    if op.get_bind().dialect.name == 'sqlite':
        op.execute('DROP TRIGGER message_terms_added')
        op.execute('DROP TRIGGER message_terms_erased')
        op.execute(f'DROP TABLE {SEARCH_TABLE}')
    # Not by copying the table, which other rows point to.
    for name in ('waiting_since', 'read_by_staff_at', 'unread', 'last_inbound_id', 'last_message_at', 'last_message_id'):
        op.drop_column('contacts', name)
    for table in ('message_terms', 'notes', 'contact_tags', 'tags'):
        op.drop_table(table)
