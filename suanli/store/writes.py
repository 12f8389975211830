"""How changes of the registry are carried out: each a function of an open transaction and the second of recording.

Nothing recorded is overwritten: what is said anew supersedes what was said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update

from suanli.model.audit import Entry
from suanli.registry.ledger import LedgerEntry
from suanli.registry.timeline import FOR_EVER
from suanli.store import schema
from suanli.store.registry import LEDGER_FIELDS

Do = Callable[[Connection, int], None]
"""Carry it out, as recorded at this second."""


@dataclass(slots=True)
class Change:
    """One line of a plan: what would change, in words for a person, how to do it, and what the audit trail keeps."""

    text: str
    do: Do = field(repr=False)
    entry: Entry


def superseding(site: str, pool: str, line: LedgerEntry) -> Do:
    def do(connection: Connection, now: int) -> None:
        table = schema.capacity.c
        connection.execute(
            update(schema.capacity)
            .where(table.pool_key == pool_key(connection, site, pool), table.stage == line.stage)
            .where(table.valid_from == line.valid_from, table.superseded_at.is_(None))
            .values(superseded_at=now)
        )

    return do


def recording(site: str, pool: str, line: LedgerEntry) -> Do:
    def do(connection: Connection, now: int) -> None:
        row = {name: getattr(line, name) for name in LEDGER_FIELDS}
        _insert(connection, schema.capacity, row | {"pool_key": pool_key(connection, site, pool)}, now)

    return do


def new_site(id_: str, sources: dict[str, str | None], facts: dict[str, str], since: int) -> Do:
    """sources: the JSON of its source and of its cross_check."""

    def do(connection: Connection, now: int) -> None:
        _insert(connection, schema.sites, {"id": id_, **sources}, now)
        key = site_key(connection, id_)
        _insert(connection, schema.site_facts, {"site_key": key, "valid_from": since, **facts}, now)

    return do


def new_beginning(site: int, since: int) -> Do:
    def do(connection: Connection, now: int) -> None:
        table = schema.site_facts
        current = select(table).where(table.c.site_key == site, table.c.superseded_at.is_(None))
        rows = [dict(row) for row in connection.execute(current.order_by(table.c.valid_from)).mappings()]
        first = next(row for row in rows if row["valid_until"] is None or row["valid_until"] > since)
        gone = [row["id"] for row in rows if row["valid_from"] <= first["valid_from"]]
        connection.execute(update(table).where(table.c.id.in_(gone)).values(superseded_at=now))
        del first["id"]
        connection.execute(insert(table).values(first | {"valid_from": since, "recorded_at": now}))

    return do


def new_pool(site: str, id_: str, match: str | None, facts: dict[str, str]) -> Do:
    """A pool that takes over the name of one that has moved away begins where that one left."""

    def do(connection: Connection, now: int) -> None:
        row = insert(schema.pools).values(match=match, recorded_at=now)
        key = connection.execute(row.returning(schema.pools.c.key)).scalar_one()
        place, table = site_key(connection, site), schema.pool_facts.c
        left = select(func.max(table.valid_until)).where(table.site_key == place, table.pool == id_)
        since = connection.execute(left.where(table.superseded_at.is_(None))).scalar() or 0
        whole = {"pool_key": key, "site_key": place, "pool": id_, "valid_from": since, **facts}
        _insert(connection, schema.pool_facts, whole, now)

    return do


def new_pool_facts(site: str, pool: str, facts: dict[str, Any], effective: int | None) -> Do:
    def do(connection: Connection, now: int) -> None:
        whose = {"pool_key": pool_key(connection, site, pool, effective)}
        new_facts(schema.pool_facts, whose, facts, effective)(connection, now)

    return do


def new_facts(table: Table, whose: dict[str, int], facts: dict[str, Any], effective: int | None) -> Do:
    """From `effective` on these facts are true, whatever was said of that time. Others, and what went before, stay.

    effective: UTC seconds; None: the second of recording.
    """

    def do(connection: Connection, now: int) -> None:
        since = now if effective is None else effective
        ((key, value),) = whose.items()
        current = select(table).where(table.c[key] == value, table.c.superseded_at.is_(None))
        rows = [dict(row) for row in connection.execute(current.order_by(table.c.valid_from)).mappings()]
        for row in rows:
            if (row["valid_until"] is None or row["valid_until"] > since) and row | facts != row:
                _say_anew(connection, table, row, facts, since, now)

    return do


def _say_anew(
    connection: Connection, table: Table, row: dict[str, Any], facts: dict[str, Any], since: int, now: int
) -> None:
    """This row with other facts from `since` on."""
    said = {name: value for name, value in row.items() if name != "id"} | {"recorded_at": now}
    connection.execute(update(table).where(table.c.id == row["id"]).values(superseded_at=now))
    if row["valid_from"] < since:
        connection.execute(insert(table).values(said | {"valid_until": since}))
    connection.execute(insert(table).values(said | facts | {"valid_from": max(row["valid_from"], since)}))


def moving(site: str, pool: str, to_site: str, as_id: str, effective: int) -> Do:
    """The pool belongs to another site, or has another id, from then on; its history stays where it was."""

    def do(connection: Connection, now: int) -> None:
        facts = {"site_key": site_key(connection, to_site), "pool": as_id}
        new_pool_facts(site, pool, facts, effective)(connection, now)

    return do


def setting(table: Table, key: int, values: dict[str, Any]) -> Do:
    return lambda connection, now: _update(connection, table, key, values, now)


def _insert(connection: Connection, table: Table, row: dict[str, Any], now: int) -> None:
    connection.execute(insert(table).values(**row, recorded_at=now))


def _update(connection: Connection, table: Table, key: int, row: dict[str, Any], now: int) -> None:
    connection.execute(update(table).where(table.c.key == key).values(**row, recorded_at=now))


def site_key(connection: Connection, site: str) -> int:
    """The key of a registered site; a LookupError when there is none."""
    key = connection.execute(select(schema.sites.c.key).where(schema.sites.c.id == site)).scalar()
    if key is None:
        raise LookupError(site)
    return int(key)


def pool_key(connection: Connection, site: str, pool: str, at: int | None = None) -> int:
    """The key of the pool that bore this name at `at`; where none did, or at None, of the one that bears it last.

    A LookupError when nobody ever bore it.
    """
    table = schema.pool_facts.c
    named = select(table.pool_key, table.valid_from, table.valid_until).where(
        table.site_key == site_key(connection, site), table.pool == pool, table.superseded_at.is_(None)
    )
    rows = connection.execute(named.order_by(table.valid_from.desc())).all()
    then = [row for row in rows if at is not None and row.valid_from <= at < (row.valid_until or FOR_EVER)]
    if not rows:
        raise LookupError(f"{site}/{pool}")
    return int((then or rows)[0].pool_key)


def tell_others(connection: Connection) -> None:
    """Running instances see by the new registry version that something else is registered now."""
    version = schema.counters.c
    connection.execute(
        update(schema.counters).where(version.name == "registry_version").values(value=version.value + 1)
    )
