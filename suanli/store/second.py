"""What second signals said: recorded beside the samples, read back to be compared with them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, select

from suanli.model.disagreement import Disagreement, disagreements
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import Sample
from suanli.store import schema
from suanli.store.samples import HOUR, Keyed, note_reach, reach_of, row_of, sample_columns, sample_of, times_of

_table = schema.second_words

HourlyMeans = dict[int, dict[str, float]]
"""By the first second of an hour: the mean of each rung that was told in it, in PFLOPS."""


def record_second(connection: Connection, samples: Sequence[Keyed], now: int) -> None:
    """Record these; of two of one slot the later stays, as none of them was ever counted."""
    rows = {(key, sample.at): row_of((key, sample), now) for key, sample in samples}
    for key, at in rows:
        connection.execute(delete(_table).where(_table.c.at == at, _table.c.pool_key == key))
    names = [column.name for column in _table.columns]
    connection.execute(_table.insert(), [dict(zip(names, row, strict=True)) for row in rows.values()])
    note_reach(connection, samples)


def second_words(
    connection: Connection, names: Mapping[int, tuple[str, str]], at: int, as_of: int | None = None
) -> dict[int, Sample]:
    """Each pool's second word that holds at `at`; names: site, pool."""
    reach = reach_of(connection)
    source_at, _, recorded_at = times_of(_table)
    rows = select(*sample_columns(_table)).where(
        _table.c.at.between(at - 2 * reach, at + reach), source_at <= at, source_at + _table.c.max_age >= at
    )
    if as_of is not None:
        rows = rows.where(recorded_at <= as_of)
    found = connection.execute(rows.order_by(source_at, _table.c.at))
    return {row.pool_key: sample_of(row, names[row.pool_key]) for row in found if row.pool_key in names}


def apart(first: Mapping[int, Sample], second: Mapping[int, Sample], at: int) -> list[Disagreement]:
    """Of the pools of which both words hold at `at`, by site, pool and rung."""
    pairs = ((first[key], word) for key, word in second.items() if key in first)
    both = (pair for pair in pairs if all(_holds(word, at) for word in pair))
    return sorted((one for pair in both for one in disagreements(*pair)), key=lambda one: (one.site, one.pool))


def _holds(word: Sample, at: int) -> bool:
    return word.source_at <= at <= word.source_at + word.max_age


def second_means(connection: Connection, since: int) -> dict[int, HourlyMeans]:
    """What second signals told from `since` on, by pool and hour."""
    source_at = times_of(_table)[0]
    rungs = [_table.c[rung.field] for rung in SAMPLE_RUNGS]
    rows = connection.execute(select(_table.c.pool_key, source_at, *rungs).where(_table.c.at >= since))
    told: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    for key, at, *figures in rows:
        for rung, figure in zip(SAMPLE_RUNGS, figures, strict=True):
            if figure is not None:
                told[key, at // HOUR * HOUR, rung.name].append(figure)
    return _by_pool((place, sum(figures) / len(figures)) for place, figures in told.items())


def _by_pool(means: Iterable[tuple[tuple[int, int, str], float]]) -> dict[int, HourlyMeans]:
    found: dict[int, HourlyMeans] = defaultdict(lambda: defaultdict(dict))
    for (key, hour, rung), mean in means:
        found[key][hour][rung] = mean
    return found
