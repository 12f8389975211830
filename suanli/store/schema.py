"""The tables. Times are UTC seconds, amounts are PFLOPS, NULL is unknown. Migrations make them: store/migrations.

Two times (docs/decisions/0006-two-times.md): valid_from and valid_until say when something is true in the world,
recorded_at and superseded_at when we knew it so. Nothing that was once recorded is overwritten.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
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
from suanli.model.tally import EXTREMES, SECONDS, SUMS

metadata = MetaData()


def _two_times() -> list[Column[int]]:
    return [
        Column("valid_from", Integer, nullable=False),
        Column("valid_until", Integer),
        Column("recorded_at", Integer, nullable=False),
        Column("superseded_at", Integer),
    ]


sites = Table(
    "sites",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("id", String(63), nullable=False, unique=True),
    Column("source", Text),  # JSON of model.site.Source; secrets are named in it, never held
    Column("cross_check", Text),  # JSON of model.site.CrossCheck
    Column("recorded_at", Integer, nullable=False),
)

site_facts = Table(
    "site_facts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_key", Integer, ForeignKey("sites.key"), nullable=False),
    Column("name", Text, nullable=False),
    Column("province", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("status", String(16), nullable=False),
    *_two_times(),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="site_facts_end_after_start"),
    Index("facts_of_site", "site_key", "valid_from"),
)

pools = Table(
    "pools",
    metadata,
    Column("key", Integer, primary_key=True),
    Column("match", Text),  # JSON of model.site.Match
    Column("recorded_at", Integer, nullable=False),
)

pool_facts = Table(
    "pool_facts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pool_key", Integer, ForeignKey("pools.key"), nullable=False),
    Column("site_key", Integer, ForeignKey("sites.key"), nullable=False),
    Column("pool", String(63), nullable=False),
    Column("model", Text, nullable=False),
    Column("basis", String(8), nullable=False),
    *_two_times(),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="pool_facts_end_after_start"),
    Index("facts_of_pool", "pool_key", "valid_from"),
    Index("pools_of_site", "site_key", "pool"),
)

capacity = Table(
    "capacity",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pool_key", Integer, ForeignKey("pools.key"), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("devices", Integer),
    Column("pflops", Float),
    Column("basis", String(8), nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", String(16), nullable=False),
    *_two_times(),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="end_after_start"),
    CheckConstraint("pflops IS NULL OR pflops >= 0", name="pflops_not_negative"),
    Index("capacity_of_pool", "pool_key", "stage", "valid_from"),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("site_key", Integer, ForeignKey("sites.key"), nullable=False),
    Column("pool_key", Integer, ForeignKey("pools.key")),  # NULL: the whole site
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),  # of the first occurrence
    Column("rule", Text),  # RFC 5545, in local time
    Column("policy", String(8), nullable=False),
    Column("reason", Text, nullable=False),
    Column("approved_at", Integer),
    Column("approved_by", Text),
    Column("cut_at", Integer),  # ended early: nothing from here on
    Column("recorded_at", Integer, nullable=False),
    Column("superseded_at", Integer),
    CheckConstraint('"end" > start', name="window_end_after_start"),
)


def _words(*, key: bool) -> list[Column[int] | Column[float] | Column[str]]:
    """What a source said once. Times after `at` are kept as distances: small numbers take a byte each in SQLite."""
    return [
        Column("at", Integer, primary_key=key, nullable=False),
        Column("pool_key", Integer, ForeignKey("pools.key"), primary_key=key, nullable=False),
        Column("source_lag", Integer, nullable=False),  # source_at - at
        Column("fetch_lag", Integer, nullable=False),  # fetched_at - source_at
        Column("record_lag", Integer, nullable=False),  # recorded_at - fetched_at
        Column("max_age", Integer, nullable=False),
        *(Column(rung.field, Float) for rung in SAMPLE_RUNGS),
        Column("quality", Integer, nullable=False),  # its place in model.sample.QUALITIES
        Column("reason", Text, nullable=False),
    ]


# Ordered by time, so that pages are filled to the brim and one scan serves all pools of an hour.
samples = Table("samples", metadata, *_words(key=True), sqlite_with_rowid=False)

replaced = Table(
    "replaced",
    metadata,
    Column("id", Integer, primary_key=True),
    *_words(key=False),
    Column("superseded_at", Integer, nullable=False),
    Index("replaced_by_time", "at", "pool_key"),
)


# What second signals said: compared with the samples, never counted.
second_words = Table("second_words", metadata, *_words(key=True), sqlite_with_rowid=False)


def _tallies() -> list[Column[int] | Column[float]]:
    """Sums that can be added again: seconds, and PFLOPS-seconds. See model/tally.py."""
    return [
        *(Column(name, Integer, nullable=False) for name in SECONDS),
        *(Column(name, Float, nullable=False) for name in SUMS),
        *(Column(name, Float) for name in EXTREMES),
        Column("known_at", Integer, nullable=False),  # the last time at which anything in it was recorded
    ]


hours = Table(
    "hours",
    metadata,
    Column("pool_key", Integer, ForeignKey("pools.key"), primary_key=True),
    Column("start", Integer, primary_key=True),
    *_tallies(),
    sqlite_with_rowid=False,
)

days = Table(
    "days",
    metadata,
    Column("pool_key", Integer, ForeignKey("pools.key"), primary_key=True),
    Column("zone", String(64), primary_key=True),  # whose midnights these are
    Column("start", Integer, primary_key=True),
    Column("until", Integer, nullable=False),
    *_tallies(),
    sqlite_with_rowid=False,
)


def _marks(name: str) -> Table:
    """Cells whose rollup is to be made anew."""
    return Table(
        name,
        metadata,
        Column("start", Integer, primary_key=True),
        Column("pool_key", Integer, ForeignKey("pools.key"), primary_key=True),
        sqlite_with_rowid=False,
    )


dirty = _marks("dirty")
dirty_days = _marks("dirty_days")

notes = Table(
    "notes",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("text", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Integer, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("pool_key", Integer, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("sink", String(63), primary_key=True),
    Column("seq", Integer, nullable=False),
)

rejections = Table(
    "rejections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sink", String(63), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("line", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Integer, nullable=False),
    UniqueConstraint("sink", "seq", name="one_rejection_per_sample"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pool_key", Integer, ForeignKey("pools.key"), nullable=False),
    Column("at", Integer, nullable=False),
    Column("check", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    Column("sample", Text, nullable=False),  # JSON of the sample, or of the one figure that was refused
    Column("recorded_at", Integer, nullable=False),
    Column("released_at", Integer),
    Column("released_by", Text),
    Index("quarantine_of_pool", "pool_key", "at"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("pool_key", Integer, ForeignKey("pools.key"), nullable=False),
    Column("check", String(32), nullable=False),
    Column("since", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("recorded_at", Integer, nullable=False),
    UniqueConstraint("pool_key", "check", "since", name="one_finding_per_beginning"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("hash", Text, nullable=False),  # Argon2id; the secret itself is nowhere
    Column("owner", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # JSON list of model.access.Scope, as written
    Column("networks", Text, nullable=False),  # JSON list of CIDR; empty: from anywhere
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)

# Rows are only ever appended, by store.audit.append: store/append_only.py has the triggers that see to it.
audit = Table(
    "audit",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text),  # JSON, of what changes
    Column("after", Text),
    Column("reason", Text),
    Column("request_id", Text),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("action", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("operators", Text, nullable=False),  # JSON: the names of all whose sites it is about
    Column("body", Text, nullable=False),  # JSON of model.request.Request
    Column("submitted_at", BigInteger, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_at", BigInteger),
    Column("decided_by", Text),
    Column("why", Text),
    Index("submissions_by_state", "state", "id"),
)
