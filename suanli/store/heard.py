"""What is on record of some pools around some moments: so that history fills what is empty, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from suanli.store import schema
from suanli.store.samples import Keyed, reach_of, times_of

_table = schema.samples.c


def heard_at(connection: Connection, keys: Collection[int], lo: int, hi: int) -> dict[int, list[int]]:
    """When these pools' words were fetched within [lo, hi), in order, by pool; imported ones as of when they are of."""
    fetched_at, reach = times_of(schema.samples)[1], reach_of(connection)
    rows = select(_table.pool_key, fetched_at.label("fetched_at")).where(
        _table.pool_key.in_(keys),
        _table.at.between(lo - reach, hi + reach),
        fetched_at.between(lo, hi - 1),
    )
    found: defaultdict[int, list[int]] = defaultdict(list)
    for row in connection.execute(rows.order_by(fetched_at)):
        found[row.pool_key].append(row.fetched_at)
    return found


def without_older(connection: Connection, samples: Sequence[Keyed]) -> list[Keyed]:
    """Those whose slot is empty, or has a word of an earlier second: a poll replaces only that."""
    if not samples:
        return []
    slots = [sample.at for _, sample in samples]
    rows = select(_table.pool_key, _table.at, times_of(schema.samples)[0].label("source_at")).where(
        _table.pool_key.in_({key for key, _ in samples}), _table.at.between(min(slots), max(slots))
    )
    taken = {(row.pool_key, row.at): row.source_at for row in connection.execute(rows)}
    return [(key, one) for key, one in samples if taken.get((key, one.at), -1) < one.source_at]
