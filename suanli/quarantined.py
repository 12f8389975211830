"""Everything that is held or doubted, in one listing for the command line and the API.

Four kinds: `sample` and `figure` were held at the entrance, `sink` is a point that a database would not take, and
`finding` is what the look over the history noticed. A released sample stays in the list of everything.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, select

from suanli.answers import iso
from suanli.model.errors import InputError, Problem, Unknown
from suanli.model.message import Message
from suanli.quality.entrance import CHECKS
from suanli.quality.inspections import INSPECTIONS
from suanli.store import schema
from suanli.store.findings import Found, read_findings
from suanli.store.gate import CLOSED, CLOSED_WHY, CLOSED_ZH
from suanli.store.quarantine import HeldRow, held_row, held_rows
from suanli.store.sql import Store

SINK = "sink"
_SINK_WHY = ("A time-series database refused this point.", "时序数据库拒绝了该数据点。")
_WHYS = {one.name: (one.why, one.zh) for one in CHECKS}
_WHYS |= {one.name: (one.why, one.zh) for one in INSPECTIONS}
_WHYS |= {CLOSED: (CLOSED_WHY, CLOSED_ZH), SINK: _SINK_WHY}
_ID = re.compile(r"(?:(finding|sink)-)?([0-9]{1,15})")
_SITE = re.compile(r",site=((?:[^,\s\\]|\\.)+)")
_POOL = re.compile(r",pool=((?:[^,\s\\]|\\.)+)")


def checks() -> tuple[str, ...]:
    """The names under which something can be listed."""
    return tuple(_WHYS)


def quarantine_rows(
    store: Store,
    sites: Collection[str] | None = None,
    check: str | None = None,
    everything: bool = False,
    limit: int | None = None,
    before: int | None = None,
    first: int | None = None,
) -> list[dict[str, Any]]:
    """What is held, refused by sinks, or found and still open, each kind the newest first.

    sites: only of these; None: of all. everything: also what was released and findings that are over. limit: so many of
    each kind at most. before, first: of what was held at the entrance, which may be much, only what has a smaller
    number, and at most so many.
    """
    now = store.now
    with store.reading() as connection:
        rows = [_of_held(one) for one in held_rows(connection, sites, check, everything, first or limit, before)]
        found = [one for one in read_findings(connection, check=check) if everything or one.open_at(now)]
        refused = connection.execute(select(schema.rejections).order_by(schema.rejections.c.id.desc())).all()
    sinks = [_of_sink(row) for row in refused] if check in (None, SINK) else []
    more = (_of_found(store, one) for one in found)
    parts = [[row for row in part if sites is None or row["site"] in sites] for part in (more, sinks)]
    return rows + parts[0][:limit] + parts[1][:limit]


def quarantine_row(store: Store, id_: str) -> dict[str, Any]:
    """One of them in full: also what was told, and what its check looks for. An InputError when there is none."""
    kind, number = parsed(id_)
    with store.reading() as connection:
        if kind is None:
            held = held_row(connection, number)
            return _in_full(_of_held(held), held.told)
        if kind == "finding":
            found = next((one for one in read_findings(connection) if one.id == number), None)
            if found is not None:
                return _in_full(_of_found(store, found), None)
        else:
            row = connection.execute(select(schema.rejections).where(schema.rejections.c.id == number)).first()
            if row is not None:
                return _in_full(_of_sink(row), {"sink": row.sink, "seq": row.seq, "line": row.line})
    raise not_listed(id_)


def not_listed(id_: str) -> Unknown:
    """What is said where nothing is listed under this, or nothing for who asks."""
    told = Message("nothing is listed under {id}; `suanli quarantine list --all` shows what is", id=id_)
    return Unknown(Problem(told))


def released_number(id_: str) -> int:
    """The number of what is to be released; an InputError for what cannot be, whatever its content."""
    kind, number = parsed(id_)
    if kind == "finding":
        raise InputError(
            Problem(Message("{id} holds nothing back: its figures count, and are marked as suspect", id=id_))
        )
    if kind == "sink":
        raise InputError(Problem(Message("{id} is on record; it is the sink that would not take it", id=id_)))
    return number


def parsed(id_: str) -> tuple[str | None, int]:
    """`12`, `finding-3` or `sink-4` as kind (None: held at the entrance) and number."""
    match = _ID.fullmatch(id_)
    if match is None:
        raise InputError(
            Problem(
                Message("{id!r} is no number such as 12, finding-3 or sink-4; see `suanli quarantine list`", id=id_)
            )
        )
    return match[1], int(match[2])


def _of_held(one: HeldRow) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "kind": one.kind,
        "site": one.site,
        "pool": one.pool,
        "check": one.check,
        "at": iso(one.at),
        "until": None,
        "reason": one.reason,
        "recorded_at": iso(one.recorded_at),
        "released_at": None if one.released_at is None else iso(one.released_at),
        "released_by": one.released_by,
    }


def _of_found(store: Store, one: Found) -> dict[str, Any]:
    """Under the name that the pool bore when it was found."""
    timeline = store.timelines.get(one.pool_key)
    span = timeline.at(one.until - 1) if timeline else None
    return _plain(f"finding-{one.id}", "finding", span.site if span else None, span.pool if span else None) | {
        "check": one.check,
        "at": iso(one.since),
        "until": iso(one.until),
        "reason": one.reason,
        "recorded_at": iso(one.recorded_at),
    }


def _of_sink(row: Row[Any]) -> dict[str, Any]:
    site, pool = _SITE.search(row.line), _POOL.search(row.line)
    return _plain(f"sink-{row.id}", SINK, site[1] if site else None, pool[1] if pool else None) | {
        "check": SINK,
        "reason": f"{row.sink}: {row.reason}",
        "recorded_at": iso(row.recorded_at),
    }


def _plain(id_: str, kind: str, site: str | None, pool: str | None) -> dict[str, Any]:
    nothing = dict.fromkeys(("check", "at", "until", "reason", "recorded_at", "released_at", "released_by"))
    return {"id": id_, "kind": kind, "site": site, "pool": pool, **nothing}


def _in_full(row: dict[str, Any], told: dict[str, Any] | None) -> dict[str, Any]:
    why, zh = _WHYS.get(row["check"], ("", ""))
    return row | {"told": told, "why": why, "why_zh": zh}
