"""Two times for facts too, samples by time with what they replaced, rollups, maintenance, quarantine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from suanli.store.dialect import LONG, TEXT, WRITERS, word

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
_POSTGRESQL_OVERLAP = f"""
CREATE FUNCTION {{table}}_no_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock({WRITERS});  -- else two that do not see each other yet could both pass
  IF EXISTS (
    SELECT 1 FROM {{table}} c
    WHERE {{same}} AND c.superseded_at IS NULL AND c.id IS DISTINCT FROM NEW.id
      AND c.valid_from < COALESCE(NEW.valid_until, 9223372036854775807)
      AND NEW.valid_from < COALESCE(c.valid_until, 9223372036854775807))
  THEN
    RAISE EXCEPTION '{{table}} overlaps {{what}}' USING ERRCODE = 'exclusion_violation';
  END IF;
  RETURN NEW;
END $$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER {table}_no_overlap BEFORE INSERT OR UPDATE ON {table}
FOR EACH ROW WHEN (NEW.superseded_at IS NULL) EXECUTE FUNCTION {table}_no_overlap()
"""
_SAME_POOL = "(c.pool_key = NEW.pool_key OR (c.site_key = NEW.site_key AND c.pool = NEW.pool))"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _made_anew()
        return
    _facts()
    _samples()
    _rollups()
    _bookkeeping()
    _quarantine()
    _maintenance()


def _made_anew() -> None:
    """There is no PostgreSQL of the first schema: what that one made is made as it is from now on."""
    _registry()
    _fact_tables()
    _capacity()
    for table, same, what in (
        ("site_facts", "c.site_key = NEW.site_key", "what is already said of that time"),
        ("pool_facts", _SAME_POOL, "what is already said of that time"),
        ("capacity", "c.pool_key = NEW.pool_key AND c.stage = NEW.stage", "an entry of this pool and stage"),
    ):
        op.execute(_POSTGRESQL_OVERLAP.format(table=table, same=same, what=what))
        op.execute(_POSTGRESQL_TRIGGER.format(table=table))
    _outbox()
    _sample_tables()
    _rollup_tables()
    _notes()
    _counters()
    _rejections()
    _quarantine_tables()
    _maintenance()


def _registry() -> None:
    op.create_table(
        "sites",
        sa.Column("key", LONG, primary_key=True),
        sa.Column("id", word(63), nullable=False, unique=True),
        sa.Column("source", TEXT),
        sa.Column("recorded_at", LONG, nullable=False),
    )
    op.create_table(
        "pools",
        sa.Column("key", LONG, primary_key=True),
        sa.Column("match", TEXT),
        sa.Column("recorded_at", LONG, nullable=False),
    )


def _capacity() -> None:
    op.create_table(
        "capacity",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("stage", word(16), nullable=False),
        sa.Column("devices", LONG),
        sa.Column("pflops", sa.Float),
        sa.Column("basis", word(8), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("reason", word(16), nullable=False),
        *_two_times(),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="end_after_start"),
        # PostgreSQL keeps a NaN, and says that it is the greatest of all.
        sa.CheckConstraint("pflops IS NULL OR (pflops >= 0 AND pflops < 'Infinity')", name="pflops_not_negative"),
    )
    op.create_index("capacity_of_pool", "capacity", ["pool_key", "stage", "valid_from"])


def _counters() -> None:
    op.create_table(
        "counters",
        sa.Column("name", word(32), primary_key=True),
        sa.Column("value", LONG, nullable=False),
    )
    for name in ("sample_seq", "registry_version", "reach", "samples_from"):
        op.execute(f"INSERT INTO counters (name, value) VALUES ('{name}', 0)")
    op.create_table(
        "cursors",
        sa.Column("sink", word(63), primary_key=True),
        sa.Column("seq", LONG, nullable=False),
    )


def _rejections() -> None:
    op.create_table(
        "rejections",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("sink", word(63), nullable=False),
        sa.Column("seq", LONG, nullable=False),
        sa.Column("line", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.UniqueConstraint("sink", "seq", name="one_rejection_per_sample"),
    )


def _two_times() -> list[sa.Column[int]]:
    return [
        sa.Column("valid_from", LONG, nullable=False),
        sa.Column("valid_until", LONG),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.Column("superseded_at", LONG),
    ]


def _fact_tables() -> None:
    op.create_table(
        "site_facts",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("site_key", LONG, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("province", TEXT, nullable=False),
        sa.Column("operator", TEXT, nullable=False),
        sa.Column("status", word(16), nullable=False),
        *_two_times(),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="site_facts_end_after_start"),
    )
    op.create_index("facts_of_site", "site_facts", ["site_key", "valid_from"])
    op.create_table(
        "pool_facts",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("site_key", LONG, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("pool", word(63), nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("basis", word(8), nullable=False),
        *_two_times(),
        sa.CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="pool_facts_end_after_start"),
    )
    op.create_index("facts_of_pool", "pool_facts", ["pool_key", "valid_from"])
    op.create_index("pools_of_site", "pool_facts", ["site_key", "pool"])


def _facts() -> None:
    _fact_tables()
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
        sa.Column("at", LONG, primary_key=key, nullable=False),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), primary_key=key, nullable=False),
        sa.Column("source_lag", LONG, nullable=False),
        sa.Column("fetch_lag", LONG, nullable=False),
        sa.Column("record_lag", LONG, nullable=False),
        sa.Column("max_age", LONG, nullable=False),
        sa.Column("online_pflops", sa.Float),
        sa.Column("used_pflops", sa.Float),
        sa.Column("busy_pflops", sa.Float),
        sa.Column("quality", LONG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
    ]


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("seq", LONG, primary_key=True),
        sa.Column("at", LONG, nullable=False),
        sa.Column("pool_key", LONG, nullable=False),
    )


def _sample_tables() -> None:
    op.create_table("samples", *_words(key=True), sqlite_with_rowid=False)
    op.create_table(
        "replaced",
        sa.Column("id", LONG, primary_key=True),
        *_words(key=False),
        sa.Column("superseded_at", LONG, nullable=False),
    )
    op.create_index("replaced_by_time", "replaced", ["at", "pool_key"])


def _samples() -> None:
    _outbox()
    op.execute("INSERT INTO outbox (seq, at, pool_key) SELECT seq, at, pool_key FROM samples")
    op.rename_table("samples", "old_samples")
    _sample_tables()
    place = " ".join(f"WHEN '{name}' THEN {place}" for place, name in enumerate(_QUALITIES))
    op.execute(
        "INSERT INTO samples SELECT at, pool_key, source_at - at, fetched_at - source_at, 0, "
        f"{_MAX_AGE}, online_pflops, used_pflops, busy_pflops, CASE quality {place} END, reason FROM old_samples"
    )
    op.drop_table("old_samples")


def _tallies() -> list[sa.Column[int] | sa.Column[float]]:
    return [
        *(sa.Column(name, LONG, nullable=False) for name in ("fresh", "heard", "told", "busy_told", "flagged")),
        *(sa.Column(name, sa.Float, nullable=False) for name in ("online", "used", "told_online", "busy", "busy_used")),
        *(sa.Column(f"{rung}_{end}", sa.Float) for rung in ("online", "used", "busy") for end in ("min", "max")),
        sa.Column("known_at", LONG, nullable=False),
    ]


def _rollup_tables() -> None:
    op.create_table(
        "hours",
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), primary_key=True),
        sa.Column("start", LONG, primary_key=True),
        *_tallies(),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "days",
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), primary_key=True),
        sa.Column("zone", word(64), primary_key=True),
        sa.Column("start", LONG, primary_key=True),
        sa.Column("until", LONG, nullable=False),
        *_tallies(),
        sqlite_with_rowid=False,
    )
    for name in ("dirty", "dirty_days"):
        op.create_table(
            name,
            sa.Column("start", LONG, primary_key=True),
            sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), primary_key=True),
            sqlite_with_rowid=False,
        )


def _rollups() -> None:
    _rollup_tables()
    begin = "at + source_lag"
    for end in (begin, f"{begin} + max_age"):
        touched = f"SELECT DISTINCT ({end}) / 3600 * 3600, pool_key FROM samples"
        op.execute(f"INSERT OR IGNORE INTO dirty (start, pool_key) {touched}")


def _notes() -> None:
    op.create_table(
        "notes",
        sa.Column("name", word(32), primary_key=True),
        sa.Column("text", TEXT, nullable=False),
    )


def _bookkeeping() -> None:
    _notes()
    # reach: how far a sample's slot can lie from the end of its word; samples_from: what is older was let go.
    reach = f"(SELECT COALESCE(MAX(ABS(source_lag)), 0) + {_MAX_AGE} + 1 FROM samples)"
    op.execute(f"INSERT INTO counters (name, value) VALUES ('reach', {reach}), ('samples_from', 0)")


def _quarantine() -> None:
    op.rename_table("quarantine", "rejections")
    _quarantine_tables()


def _quarantine_tables() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("at", LONG, nullable=False),
        sa.Column("check", word(32), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("sample", TEXT, nullable=False),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.Column("released_at", LONG),
        sa.Column("released_by", TEXT),
    )
    op.create_index("quarantine_of_pool", "quarantine", ["pool_key", "at"])
    op.create_table(
        "findings",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key"), nullable=False),
        sa.Column("check", word(32), nullable=False),
        sa.Column("since", LONG, nullable=False),
        sa.Column("until", LONG, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.UniqueConstraint("pool_key", "check", "since", name="one_finding_per_beginning"),
    )


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", LONG, primary_key=True),
        sa.Column("site_key", LONG, sa.ForeignKey("sites.key"), nullable=False),
        sa.Column("pool_key", LONG, sa.ForeignKey("pools.key")),
        sa.Column("start", LONG, nullable=False),
        sa.Column("end", LONG, nullable=False),
        sa.Column("rule", TEXT),
        sa.Column("policy", word(8), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("approved_at", LONG),
        sa.Column("approved_by", TEXT),
        sa.Column("cut_at", LONG),
        sa.Column("recorded_at", LONG, nullable=False),
        sa.Column("superseded_at", LONG),
        sa.CheckConstraint('"end" > start', name="window_end_after_start"),
    )


def downgrade() -> None:
    raise NotImplementedError("migrations go forward only: restore a backup instead")
