"""The tables. Times are UTC seconds, amounts are PFLOPS, NULL is unknown. Migrations make them: store/migrations.

Two times (docs/decisions/0006-two-times.md): valid_from and valid_until say when something is true in the world,
recorded_at and superseded_at when we knew it so. Nothing that was once recorded is overwritten.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, MetaData, Table, UniqueConstraint

from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.tally import EXTREMES, SECONDS, SUMS
from suanli.store.dialect import LONG, TEXT, word

metadata = MetaData()


def _two_times() -> list[Column[int]]:
    return [
        Column("valid_from", LONG, nullable=False),
        Column("valid_until", LONG),
        Column("recorded_at", LONG, nullable=False),
        Column("superseded_at", LONG),
    ]


sites = Table(
    "sites",
    metadata,
    Column("key", LONG, primary_key=True),
    Column("id", word(63), nullable=False, unique=True),
    Column("source", TEXT),  # JSON of model.site.Source; secrets are named in it, never held
    Column("cross_check", TEXT),  # JSON of model.site.CrossCheck
    Column("recorded_at", LONG, nullable=False),
)

site_facts = Table(
    "site_facts",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("site_key", LONG, ForeignKey("sites.key"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("province", TEXT, nullable=False),
    Column("operator", TEXT, nullable=False),
    Column("status", word(16), nullable=False),
    *_two_times(),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="site_facts_end_after_start"),
    Index("facts_of_site", "site_key", "valid_from"),
)

pools = Table(
    "pools",
    metadata,
    Column("key", LONG, primary_key=True),
    Column("match", TEXT),  # JSON of model.site.Match
    Column("recorded_at", LONG, nullable=False),
)

pool_facts = Table(
    "pool_facts",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("pool_key", LONG, ForeignKey("pools.key"), nullable=False),
    Column("site_key", LONG, ForeignKey("sites.key"), nullable=False),
    Column("pool", word(63), nullable=False),
    Column("model", TEXT, nullable=False),
    Column("basis", word(8), nullable=False),
    *_two_times(),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="pool_facts_end_after_start"),
    Index("facts_of_pool", "pool_key", "valid_from"),
    Index("pools_of_site", "site_key", "pool"),
)

capacity = Table(
    "capacity",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("pool_key", LONG, ForeignKey("pools.key"), nullable=False),
    Column("stage", word(16), nullable=False),
    Column("devices", LONG),
    Column("pflops", Float),
    Column("basis", word(8), nullable=False),
    Column("source", TEXT, nullable=False),
    Column("reason", word(16), nullable=False),
    *_two_times(),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="end_after_start"),
    CheckConstraint("pflops IS NULL OR pflops >= 0", name="pflops_not_negative"),
    Index("capacity_of_pool", "pool_key", "stage", "valid_from"),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("site_key", LONG, ForeignKey("sites.key"), nullable=False),
    Column("pool_key", LONG, ForeignKey("pools.key")),  # NULL: the whole site
    Column("start", LONG, nullable=False),
    Column("end", LONG, nullable=False),  # of the first occurrence
    Column("rule", TEXT),  # RFC 5545, in local time
    Column("policy", word(8), nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("approved_at", LONG),
    Column("approved_by", TEXT),
    Column("cut_at", LONG),  # ended early: nothing from here on
    Column("recorded_at", LONG, nullable=False),
    Column("superseded_at", LONG),
    CheckConstraint('"end" > start', name="window_end_after_start"),
)


def _words(*, key: bool) -> list[Column[int] | Column[float] | Column[str]]:
    """What a source said once. Times after `at` are kept as distances: small numbers take a byte each in SQLite."""
    return [
        Column("at", LONG, primary_key=key, nullable=False),
        Column("pool_key", LONG, ForeignKey("pools.key"), primary_key=key, nullable=False),
        Column("source_lag", LONG, nullable=False),  # source_at - at
        Column("fetch_lag", LONG, nullable=False),  # fetched_at - source_at
        Column("record_lag", LONG, nullable=False),  # recorded_at - fetched_at
        Column("max_age", LONG, nullable=False),
        *(Column(rung.field, Float) for rung in SAMPLE_RUNGS),
        Column("quality", LONG, nullable=False),  # its place in model.sample.QUALITIES
        Column("reason", TEXT, nullable=False),
    ]


# Ordered by time, so that pages are filled to the brim and one scan serves all pools of an hour.
samples = Table("samples", metadata, *_words(key=True), sqlite_with_rowid=False)

replaced = Table(
    "replaced",
    metadata,
    Column("id", LONG, primary_key=True),
    *_words(key=False),
    Column("superseded_at", LONG, nullable=False),
    Index("replaced_by_time", "at", "pool_key"),
)


# What second signals said: compared with the samples, never counted.
second_words = Table("second_words", metadata, *_words(key=True), sqlite_with_rowid=False)


def _tallies() -> list[Column[int] | Column[float]]:
    """Sums that can be added again: seconds, and PFLOPS-seconds. See model/tally.py."""
    return [
        *(Column(name, LONG, nullable=False) for name in SECONDS),
        *(Column(name, Float, nullable=False) for name in SUMS),
        *(Column(name, Float) for name in EXTREMES),
        Column("known_at", LONG, nullable=False),  # the last time at which anything in it was recorded
    ]


hours = Table(
    "hours",
    metadata,
    Column("pool_key", LONG, ForeignKey("pools.key"), primary_key=True),
    Column("start", LONG, primary_key=True),
    *_tallies(),
    sqlite_with_rowid=False,
)

days = Table(
    "days",
    metadata,
    Column("pool_key", LONG, ForeignKey("pools.key"), primary_key=True),
    Column("zone", word(64), primary_key=True),  # whose midnights these are
    Column("start", LONG, primary_key=True),
    Column("until", LONG, nullable=False),
    *_tallies(),
    sqlite_with_rowid=False,
)


def _marks(name: str) -> Table:
    """Cells whose rollup is to be made anew."""
    return Table(
        name,
        metadata,
        Column("start", LONG, primary_key=True),
        Column("pool_key", LONG, ForeignKey("pools.key"), primary_key=True),
        sqlite_with_rowid=False,
    )


dirty = _marks("dirty")
dirty_days = _marks("dirty_days")

notes = Table(
    "notes",
    metadata,
    Column("name", word(32), primary_key=True),
    Column("text", TEXT, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", word(32), primary_key=True),
    Column("value", LONG, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", LONG, primary_key=True),
    Column("at", LONG, nullable=False),
    Column("pool_key", LONG, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("sink", word(63), primary_key=True),
    Column("seq", LONG, nullable=False),
)

# Hours and days that sinks have not got; pool_key 0: all pools. See store/closed.py.
rollup_outbox = Table(
    "rollup_outbox",
    metadata,
    Column("seq", LONG, primary_key=True, autoincrement=False),
    Column("width", word(8), nullable=False),
    Column("start", LONG, nullable=False),
    Column("until", LONG, nullable=False),
    Column("pool_key", LONG, nullable=False),
)

rollup_cursors = Table(
    "rollup_cursors",
    metadata,
    Column("sink", word(63), primary_key=True),
    Column("seq", LONG, nullable=False),
)

rejections = Table(
    "rejections",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("sink", word(63), nullable=False),
    Column("seq", LONG, nullable=False),
    Column("line", TEXT, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("recorded_at", LONG, nullable=False),
    UniqueConstraint("sink", "seq", name="one_rejection_per_sample"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("pool_key", LONG, ForeignKey("pools.key"), nullable=False),
    Column("at", LONG, nullable=False),
    Column("check", word(32), nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("sample", TEXT, nullable=False),  # JSON of the sample, or of the one figure that was refused
    Column("recorded_at", LONG, nullable=False),
    Column("released_at", LONG),
    Column("released_by", TEXT),
    Index("quarantine_of_pool", "pool_key", "at"),
    Index("quarantine_by_time", "recorded_at"),
)

findings = Table(
    "findings",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("pool_key", LONG, ForeignKey("pools.key"), nullable=False),
    Column("check", word(32), nullable=False),
    Column("since", LONG, nullable=False),
    Column("until", LONG, nullable=False),
    Column("reason", TEXT, nullable=False),
    Column("recorded_at", LONG, nullable=False),
    UniqueConstraint("pool_key", "check", "since", name="one_finding_per_beginning"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", word(16), primary_key=True),
    Column("hash", TEXT, nullable=False),  # Argon2id; the secret itself is nowhere
    Column("owner", TEXT, nullable=False),
    Column("scopes", TEXT, nullable=False),  # JSON list of model.access.Scope, as written
    Column("networks", TEXT, nullable=False),  # JSON list of CIDR; empty: from anywhere
    Column("created_at", LONG, nullable=False),
    Column("created_by", TEXT, nullable=False),
    Column("expires_at", LONG),
    Column("last_used_at", LONG),
    Column("revoked_at", LONG),
)

# Rows are only ever appended, by store.audit.append: store/append_only.py has the triggers that see to it.
audit = Table(
    "audit",
    metadata,
    Column("seq", LONG, primary_key=True, autoincrement=False),
    Column("at", LONG, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("action", word(32), nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("before", TEXT),  # JSON, of what changes
    Column("after", TEXT),
    Column("reason", TEXT),
    Column("request_id", TEXT),
    Column("previous", word(64), nullable=False),
    Column("hash", word(64), nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("action", word(32), nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("operators", TEXT, nullable=False),  # JSON: the names of all whose sites it is about
    Column("body", TEXT, nullable=False),  # JSON of model.request.Request
    Column("submitted_at", LONG, nullable=False),
    Column("submitted_by", TEXT, nullable=False),
    Column("state", word(16), nullable=False),
    Column("decided_at", LONG),
    Column("decided_by", TEXT),
    Column("why", TEXT),
    Index("submissions_by_state", "state", "id"),
)

# One row for a key of a token, written together with what the answer tells of (store.once).
answered = Table(
    "answered",
    metadata,
    Column("token", word(16), primary_key=True),
    Column("key", TEXT, primary_key=True),
    Column("digest", word(64), nullable=False),  # SHA-256 of the request
    Column("answer", TEXT, nullable=False),  # JSON
    Column("at", LONG, nullable=False),
    Index("answered_by_time", "at"),
)

# Each kind of alert for each subject, as the last round that changed it left it.
alerts = Table(
    "alerts",
    metadata,
    Column("kind", word(32), primary_key=True),
    Column("subject", TEXT, primary_key=True),  # JSON of model.alert.Subject
    Column("severity", word(16), nullable=False),
    Column("state", word(16), nullable=False),
    Column("since", LONG, nullable=False),
    Column("fired_at", LONG),
    Column("value", Float),
    Column("threshold", Float),
    Column("stake", Float),
    Column("held", LONG, nullable=False),
    Column("acknowledged_by", TEXT, nullable=False),
    Column("acknowledged_why", TEXT, nullable=False),
)

# What a channel was last told of an alert, and what it was not told yet.
told = Table(
    "told",
    metadata,
    Column("channel", word(63), primary_key=True),
    Column("alert", TEXT, primary_key=True),  # its kind and subject, as model.alert.key_of writes them
    Column("memory", TEXT, nullable=False),  # JSON of exporter.notify.memory.Memory
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", LONG, primary_key=True),
    Column("key", word(32), nullable=False, unique=True),  # by which a receiver knows a message that comes again
    Column("channel", word(63), nullable=False),
    Column("purpose", word(16), nullable=False),
    Column("letter", TEXT, nullable=False),  # JSON of exporter.notify.letter.Letter
    Column("made_at", LONG, nullable=False),
    Column("expires_at", LONG, nullable=False),
    Column("state", word(16), nullable=False),  # pending, delivered or failed
    Column("next_at", LONG, nullable=False),  # not tried before
    Column("tries", LONG, nullable=False),
    Column("refusals", LONG, nullable=False),
    Column("ended_at", LONG),
    Column("error", TEXT, nullable=False),  # the last words of the channel, without anything of its URL
    Index("notifications_by_state", "state", "channel", "id"),
)

# One row for a submission that was looked at: how many good polls in a row it has had of its source (store.acceptance).
acceptance = Table(
    "acceptance",
    metadata,
    Column("submission", LONG, primary_key=True, autoincrement=False),
    Column("good", LONG, nullable=False),
    Column("needed", LONG, nullable=False),
    Column("at", LONG),  # of the last poll
    Column("why", TEXT),  # the last reason why it is not, or not yet, approved by itself
)
