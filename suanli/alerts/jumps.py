"""By how much what is built at a site changed within the last hour, as it was shown then and is shown now.

Most hours nobody writes in the ledger. So only those pools are looked at of which something was written in that time,
or of which an entry began or ended.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, or_, select

from suanli.model.rates import PoolState
from suanli.registry.timeline import Timeline
from suanli.store import schema
from suanli.store.registry import known_rows

WITHIN = 3600
"""Seconds."""
_line = schema.capacity.c


def jumps(
    connection: Connection, timelines: Mapping[int, Timeline], states: list[PoolState], now: int
) -> dict[str, float | None]:
    """Each site's greatest change of what a pool has built, as share of what it had an hour ago; with its sign.

    None where no pool had anything then, or has a known amount now: a pool that is new has not jumped.
    """
    before = _built_before(connection, timelines, now)
    found: dict[str, float | None] = {}
    for state in states:
        built = state.built_pflops
        then = before.get((state.site, state.pool), built)
        share = None if built is None or not then else built / then - 1.0
        other = found.get(state.site)
        found[state.site] = share if other is None or (share is not None and abs(share) > abs(other)) else other
    return found


def _built_before(
    connection: Connection, timelines: Mapping[int, Timeline], now: int
) -> dict[tuple[str, str], float | None]:
    """PFLOPS an hour ago of the pools that may have changed since, under the names that they bore then."""
    then = now - WITHIN
    keys = set(connection.execute(select(_line.pool_key).where(_touched(then, now))).scalars())
    keys |= {key for key, one in timelines.items() if one.at(now) is not one.at(then)}
    if not keys:
        return {}
    rows = known_rows(schema.capacity, then).where(_line.stage == "built", _line.valid_from <= then)
    ended = _line.valid_until.is_not(None) & (_line.valid_until <= then)
    built = {row.pool_key: row.pflops for row in connection.execute(rows.where(~ended)) if row.pool_key in keys}
    found: dict[tuple[str, str], float | None] = dict.fromkeys(_names(timelines, keys, now))
    return found | {name: built.get(key) for name, key in _names(timelines, keys, then).items()}


def _names(timelines: Mapping[int, Timeline], keys: set[int], second: int) -> dict[tuple[str, str], int]:
    places = [(key, timelines[key].at(second)) for key in keys if key in timelines]
    return {(span.site, span.pool): key for key, span in places if span is not None}


def _touched(then: int, now: int) -> ColumnElement[bool]:
    return or_(
        _line.recorded_at > then,
        _line.superseded_at > then,
        _line.valid_from.between(then + 1, now),
        _line.valid_until.between(then + 1, now),
    )
