"""The triggers by which a database refuses to change or drop what was appended to the audit trail."""

from __future__ import annotations

_REFUSED = "the audit trail is append-only"
# Beside UPDATE and DELETE: INSERT OR REPLACE, which drops a row without asking the trigger of DELETE.
_SQLITE = (
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
    "CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit "  # noqa: S608 - our own words only
    "WHEN EXISTS (SELECT 1 FROM audit WHERE seq >= NEW.seq) "
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSED}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{_REFUSED}'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_append_only()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
)
_BY_DIALECT = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def append_only(dialect: str) -> tuple[str, ...]:
    """The statements that guard the table `audit` in this kind of database; a KeyError for one we do not know."""
    return _BY_DIALECT[dialect]
