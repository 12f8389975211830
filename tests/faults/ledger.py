"""What was acknowledged, what is stored and what each sink holds, and whether they are the same."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.faults.stub import Points, point_of, poison
from tests.servers.influxdb import InfluxDB
from tests.servers.victoriametrics import VictoriaMetrics

STOP_WITHIN = 10.0


@dataclass
class Outcome:
    """Of a storm. stops: seconds that each SIGTERM took, and the exit code; answers: what the stub said, how often."""

    acknowledged: set[tuple[str, float]] = field(default_factory=set)
    stored: Points = field(default_factory=Counter)
    sinks: dict[str, Points] = field(default_factory=dict)
    quarantined: set[tuple[str, float]] = field(default_factory=set)
    kills: int = 0
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    stops: list[tuple[float, int]] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)

    def wanted(self, sink: str) -> Points:
        """What this sink must hold: the stub refuses poison."""
        return Counter({point: times for point, times in self.stored.items() if sink != "stub" or not poison(point[1])})

    def losses(self) -> Iterator[str]:
        """Every promise that was not kept, in words."""
        if lost := self.acknowledged - self.stored.keys():
            yield f"acknowledged and not stored: {_few(lost)}"
        if twice := [point for point, times in self.stored.items() if times > 1]:
            yield f"stored twice: {_few(twice)}"
        for name, held in self.sinks.items():
            wanted = self.wanted(name)
            if missing := wanted - held:
                yield f"stored and not in {name}: {_few(missing)}"
            if foreign := held - wanted:
                yield f"in {name} and not stored, or there twice: {_few(foreign)}"
        refused = {point for point in self.stored if poison(point[1])}
        if self.quarantined != refused:
            yield f"refused by the stub and in quarantine are not the same: {_few(self.quarantined ^ refused)}"
        yield from (f"SIGTERM: {took:.1f} s, exit {code}" for took, code in self.stops if took > STOP_WITHIN or code)

    def figures(self) -> list[Figure]:
        """As a table; what must be equal is."""
        kept = self.acknowledged & self.stored.keys()
        refused = sum(1 for point in self.stored if poison(point[1]))
        return [
            Figure("kills", self.kills, "times"),
            *(Figure(f"{who} {how}", times, "times") for (who, how), times in sorted(self.faults.items())),
            *(Figure(f"stub said {status}", times, "times") for status, times in sorted(self.answers.items())),
            _equal("acknowledged_and_stored", len(kept), "points", "acknowledged", len(self.acknowledged)),
            _equal("stored_slots", len(self.stored), "points", "stored_points", self.stored.total()),
            *(figure for name in self.sinks for figure in self._of_sink(name)),
            _equal("stub_quarantined", len(self.quarantined), "points", "stub_refused", refused),
            Figure("longest_sigterm", max(took for took, _ in self.stops), "s", "bound", STOP_WITHIN, 1.0),
        ]

    def _of_sink(self, name: str) -> Iterator[Figure]:
        held, wanted = self.sinks[name], self.wanted(name)
        yield _equal(f"{name}_points", held.total(), "points", f"{name}_wanted", wanted.total())
        yield _equal(f"{name}_sum", _sum(held), "PFLOPS", f"{name}_sum_wanted", _sum(wanted))
        alike = sum(_by_site(held).get(site) == sums for site, sums in _by_site(wanted).items())
        yield _equal(f"{name}_sites_alike", alike, "sites", "sites", len(_by_site(wanted)))


def stored_in(database: Path) -> Points:
    joined = "samples JOIN pool_facts USING (pool_key) JOIN sites ON sites.key = site_key"
    query = f"SELECT sites.id, online_pflops FROM {joined}"  # noqa: S608 - our own words
    with closing(sqlite3.connect(database)) as connection:
        return Counter((site, value) for site, value in connection.execute(query))


def quarantined_in(database: Path) -> set[tuple[str, float]]:
    """What the stub refused for good."""
    with closing(sqlite3.connect(database)) as connection:
        lines = connection.execute("SELECT line FROM rejections WHERE sink = 'stub'").fetchall()
    points = [point_of(line) for (line,) in lines]
    return {(point[0], point[2]) for point in points if point}


def in_influxdb(server: InfluxDB) -> Points:
    return Counter((row["site"], row["online_pflops"]) for row in server.rows("compute"))


def in_victoriametrics(server: VictoriaMetrics) -> Points:
    server.flush()
    series = server.export("compute_online_pflops")
    return Counter((row["metric"]["site"], float(value)) for row in series for value in row["values"])


def _equal(name: str, value: float, unit: str, beside: str, other: float) -> Figure:
    return Figure(name, value, unit, beside, other, 1.0, exact=True)


def _sum(points: Points) -> float:
    return sum(figure * times for (_, figure), times in points.items())


def _by_site(points: Points) -> dict[str, tuple[int, float]]:
    """Count and sum of each site."""
    found: dict[str, tuple[int, float]] = {}
    for (site, figure), times in points.items():
        count, total = found.get(site, (0, 0.0))
        found[site] = count + times, total + times * figure
    return found


def _few(points: object) -> str:
    listed = sorted(points)  # type: ignore[call-overload] # any collection of points
    return f"{len(listed)}, as {listed[:5]}"
