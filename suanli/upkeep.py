"""The record's upkeep beside the polling: hours and days summed, what is old let go, and the history looked over."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from suanli.config import Config, RetentionConfig
from suanli.model.errors import SuanliError
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.rounds import Rounds
from suanli.quality.history import Figures, Finding, Hourly
from suanli.quality.inspections import inspected
from suanli.store import closed, schema
from suanli.store.findings import keep_findings
from suanli.store.rollup import GRACE, Retention, let_go, roll
from suanli.store.samples import HOUR, counter
from suanli.store.second import HourlyMeans, second_means
from suanli.store.sql import Store

EVERY = 60.0
LOOKED_BACK = 7 * 86_400
"""Seconds of history that are looked over."""
_log = logging.getLogger("suanli.upkeep")


@dataclass(frozen=True, slots=True)
class Done:
    """What one turn did. rolled: hours and days summed; let_go: rows; found: new findings; open: pools in doubt."""

    rolled: int = 0
    let_go: int = 0
    found: int = 0
    open: int = 0


class Upkeep:
    """Looks after one store until `stop`: sums every minute; once an hour, when it is summed, the rest."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config
        self._hour = -1
        self._stopping = threading.Event()
        self.rounds = Rounds()

    def stop(self) -> None:
        """To be called in the event loop; a turn under way ends at its next transaction."""
        self._stopping.set()
        self.rounds.stop()

    async def run(self) -> None:
        """Turn after turn, each in a thread; one that fails is told and tried again."""
        async for _ in self.rounds.every(EVERY):
            await asyncio.to_thread(self.turn)

    def _ends(self) -> bool:
        """Asked after each transaction: a month that is summed at once takes long, and is not stuck."""
        self.rounds.alive()
        return self._stopping.is_set()

    def turn(self) -> None:
        """What is due now."""
        try:
            roll(self._store, self._config.zone, self._ends)
            hour = (self._store.now - GRACE) // HOUR
            if hour != self._hour and not self._stopping.is_set():
                clear(self._store, self._config)
                look_over(self._store, self._config.zone)
                self._hour = hour
        except SuanliError as error:
            _log.warning("the upkeep of the record is tried again later: %s", error)
        except Exception:  # whatever it is, the polling goes on
            _log.exception("the upkeep of the record failed; it is tried again later")


def once(store: Store, config: Config) -> Done:
    """All of it, by hand."""
    rolled = roll(store, config.zone)
    gone = clear(store, config)
    found = look_over(store, config.zone)
    now = store.now
    return Done(rolled, gone, found, len({one.pool_key for one in store.findings if one.open_at(now)}))


def clear(store: Store, config: Config) -> int:
    """Let go what is older than it is to be kept, and what every sink has got; how many rows."""
    with store.writing() as connection:
        closed.let_delivered_go(connection, [sink.name for sink in config.sinks])
    return let_go(store, retention_of(config.retention), config.zone, delivered(store, config))


def delivered(store: Store, config: Config) -> int:
    """The number up to which every configured sink has everything; without sinks nobody waits for anything."""
    if config.sinks:
        return min(store.delivered(sink.name) for sink in config.sinks)
    with store.reading() as connection:
        return counter(connection, "sample_seq")


def retention_of(config: RetentionConfig) -> Retention:
    """In seconds; None is for ever."""
    return Retention(_seconds(config.samples), _seconds(config.hourly), _seconds(config.daily))


def look_over(store: Store, zone: ZoneInfo) -> int:
    """Look over the last days, and record what is found; how many findings are new."""
    now = store.now
    with store.reading() as connection:
        fleet = dict(hourlies(connection, store, (now - LOOKED_BACK) // HOUR * HOUR))
    keys = {(series.site, series.pool): key for key, series in fleet.items()}
    found = inspected(list(fleet.values()), zone)
    with store.writing() as connection:
        new = keep_findings(connection, _keyed(found, keys), now)
    store.note_findings()
    return new


def hourlies(connection: Connection, store: Store, since: int) -> Iterator[tuple[int, Hourly]]:
    """The pools' means by hour from `since` on, each under the name that it bears now."""
    table, second = schema.hours.c, second_means(connection, since)
    columns = (table.start, table.online, table.heard, table.used, table.told, table.busy, table.busy_told)
    for site in store.registry:
        for pool in site.pools:
            mine = select(*columns).where(table.pool_key == pool.key, table.start >= since).order_by(table.start)
            rows = connection.execute(mine).all()
            yield (
                pool.key,
                Hourly(
                    site.site.id,
                    pool.pool.id,
                    tuple(row.start for row in rows),
                    _means((row.online, row.heard) for row in rows),
                    _means((row.used, row.told) for row in rows),
                    _means((row.busy, row.busy_told) for row in rows),
                    _second(second[pool.key], [row.start for row in rows]) if pool.key in second else {},
                ),
            )


def _second(means: HourlyMeans, hours: Sequence[int]) -> dict[str, Figures]:
    return {
        rung.name: tuple(means.get(hour, {}).get(rung.name) for hour in hours)
        for rung in SAMPLE_RUNGS
        if any(rung.name in told for told in means.values())
    }


def _means(sums: Iterable[tuple[float, int]]) -> Figures:
    return tuple(total / seconds if seconds else None for total, seconds in sums)


def _keyed(found: Iterable[Finding], keys: dict[tuple[str, str], int]) -> Iterator[tuple[int, Finding]]:
    return ((keys[one.site, one.pool], one) for one in found)


def _seconds(length: int | Literal["forever"]) -> int | None:
    return None if length == "forever" else length
