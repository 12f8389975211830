"""The first schema: registry, ledger, samples, cursors, quarantine. PostgreSQL begins with the second one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Two current entries of one pool and stage may not overlap: the database refuses, whoever writes.
_OVERLAP = """
CREATE TRIGGER capacity_no_overlap_{event} BEFORE {action} ON capacity WHEN NEW.superseded_at IS NULL
BEGIN
  SELECT RAISE(ABORT, 'capacity overlaps an entry of this pool and stage') WHERE EXISTS (
    SELECT 1 FROM capacity c
    WHERE c.pool_key = NEW.pool_key AND c.stage = NEW.stage AND c.superseded_at IS NULL AND c.id IS NOT NEW.id
      AND c.valid_from < COALESCE(NEW.valid_until, 9223372036854775807)
      AND NEW.valid_from < COALESCE(c.valid_until, 9223372036854775807));
END
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _tables()


def _tables() -> None:
    op.create_table(
        "sites",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("id", sa.String(63), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("recorded_at", sa.Integer, nullable=False),
    )
    op.create_table(
        "pools",
        sa.Column("key", sa.Integer, primary_key=True),
        sa.Column("site_key", sa.Integer, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("match", sa.Text),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.UniqueConstraint("site_key", "id", name="one_pool_per_id"),
    )
    _capacity()
    op.create_table(
        "samples",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("source_at", sa.Integer, nullable=False),
        sa.Column("fetched_at", sa.Integer, nullable=False),
        sa.Column("online_pflops", sa.Float),
        sa.Column("used_pflops", sa.Float),
        sa.Column("busy_pflops", sa.Float),
        sa.Column("quality", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("pool_key", "at", name="one_sample_per_slot"),
    )
    _bookkeeping()


def _capacity() -> None:
    op.create_table(
        "capacity",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("valid_from", sa.Integer, nullable=False),
        sa.Column("valid_until", sa.Integer),
        sa.Column("devices", sa.Integer),
        sa.Column("pflops", sa.Float),
        sa.Column("basis", sa.String(8), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.Column("superseded_at", sa.Integer),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="end_after_start"),
        sa.CheckConstraint("pflops IS NULL OR pflops >= 0", name="pflops_not_negative"),
    )
    op.create_index("capacity_of_pool", "capacity", ["pool_key", "stage", "valid_from"])
    op.execute(_OVERLAP.format(event="insert", action="INSERT"))
    op.execute(_OVERLAP.format(event="update", action="UPDATE"))


def _bookkeeping() -> None:
    op.create_table(
        "counters",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO counters (name, value) VALUES ('sample_seq', 0), ('registry_version', 0)")
    op.create_table(
        "cursors",
        sa.Column("sink", sa.String(63), primary_key=True),
        sa.Column("seq", sa.Integer, nullable=False),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sink", sa.String(63), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.UniqueConstraint("sink", "seq", name="one_rejection_per_sample"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: restore a backup instead")
