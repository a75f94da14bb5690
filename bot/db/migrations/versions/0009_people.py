"""what the team notes and decides about applications, requests and events; names as they are searched"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import bot.db.base
from bot.spelling import split_words

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

TIME = bot.db.base.UtcDateTime(timezone=True)
OPEN = sa.text('closed_at IS NULL')


def upgrade() -> None:
    with op.batch_alter_table('applications') as batch_op:
        batch_op.add_column(sa.Column('note', sa.String(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('name_words', sa.String(length=160), nullable=False, server_default=''))
    applications = sa.table('applications', sa.column('id'), sa.column('full_name'), sa.column('name_words'))
    connection = op.get_bind()
    for id_, name in connection.execute(sa.select(applications.c.id, applications.c.full_name)).all():
        words = ' '.join(split_words(name))[:160]
        connection.execute(applications.update().where(applications.c.id == id_).values(name_words=words))
    op.create_index('ix_applications_state_id', 'applications', ['state', 'id'])
    with op.batch_alter_table('staff_requests') as batch_op:
        batch_op.add_column(sa.Column('taken_by_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('taken_at', TIME, nullable=True))
        batch_op.add_column(sa.Column('outcome', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('note', sa.String(), nullable=False, server_default=''))
        batch_op.create_foreign_key(
            'fk_staff_requests_taken_by_id_staff_members', 'staff_members', ['taken_by_id'], ['id']
        )
    op.create_index(
        'ix_staff_requests_open', 'staff_requests', ['opened_at', 'id'], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index('ix_staff_requests_closed_at', 'staff_requests', ['closed_at', 'id'])
    with op.batch_alter_table('registrations') as batch_op:
        batch_op.add_column(sa.Column('came_at', TIME, nullable=True))
    with op.batch_alter_table('events') as batch_op:
        batch_op.add_column(sa.Column('registration_closed_at', TIME, nullable=True))
        batch_op.add_column(sa.Column('walk_ins', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    with op.batch_alter_table('events') as batch_op:
        batch_op.drop_column('walk_ins')
        batch_op.drop_column('registration_closed_at')
    with op.batch_alter_table('registrations') as batch_op:
        batch_op.drop_column('came_at')
    op.drop_index('ix_staff_requests_closed_at', 'staff_requests')
    op.drop_index('ix_staff_requests_open', 'staff_requests')
    with op.batch_alter_table('staff_requests') as batch_op:
        batch_op.drop_constraint('fk_staff_requests_taken_by_id_staff_members', type_='foreignkey')
        batch_op.drop_column('note')
        batch_op.drop_column('outcome')
        batch_op.drop_column('taken_at')
        batch_op.drop_column('taken_by_id')
    op.drop_index('ix_applications_state_id', 'applications')
    with op.batch_alter_table('applications') as batch_op:
        batch_op.drop_column('name_words')
        batch_op.drop_column('note')
