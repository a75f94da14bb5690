"""models of the language, which one is live, and the work that is done on them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

import bot.db.base

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), 'postgresql')


def time(name: str, nullable: bool = True) -> sa.Column:
    return sa.Column(name, bot.db.base.UtcDateTime(), nullable=nullable)


def points_to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f'{other}.id'], name=op.f(f'fk_{table}_{column}_{other}'))


def upgrade() -> None:
    op.create_table('model_versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(length=16), nullable=False),
    sa.Column('frame', sa.String(length=16), nullable=False),
    sa.Column('origin', sa.String(length=16), nullable=False),
    sa.Column('made_by_id', sa.Integer(), nullable=True),
    time('trained_at', nullable=False),
    sa.Column('train_s', sa.Double(), nullable=True),
    sa.Column('examples', JSON, nullable=False),
    sa.Column('figures', JSON, nullable=True),
    time('dropped_at'),
    sa.CheckConstraint("origin IN ('start', 'console', 'terminal')", name=op.f('ck_model_versions_origin')),
    points_to('model_versions', 'made_by_id', 'staff_members'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_versions')),
    sa.UniqueConstraint('digest', name=op.f('uq_model_versions_digest'))
    )
    op.create_table('model_switches',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=False),
    sa.Column('from_id', sa.Integer(), nullable=True),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('origin', sa.String(length=16), nullable=False),
    sa.Column('asked_by_id', sa.Integer(), nullable=True),
    time('asked_at', nullable=False),
    time('begun_at'),
    time('finished_at'),
    sa.Column('load_s', sa.Double(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.CheckConstraint("state IN ('open', 'done', 'failed', 'withdrawn')", name=op.f('ck_model_switches_state')),
    sa.CheckConstraint("origin IN ('start', 'console', 'terminal')", name=op.f('ck_model_switches_origin')),
    points_to('model_switches', 'version_id', 'model_versions'),
    points_to('model_switches', 'from_id', 'model_versions'),
    points_to('model_switches', 'asked_by_id', 'staff_members'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_switches'))
    )
    op.create_index('uq_model_switches_open', 'model_switches', ['state'], unique=True,
                    sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_table('model_jobs',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('version_id', sa.Integer(), nullable=True),
    sa.Column('against_id', sa.Integer(), nullable=True),
    sa.Column('asked_by_id', sa.Integer(), nullable=True),
    sa.Column('size', sa.Integer(), nullable=True),
    time('started_at', nullable=False),
    time('beat_at', nullable=False),
    time('finished_at'),
    sa.Column('stage', sa.String(length=32), nullable=False),
    sa.Column('detail', sa.String(length=64), nullable=True),
    sa.Column('done', sa.Integer(), nullable=True),
    sa.Column('total', sa.Integer(), nullable=True),
    sa.Column('expected_s', sa.Double(), nullable=True),
    sa.Column('is_cancelled', sa.Boolean(), nullable=False),
    sa.Column('error', sa.String(length=32), nullable=True),
    sa.Column('output', sa.Text(), nullable=True),
    sa.Column('result', JSON, nullable=True),
    sa.CheckConstraint("kind IN ('train', 'compare', 'replay')", name=op.f('ck_model_jobs_kind')),
    sa.CheckConstraint("state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')", name=op.f('ck_model_jobs_state')),
    points_to('model_jobs', 'version_id', 'model_versions'),
    points_to('model_jobs', 'against_id', 'model_versions'),
    points_to('model_jobs', 'asked_by_id', 'staff_members'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_model_jobs'))
    )
    op.create_index('uq_model_jobs_running', 'model_jobs', ['state'], unique=True,
                    sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"))
    op.create_index('ix_model_jobs_version_id_kind_id', 'model_jobs', ['version_id', 'kind', 'id'])
    op.create_table('model_servers',
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('digest', sa.String(length=16), nullable=True),
    sa.Column('frame', sa.String(length=16), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    time('started_at', nullable=False),
    time('beat_at', nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_model_servers'))
    )
    op.create_table('replayed_messages',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('job_id', sa.Integer(), nullable=False),
    sa.Column('message_id', sa.Integer(), nullable=False),
    sa.Column('contact_id', sa.Integer(), nullable=False),
    sa.Column('before', sa.String(length=200), nullable=False),
    sa.Column('after', sa.String(length=200), nullable=False),
    sa.Column('before_confidence', sa.Double(), nullable=False),
    sa.Column('after_confidence', sa.Double(), nullable=False),
    sa.Column('change', sa.String(length=16), nullable=False),
    time('created_at', nullable=False),
    points_to('replayed_messages', 'job_id', 'model_jobs'),
    points_to('replayed_messages', 'message_id', 'messages'),
    points_to('replayed_messages', 'contact_id', 'contacts'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_replayed_messages'))
    )
    op.create_index('ix_replayed_messages_job_id_id', 'replayed_messages', ['job_id', 'id'])
    op.create_index('ix_replayed_messages_message_id', 'replayed_messages', ['message_id'])
    op.create_index('ix_replayed_messages_contact_id', 'replayed_messages', ['contact_id'])


def downgrade() -> None:
    for table in ('replayed_messages', 'model_servers', 'model_jobs', 'model_switches', 'model_versions'):
        op.drop_table(table)
