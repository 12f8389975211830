"""Two times for facts too, samples by time with what they replaced, rollups, maintenance, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_QUALITIES = ("ok", "estimated", "declared", "partial", "suspect")
_MAX_AGE = 180
"""For samples of the first schema, which did not keep how long their word holds: three intervals by default."""

# Two current facts of one site or pool may not overlap: the database refuses, whoever writes.
_OVERLAP = """
CREATE TRIGGER {table}_no_overlap_{event} BEFORE {action} ON {table} WHEN NEW.superseded_at IS NULL
BEGIN
  SELECT RAISE(ABORT, '{table} overlaps what is already said of that time') WHERE EXISTS (
    SELECT 1 FROM {table} c
    WHERE {same} AND c.superseded_at IS NULL AND c.id IS NOT NEW.id
      AND c.valid_from < COALESCE(NEW.valid_until, 9223372036854775807)
      AND NEW.valid_from < COALESCE(c.valid_until, 9223372036854775807));
END
"""
_SAME_POOL = "(c.pool_key = NEW.pool_key OR (c.site_key = NEW.site_key AND c.pool = NEW.pool))"


def upgrade() -> None:
    _facts()
    _samples()
    _rollups()
    _bookkeeping()
    _quarantine()
    _maintenance()


def _two_times() -> list[sa.Column[int]]:
    return [
        sa.Column("valid_from", sa.Integer, nullable=False),
        sa.Column("valid_until", sa.Integer),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.Column("superseded_at", sa.Integer),
    ]


def _facts() -> None:
    op.create_table(
        "site_facts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("site_key", sa.Integer, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("province", sa.Text, nullable=False),
        sa.Column("operator", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        *_two_times(),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="site_facts_end_after_start"),
    )
    op.create_index("facts_of_site", "site_facts", ["site_key", "valid_from"])
    op.create_table(
        "pool_facts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("site_key", sa.Integer, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("pool", sa.String(63), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("basis", sa.String(8), nullable=False),
        *_two_times(),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="pool_facts_end_after_start"),
    )
    op.create_index("facts_of_pool", "pool_facts", ["pool_key", "valid_from"])
    op.create_index("pools_of_site", "pool_facts", ["site_key", "pool"])
    # The first schema knew facts without dates: they count for all time, and as known since the ledger's first word.
    known = (
        "(SELECT COALESCE(MIN(c.recorded_at), {own}) FROM capacity c JOIN pools p ON p.key = c.pool_key WHERE {same})"
    )
    site_known = f"MIN(recorded_at, {known.format(own='s.recorded_at', same='p.site_key = s.key')})"
    op.execute(
        "INSERT INTO site_facts (site_key, name, province, operator, status, valid_from, recorded_at) "
        f"SELECT key, name, province, operator, status, 0, {site_known} FROM sites s"
    )
    pool_known = f"MIN(recorded_at, {known.format(own='o.recorded_at', same='p.key = o.key')})"
    op.execute(
        "INSERT INTO pool_facts (pool_key, site_key, pool, model, basis, valid_from, recorded_at) "
        f"SELECT key, site_key, id, model, basis, 0, {pool_known} FROM pools o"
    )
    for table, same in (("site_facts", "c.site_key = NEW.site_key"), ("pool_facts", _SAME_POOL)):
        for event, action in (("insert", "INSERT"), ("update", "UPDATE")):
            op.execute(_OVERLAP.format(table=table, same=same, event=event, action=action))
    _slimmed("sites", "key, id, source, recorded_at", "id VARCHAR(63) NOT NULL, source TEXT", ", UNIQUE (id)")
    _slimmed("pools", "key, match, recorded_at", "match TEXT")


def _slimmed(table: str, kept: str, columns: str, constraint: str = "") -> None:
    """Without the columns that are facts now. Foreign keys are not enforced while migrations run, but checked after."""
    op.execute(
        f"CREATE TABLE slim (key INTEGER NOT NULL PRIMARY KEY, {columns}, recorded_at INTEGER NOT NULL{constraint})"
    )
    op.execute(f"INSERT INTO slim ({kept}) SELECT {kept} FROM {table}")
    op.drop_table(table)
    op.rename_table("slim", table)


def _words(*, key: bool) -> list[sa.Column[int] | sa.Column[float] | sa.Column[str]]:
    return [
        sa.Column("at", sa.Integer, primary_key=key, nullable=False),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), primary_key=key, nullable=False),
        sa.Column("source_lag", sa.Integer, nullable=False),
        sa.Column("fetch_lag", sa.Integer, nullable=False),
        sa.Column("record_lag", sa.Integer, nullable=False),
        sa.Column("max_age", sa.Integer, nullable=False),
        sa.Column("online_pflops", sa.Float),
        sa.Column("used_pflops", sa.Float),
        sa.Column("busy_pflops", sa.Float),
        sa.Column("quality", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    ]


def _samples() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("pool_key", sa.Integer, nullable=False),
    )
    op.execute("INSERT INTO outbox (seq, at, pool_key) SELECT seq, at, pool_key FROM samples")
    op.rename_table("samples", "old_samples")
    op.create_table("samples", *_words(key=True), sqlite_with_rowid=False)
    place = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(_QUALITIES))
    op.execute(
        "INSERT INTO samples SELECT at, pool_key, source_at - at, fetched_at - source_at, 0, "
        f"{_MAX_AGE}, online_pflops, used_pflops, busy_pflops, CASE quality {place} END, reason FROM old_samples"
    )
    op.drop_table("old_samples")
    op.create_table(
        "replaced",
        sa.Column("id", sa.Integer, primary_key=True),
        *_words(key=False),
        sa.Column("superseded_at", sa.Integer, nullable=False),
    )
    op.create_index("replaced_by_time", "replaced", ["at", "pool_key"])


def _tallies() -> list[sa.Column[int] | sa.Column[float]]:
    return [
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("fresh", "heard", "told", "busy_told", "flagged")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("online", "used", "told_online", "busy", "busy_used")),
        *(sa.Column(f"{rung}_{end}", sa.Float) for rung in ("online", "used", "busy") for end in ("min", "max")),
        sa.Column("known_at", sa.Integer, nullable=False),
    ]


def _rollups() -> None:
    op.create_table(
        "hours",
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), primary_key=True),
        sa.Column("start", sa.Integer, primary_key=True),
        *_tallies(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "days",
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), primary_key=True),
        sa.Column("zone", sa.String(64), primary_key=True),
        sa.Column("start", sa.Integer, primary_key=True),
        sa.Column("until", sa.Integer, nullable=False),
        *_tallies(),
        sqlite_with_rowid=False,
    )
    for name in ("dirty", "dirty_days"):
        op.create_table(
            name,
            sa.Column("start", sa.Integer, primary_key=True),
            sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), primary_key=True),
            sqlite_with_rowid=False,
        )
    word = "at + source_lag"
    for end in (word, f"{word} + max_age"):
        touched = f"SELECT DISTINCT ({end}) / 3600 * 3600, pool_key FROM samples"
        op.execute(f"INSERT OR IGNORE INTO dirty (start, pool_key) {touched}")


def _bookkeeping() -> None:
    op.create_table(
        "notes",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    # reach: how far a sample's slot can lie from the end of its word; samples_from: what is older was let go.
    reach = f"(SELECT COALESCE(MAX(ABS(source_lag)), 0) + {_MAX_AGE} + 1 FROM samples)"
    op.execute(f"INSERT INTO counters (name, value) VALUES ('reach', {reach}), ('samples_from', 0)")


def _quarantine() -> None:
    op.rename_table("quarantine", "rejections")
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
        sa.Column("check", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("sample", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.Column("released_at", sa.Integer),
        sa.Column("released_by", sa.Text),
    )
    op.create_index("quarantine_of_pool", "quarantine", ["pool_key", "at"])
    op.create_table(
        "findings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("check", sa.String(32), nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.UniqueConstraint("pool_key", "check", "since", name="one_finding_per_beginning"),
    )


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("site_key", sa.Integer, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("pool_key", sa.Integer, sa.ForeignKey("pools.key")),
        sa.Column("start", sa.Integer, nullable=False),
        sa.Column("end", sa.Integer, nullable=False),
        sa.Column("rule", sa.Text),
        sa.Column("policy", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("approved_at", sa.Integer),
        sa.Column("approved_by", sa.Text),
        sa.Column("cut_at", sa.Integer),
        sa.Column("recorded_at", sa.Integer, nullable=False),
        sa.Column("superseded_at", sa.Integer),
        sa.CheckConstraint('"end" > start', name="window_end_after_start"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: restore a backup instead")
