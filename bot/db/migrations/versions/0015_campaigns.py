"""messages to many: campaigns, who gets them, who tries them, channels that asked us to wait"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), 'postgresql')
TIME = bot.db.base.UtcDateTime(timezone=True)
RUNNING = sa.text("state IN ('scheduled', 'sending')")
NO_TEST = sa.text('NOT is_test')
WAITING = sa.text("state = 'waiting'")
TESTS = sa.text("state = 'waiting' AND is_test")
OF_CAMPAIGNS = sa.text('campaign_id IS NOT NULL')


def upgrade() -> None:
    op.create_table('campaigns',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('segment', JSON, nullable=False),
    sa.Column('texts', JSON, nullable=False),
    sa.Column('fallbacks', JSON, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('ignores_quiet', sa.Boolean(), nullable=False),
    sa.Column('starts_at', TIME, nullable=True),
    sa.Column('created_by_id', sa.Integer(), nullable=False),
    sa.Column('changed_by_id', sa.Integer(), nullable=False),
    sa.Column('released_by_id', sa.Integer(), nullable=True),
    sa.Column('created_at', TIME, nullable=False),
    sa.Column('changed_at', TIME, nullable=False),
    sa.Column('released_at', TIME, nullable=True),
    sa.Column('started_at', TIME, nullable=True),
    sa.Column('finished_at', TIME, nullable=True),
    sa.Column('gathered_upto', sa.Integer(), nullable=False),
    sa.Column('is_gathered', sa.Boolean(), nullable=False),
    sa.CheckConstraint("state IN ('draft', 'scheduled', 'sending', 'paused', 'stopped', 'done')", name=op.f('ck_campaigns_state')),
    sa.CheckConstraint("purpose IN ('cohorts', 'events', 'publications', 'application')", name=op.f('ck_campaigns_purpose')),
    sa.ForeignKeyConstraint(['created_by_id'], ['staff_members.id'], name=op.f('fk_campaigns_created_by_id_staff_members')),
    sa.ForeignKeyConstraint(['changed_by_id'], ['staff_members.id'], name=op.f('fk_campaigns_changed_by_id_staff_members')),
    sa.ForeignKeyConstraint(['released_by_id'], ['staff_members.id'], name=op.f('fk_campaigns_released_by_id_staff_members')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns'))
    )
    op.create_index('ix_campaigns_running', 'campaigns', ['id'], sqlite_where=RUNNING, postgresql_where=RUNNING)
    op.create_table('campaign_recipients',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('campaign_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=False),
    sa.Column('is_test', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=True),
    sa.Column('identity_id', sa.Integer(), nullable=True),
    sa.Column('channel', sa.String(length=16), nullable=True),
    sa.Column('variety', sa.String(length=8), nullable=True),
    sa.Column('message_id', sa.Integer(), nullable=True),
    sa.Column('due_at', TIME, nullable=True),
    sa.Column('created_at', TIME, nullable=False),
    sa.Column('handled_at', TIME, nullable=True),
    sa.Column('replied_at', TIME, nullable=True),
    sa.Column('stopped_at', TIME, nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'queued', 'skipped')", name=op.f('ck_campaign_recipients_state')),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_campaign_recipients_campaign_id_campaigns')),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_campaign_recipients_contact_id_contacts')),
    sa.ForeignKeyConstraint(['identity_id'], ['identities.id'], name=op.f('fk_campaign_recipients_identity_id_identities')),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_campaign_recipients_message_id_messages')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_campaign_recipients'))
    )
    op.create_index('ix_campaign_recipients_contact_id', 'campaign_recipients', ['contact_id'])
    op.create_index('ix_campaign_recipients_message_id', 'campaign_recipients', ['message_id'])
    op.create_index('uq_campaign_recipients_person', 'campaign_recipients', ['campaign_id', 'contact_id'], unique=True, sqlite_where=NO_TEST, postgresql_where=NO_TEST)
    op.create_index('ix_campaign_recipients_waiting', 'campaign_recipients', ['campaign_id', 'id'], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_index('ix_campaign_recipients_tests', 'campaign_recipients', ['id'], sqlite_where=TESTS, postgresql_where=TESTS)
    op.create_index('ix_campaign_recipients_figures', 'campaign_recipients', ['campaign_id', 'is_test', 'state', 'outcome', 'channel', 'replied_at', 'stopped_at'])
    op.create_table('campaign_testers',
    sa.Column('member_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=False),
    sa.Column('linked_at', TIME, nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['staff_members.id'], name=op.f('fk_campaign_testers_member_id_staff_members')),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_campaign_testers_contact_id_contacts')),
    sa.PrimaryKeyConstraint('member_id', 'contact_id', name=op.f('pk_campaign_testers'))
    )
    op.create_index('ix_campaign_testers_contact_id', 'campaign_testers', ['contact_id'])
    op.create_table('channel_pauses',
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('until', TIME, nullable=False),
    sa.PrimaryKeyConstraint('channel', name=op.f('pk_channel_pauses'))
    )
    op.add_column('messages', sa.Column('campaign_id', sa.Integer(), nullable=True))
    op.create_index('ix_messages_campaign', 'messages', ['campaign_id', 'channel', 'state', 'id'], sqlite_where=OF_CAMPAIGNS, postgresql_where=OF_CAMPAIGNS)


def downgrade() -> None:
    op.drop_index('ix_messages_campaign', table_name='messages')
    op.drop_column('messages', 'campaign_id')
    op.drop_table('channel_pauses')
    op.drop_table('campaign_testers')
    op.drop_table('campaign_recipients')
    op.drop_table('campaigns')
