"""The demonstration story as a Prometheus would have scraped it, every quarter of an hour from the outage on.

What the story lacks and boards show is added: a late hour of data, a second signal, busy, a ladder that is broken, a
growth of capacity, pools that wait, a window for the works. Nothing of what is scraped is made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import generate_latest

from exporter.forwarder import Forwarder
from exporter.notify.courier import Courier
from exporter.notify.metrics import Notifications
from exporter.own import OwnMetrics
from exporter.prometheus import Exposition
from exporter.stages import Stages
from suanli.alerts.evaluator import Evaluator
from suanli.config import Config
from suanli.demo import story
from suanli.demo.registry import sites
from suanli.model.capacity import CapacityEntry
from suanli.model.maintenance import Window
from suanli.model.rates import PoolState
from suanli.model.sample import Sample
from suanli.model.site import Site
from suanli.registering import planned
from suanli.store.outcomes import Outcomes
from suanli.store.rollup import roll
from suanli.store.sql import Store
from suanli.store.windows import add_window
from tests.exporter.making import FakeSink, outcome
from tests.suanli.making import ZONE, Clock, a_pool, a_site, built

STEP, HOUR = story.STEP, 3600
BEGINS = story.OUTAGE[1] - 4 * HOUR
ENDS = story.WRONG_UNIT[2]
GROWS = datetime.fromtimestamp(story.DRAINED[1] - 6 * 86_400, ZONE).date()
LATE = ("js-partner", story.DRAINED[2] + 24 * HOUR, story.DRAINED[2] + 26 * HOUR)
"""This site's samples of two hours came when they were over."""
SITE = "yh-univ"
MOMENTS = {
    "before": BEGINS + HOUR,
    "outage": story.OUTAGE[1] + 6 * HOUR,
    "maintenance": story.DRAINED[1] + 2 * HOUR,
    "late data is missing": LATE[1] + 5_400,
    "late data came": LATE[2] + HOUR,
    "wrong unit": ENDS - HOUR,
}
CONFIG = Config.model_validate(
    {
        "poll": {"interval": f"{STEP}s"},
        "targets": [
            {"metric": metric, "target": target, "scope": scope}
            for scope in ("fleet", "province:安徽", f"site:{SITE}")
            for metric, target in (("online_ratio", 0.8), ("usage_ratio", 0.55))
        ],
        "alerts": {"interval": "5m"},
        "notify": [{"name": "duty", "url": {"env": "NOBODY_IS_TOLD"}}],
    }
)


@dataclass(frozen=True, slots=True)
class World:
    """The record at the end, what was true and known at each moment, and the file of all scrapes."""

    store: Store
    states: dict[str, list[PoolState]]
    file: Path


def make_world(folder: Path) -> World:
    clock = Clock(story.REGISTERED)
    store = Store(f"sqlite:///{folder / 'suanli.db'}", clock)
    store.apply(planned(store, _registry(), CONFIG), int(clock.at))
    with store.writing() as connection:
        add_window(connection, _works(), ZONE, int(clock.at), "bureau")
    states, file = {}, folder / "scrapes.om"
    names = {at: name for name, at in MOMENTS.items()}
    with file.open("w", encoding="utf-8") as out:
        for at, page in _scrapes(store, clock):
            out.writelines(_stamped(page, at))
            if at in names:
                states[names[at]] = store.states(at)
        out.write("# EOF\n")
    clock.at = ENDS + HOUR
    roll(store, CONFIG.zone)
    return World(store, states, file)


def _registry() -> list[Site]:
    """The city, a pool of which grows, and a site on its way."""
    plain = [site.model_copy(update={"source": None, "cross_check": None}) for site in sites("http://x", STEP, Path())]
    entry = CapacityEntry.model_validate(built(since=GROWS, devices=256), strict=False)
    (grows,) = [site for site in plain if site.id == SITE]
    pool = grows.pools[0]
    grown = grows.model_copy(update={"pools": (pool.model_copy(update={"capacity": (*pool.capacity, entry)}),)})
    waits = a_site("yh-new", a_pool("waits", built(20.0)), a_pool("plan", built(30.0) | {"stage": "planned"}))
    return [grown if site.id == SITE else site for site in plain] + [waits]


def _works() -> Window:
    lo, hi = (datetime.fromtimestamp(at, ZONE) for at in story.DRAINED[1:])
    return Window.model_validate({"site": SITE, "from": lo, "until": hi, "reason": "new cooling"})


def _scrapes(store: Store, clock: Clock) -> Iterator[tuple[int, str]]:
    outcomes, checks = Outcomes(), Outcomes()
    own, stages = OwnMetrics(store, [Forwarder(store, FakeSink())], clock), Stages(store)
    couriers = [Courier(store, channel) for channel in CONFIG.notify]
    couriers[0].health.up = True
    for more in (stages, Notifications(store, couriers)):
        own.registry.register(more)
    evaluator = Evaluator(store, CONFIG, outcomes)
    exposition = Exposition(store, outcomes, checks, own, CONFIG, evaluator)
    late: list[Sample] = []
    for at, samples in story.rounds(7):
        if not BEGINS <= at <= ENDS:
            continue
        clock.at = at
        told = [_richer(one) for one in samples]
        held = [one for one in told if one.site == LATE[0] and LATE[1] <= at < LATE[2]]
        late += held
        store.append([one for one in told if one not in held] + (late if at == LATE[2] else []))
        store.append_second([_second(one) for one in told if one.site == SITE])
        heard = {one.site for one in told} - {one.site for one in held}
        for site in store.registry:
            result = "ok" if site.site.id in heard else "unreachable"
            outcomes.note(outcome(site.site.id, result, at))
            own.note(outcome(site.site.id, result, at))
        checks.note(outcome(SITE, "ok", at))
        if at % (6 * HOUR) == 0:
            stages.look()
        evaluator.round(at)
        yield at, exposition.sites(at).decode() + generate_latest(own.registry).decode()


def _richer(one: Sample) -> Sample:
    """Busy of one site, and for a while more used than online of another."""
    if one.site == SITE and one.used_pflops is not None:
        return one.model_copy(update={"busy_pflops": 0.75 * one.used_pflops})
    if one.site == "nx-partner" and one.at >= LATE[2]:
        return one.model_copy(update={"used_pflops": 1.01 * (one.online_pflops or 0.0)})
    return one


def _second(one: Sample) -> Sample:
    return one.model_copy(update={"used_pflops": (one.used_pflops or 0.0) + 1.5})


_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")
_TARGET = 'instance="suanli:9105",job="suanli"'


def _stamped(page: str, at: int) -> Iterator[str]:
    """As a Prometheus keeps it: with the labels of the target, and the time of the scrape."""
    for line in page.splitlines():
        if found := _LINE.match(line):
            name, labels, value = found.groups()
            yield f"{name}{{{labels + ',' if labels else ''}{_TARGET}}} {value} {at}\n"
