"""The tables. Times are UTC seconds, amounts are PFLOPS, NULL is unknown. Migrations make them: store/migrations."""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from suanli.model.metric import SAMPLE_RUNGS

metadata = MetaData()

sites = Table(
    "sites",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", String(63), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("source", Text),  # JSON of model.site.Source; secrets are named in it, never held
    Column("recorded_at", Integer, nullable=False),
)

pools = Table(
    "pools",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("site_key", Integer, ForeignKey("sites.key"), nullable=False),
    Column("id", String(63), nullable=False),
    Column("model", Text, nullable=False),
    Column("basis", String(8), nullable=False),
    Column("match", Text),  # JSON of model.site.Match
    Column("recorded_at", Integer, nullable=False),
    UniqueConstraint("site_key", "id", name="one_pool_per_id"),
)

capacity = Table(
    "capacity",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pool_key", Integer, ForeignKey("pools.key"), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("valid_from", Integer, nullable=False),
    Column("valid_until", Integer),
    Column("devices", Integer),
    Column("pflops", Float),
    Column("basis", String(8), nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("recorded_at", Integer, nullable=False),
    Column("superseded_at", Integer),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="end_after_start"),
    CheckConstraint("pflops IS NULL OR pflops >= 0", name="pflops_not_negative"),
    Index("capacity_of_pool", "pool_key", "stage", "valid_from"),
)

samples = Table(
    "samples",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("pool_key", Integer, ForeignKey("pools.key"), nullable=False),
    Column("at", Integer, nullable=False),
    Column("source_at", Integer, nullable=False),
    Column("fetched_at", Integer, nullable=False),
    *(Column(rung.field, Float) for rung in SAMPLE_RUNGS),
    Column("quality", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("pool_key", "at", name="one_sample_per_slot"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Integer, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("sink", String(63), primary_key=True),
    Column("seq", Integer, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sink", String(63), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("line", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Integer, nullable=False),
    UniqueConstraint("sink", "seq", name="one_rejection_per_sample"),
)
