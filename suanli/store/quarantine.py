"""Quarantine: what was held at the entrance, whole and with its reason, until a person releases it. Rule 10."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from suanli.model.audit import Author, Entry, local_author
from suanli.model.errors import InputError, Problem, Unknown
from suanli.model.message import Message
from suanli.model.sample import Sample
from suanli.quality.entrance import CHECKS
from suanli.store import audit, schema
from suanli.store.dialect import json_text, upsert
from suanli.store.gate import CLOSED, HeldOf
from suanli.store.samples import MANY, Keyed, closed, counter, record, set_counter

REFUSED = "sentinel"
"""The check under which a single number stands that is no amount."""
HOLDING = (*(check.name for check in CHECKS if check.action == "hold"), CLOSED)
_COUNTED = "quarantined "

_table = schema.quarantine.c


@dataclass(frozen=True, slots=True)
class HeldRow:
    """What is in quarantine under this number. site, pool: as they were named then; times in UTC seconds.

    told: the sample as it came, or the one figure that was refused (with rung, value and why).
    """

    id: int
    pool_key: int
    site: str
    pool: str
    at: int
    check: str
    reason: str
    told: dict[str, Any]
    recorded_at: int
    released_at: int | None
    released_by: str | None

    @property
    def kind(self) -> str:
        """`sample`, or `figure` for one number."""
        return "figure" if "rung" in self.told else "sample"


def rows_of(
    held: Iterable[HeldOf], samples: Iterable[Keyed], keys: Mapping[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """What these leave for quarantine: the held ones whole, and of all samples the numbers that were refused."""
    rows = [
        _row(key, one.sample.at, one.check, one.reason, one.sample.model_dump_json(exclude={"refused"}))
        for key, one in held
    ]
    for key, sample in samples:
        if sample.refused:
            rows += _of_refused(key, sample, keys)
    return rows


def keep(connection: Connection, rows: Iterable[dict[str, Any]], now: int) -> None:
    """Put these into quarantine; what is there of the same pool and slot with the same content is not put twice."""
    new = _not_kept(connection, list(rows))
    if new:
        connection.execute(insert(schema.quarantine), [row | {"recorded_at": now} for row in new])
    for check, count in Counter(row["check"] for row in new).items():
        _count(connection, check, count)


def counted(connection: Connection) -> dict[str, int]:
    """How many were ever put into quarantine, by check; never less than before, whatever is let go."""
    table = schema.counters.c
    rows = select(table.name, table.value).where(table.name.startswith(_COUNTED))
    found = {row.name.removeprefix(_COUNTED): row.value for row in connection.execute(rows)}
    return dict.fromkeys(HOLDING, 0) | found


def held_rows(
    connection: Connection,
    sites: Collection[str] | None = None,
    check: str | None = None,
    released: bool = False,
    limit: int | None = None,
    before: int | None = None,
) -> list[HeldRow]:
    """What is held, the newest first; released ones too where these are asked for.

    sites: only of these; None: of all. before: only under smaller numbers.
    """
    rows = select(schema.quarantine).order_by(_table.id.desc()).limit(limit)
    if sites is not None:
        rows = rows.where(json_text(connection, _table.sample, "site").in_(sorted(sites)))
    if before is not None:
        rows = rows.where(_table.id < before)
    if check is not None:
        rows = rows.where(_table.check == check)
    if not released:
        rows = rows.where(_table.released_at.is_(None))
    return [_held_row(row) for row in connection.execute(rows)]


def held_row(connection: Connection, id_: int) -> HeldRow:
    """What is in quarantine under this number; an InputError when there is nothing."""
    row = connection.execute(select(schema.quarantine).where(_table.id == id_)).first()
    if row is None:
        told = Message("nothing is in quarantine under {id}; `suanli quarantine list` shows what is", id=id_)
        raise Unknown(Problem(told))
    return _held_row(row)


def release(connection: Connection, id_: int, by: str, now: int, author: Author | None = None) -> Keyed:
    """Record the sample after all, as `suspect` with who released it; it replaces what its slot has since got.

    author: for the audit trail; None: the user as whom this process runs. Returns the pool's key and what was
    recorded. An InputError says why it cannot be.
    """
    key, sample = releasable(connection, id_, by)
    record(connection, [(key, sample)], now)
    connection.execute(update(schema.quarantine).where(_table.id == id_).values(released_at=now, released_by=by))
    row = held_row(connection, id_)
    after = {"quarantine": id_, "at": row.at, "check": row.check, "released_by": by}
    entry = Entry("quarantine.release", f"{row.site}/{row.pool}", after=after)
    audit.append(connection, author or local_author(), [entry], now)
    # A running service looks at this number, and reads the last words again.
    set_counter(connection, "registry_version", counter(connection, "registry_version") + 1)
    return key, sample


def releasable(connection: Connection, id_: int, by: str) -> Keyed:
    """What `release` would record."""
    row = held_row(connection, id_)
    if not by.strip() or not by.isprintable():
        raise InputError(Problem(Message("expected the name of who releases it"), key="by"))
    if row.released_at is not None:
        raise InputError(
            Problem(Message("{id} was already released, by {released_by}", id=id_, released_by=row.released_by))
        )
    if row.kind == "figure":
        raise InputError(
            Problem(
                Message(
                    "{id} is a single {rung} figure, no amount: there is nothing to record",
                    id=id_,
                    rung=row.told["rung"],
                )
            )
        )
    sample = Sample.model_validate_json(json.dumps(row.told))
    if closed(connection, [(row.pool_key, sample)]):
        raise InputError(
            Problem(Message("{id}: the other samples of its hour were let go, and the sum of that hour stands", id=id_))
        )
    reason = "; ".join(filter(None, (sample.reason, f"released by {by}: {row.check}: {row.reason}")))
    return row.pool_key, sample.model_copy(update={"quality": "suspect", "reason": reason})


def _not_kept(connection: Connection, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not rows:
        return []
    times, keys = [row["at"] for row in rows], list({row["pool_key"] for row in rows})
    near = select(_table.pool_key, _table.at, _table.sample).where(_table.at.between(min(times), max(times)))
    seen = {
        _content(row)
        for start in range(0, len(keys), MANY)
        for row in connection.execute(near.where(_table.pool_key.in_(keys[start : start + MANY]))).mappings()
    }
    new = []
    for row in rows:
        if (content := _content(row)) not in seen:
            seen.add(content)
            new.append(row)
    return new


def _content(row: Mapping[str, Any] | RowMapping) -> tuple[int, int, str]:
    """Asked again, a source says the same at another time, so that when it was fetched makes no difference."""
    told = json.loads(row["sample"])
    told.pop("fetched_at", None)
    return row["pool_key"], row["at"], json.dumps(told, sort_keys=True)


def _row(key: int, at: int, check: str, reason: str, told: str) -> dict[str, Any]:
    return {"pool_key": key, "at": at, "check": check, "reason": reason, "sample": told}


def _of_refused(key: int, sample: Sample, keys: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """Under the pool that each is of; under the sample's where that one is not registered."""
    times = {name: getattr(sample, name) for name in ("at", "source_at", "fetched_at")}
    return [
        _row(
            keys.get((sample.site, one.pool), key),
            sample.at,
            REFUSED,
            f"{one.rung} {one.value}: {one.why}",
            json.dumps({"site": sample.site, **one.model_dump(), **times}, ensure_ascii=False),
        )
        for one in sample.refused
    ]


def _count(connection: Connection, check: str, more: int) -> None:
    if more:
        row = upsert(connection, schema.counters).values(name=_COUNTED + check, value=more)
        value = schema.counters.c.value + more
        connection.execute(row.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _held_row(row: Any) -> HeldRow:
    told = json.loads(row.sample)
    return HeldRow(
        id=row.id,
        pool_key=row.pool_key,
        site=told["site"],
        pool=told["pool"],
        at=row.at,
        check=row.check,
        reason=row.reason,
        told=told,
        recorded_at=row.recorded_at,
        released_at=row.released_at,
        released_by=row.released_by,
    )
