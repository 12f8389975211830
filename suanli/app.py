"""The only composition root: it makes the parts, joins them, and ends them in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from collectors.base import Collector
from collectors.client import ClientPool
from collectors.exchange import Note, unnoted
from collectors.poller import Poller
from collectors.registry import build
from collectors.schedule import first_turn
from exporter import registry as sinks
from exporter.api import Served, make_api
from exporter.forwarder import Forwarder
from exporter.listening import LOOPBACK, listening
from exporter.loops import Loops
from exporter.notify.metrics import Notifications
from exporter.notify.notifier import Notifier
from exporter.own import OwnMetrics
from exporter.prometheus import Exposition
from exporter.stages import Stages
from suanli.alerts.evaluator import Evaluator
from suanli.awaited import Silence, awaited
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.clock import Clock
from suanli.model.errors import SuanliError, Unavailable
from suanli.model.message import Message
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.rounds import Loop, Rounds
from suanli.model.sample import Sample
from suanli.record import opened_store
from suanli.registering.acceptance import Acceptance
from suanli.registering.office import Office
from suanli.registering.served import ServedDesk
from suanli.registry.polled import is_pushed, polled_cross_check, polled_site
from suanli.store.alone import alone
from suanli.store.engine import store_file
from suanli.store.feeds import Backlog, Live
from suanli.store.group import GroupCommit
from suanli.store.outcomes import Outcomes
from suanli.store.registry import RecordedSite
from suanli.store.rollup_points import Rollups, subscribe
from suanli.store.sql import Store
from suanli.upkeep import Upkeep

_REGISTRY_WATCH = 2.0
_PACE = 0.5  # between two batches of what a sink missed: 10,000 points a second
_STOP_WITHIN = 6.0  # all groups of tasks together; supervisors give ten seconds, and HTTP has three of its own
_log = logging.getLogger("suanli.app")


Signal = Literal["source", "cross_check"]
_SIGNALS = {"source": polled_site, "cross_check": polled_cross_check}


def polled(store: Store, config: Config, signal: Signal = "source") -> list[PolledSite]:
    """The registered sites that are to be asked now, by their sources or by their second signals."""
    found = [_polled(item, config, signal) for item in store.registry]
    return [site for site in found if site is not None]


def _polled(item: RecordedSite, config: Config, signal: Signal) -> PolledSite | None:
    if signal == "source" and is_pushed(item.site):
        return None
    site = item.site.model_copy(update={"pools": tuple(pool.pool for pool in item.pools)})
    return _SIGNALS[signal](site, config.polling, load_accelerators())


def _append(store: Store, signal: Signal) -> Callable[[list[Sample]], object]:
    return store.append if signal == "source" else store.append_second


async def collect_once(
    store: Store,
    config: Config,
    *,
    only: str | None = None,
    record: bool = True,
    signal: Signal = "source",
    note: Note = unnoted,
) -> list[PollOutcome]:
    """Ask every site (or `only` this one) once, all at the same time; in the order of their ids. note: hears of it."""
    commit, pool = GroupCommit(_append(store, signal)), ClientPool(config.reach.of)
    poller = Poller(commit.append if record else _nowhere, _unheard, keeps=record)
    sites = [site for site in polled(store, config, signal) if only in (None, site.id)]
    turns = [first_turn(site, build(site, pool.site(site, note)), time.monotonic()) for site in sites]
    try:
        return list(await asyncio.gather(*(poller.poll(turn) for turn in turns)))
    finally:
        await commit.close()
        await pool.aclose()


def _unheard(_outcome: PollOutcome) -> None:
    """The caller has the outcomes themselves."""


async def _nowhere(_samples: list[Sample]) -> None:
    """What is only looked at is not recorded."""


@dataclass(slots=True)
class Service:
    """A running instance. address: where its page is; tasks: what must not end before the instance is to stop."""

    address: str
    store: Store
    outcomes: Outcomes
    tasks: list[asyncio.Task[None]]

    async def run_until(self, stop: asyncio.Event) -> None:
        """Wait for `stop`; raises what ended a task before its time."""
        stopped = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({stopped, *self.tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        for task in done - {stopped}:
            task.result()
            raise SuanliError(Message("{task} ended by itself", task=task.get_name()))


@asynccontextmanager
async def serving(config: Config, clock: Clock | None = None) -> AsyncIterator[Service]:
    """Poller, store, forwarders and HTTP, running until the block ends; then stopped in reverse, without loss.

    clock: goes on with what it believed before; a new one believes the time that it finds.
    Raises InputError for a missing secret and Unavailable for an address or a store that is taken, before anything is
    polled.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(alone(store_file(config.store.url)))
        clock = clock or Clock()
        store = stack.enter_context(opened_store(config, clock))
        outcomes, checks, pool = Outcomes(), Outcomes(), ClientPool(config.reach.of)
        loops: dict[str, Loop] = {}
        stack.push_async_callback(pool.aclose)
        outcomes.heard_before(_last_heard(store))
        forwarders = [Forwarder(Live(store), sinks.build(sink)) for sink in config.sinks]
        behind = [Forwarder(Backlog(store, sink.name), sinks.build(sink), _PACE) for sink in config.sinks]
        rollups = [Forwarder(Rollups(store, config.zone), sinks.build(sink)) for sink in config.sinks]
        await asyncio.to_thread(store.subscribe, [one.sink.name for one in forwarders])
        await asyncio.to_thread(subscribe, store, [one.sink.name for one in rollups])
        evaluator, notifier = _alerting(store, config, outcomes, forwarders)
        own, stages = OwnMetrics(store, forwarders), Stages(store)
        own.registry.register(Loops(loops))
        own.registry.register(stages)
        own.registry.register(Notifications(store, notifier.couriers))
        commit, second = GroupCommit(store.append), GroupCommit(store.append_second)
        at_once, told = config.poll.concurrency, _all_of(outcomes.note, own.note)
        poller = Poller(commit.append, told, concurrency=at_once, clock=clock, keeps=True)
        checker = Poller(second.append, checks.note, concurrency=at_once, clock=clock, keeps=True)
        exposition = Exposition(store, outcomes, checks, own, config, evaluator)
        office = Office(store, config)
        served = Served(
            store,
            exposition,
            config,
            ServedDesk(office, outcomes, told),
            lambda: poller.fault or "",
            _read_token(config),
            config.open_reads or (config.address[0] in LOOPBACK and not config.trusted_proxies),
            loops,
            clock,
        )
        plans = [
            _Plan(store, config, "source", poller, pool, outcomes),
            _Plan(store, config, "cross_check", checker, pool, checks),
        ]
        for plan in plans:
            plan.take_over()
        http = await stack.enter_async_context(
            listening(make_api(served), *config.address, config.tls, config.trusted_proxies)
        )
        tasks = _Tasks(stack, loops)
        tasks.start(
            {f"sink {one.sink.name}": one for one in forwarders}
            | {f"what sink {one.sink.name} missed": one for one in behind}
            | {f"hours and days to sink {one.sink.name}": one for one in rollups}
        )
        stack.push_async_callback(commit.close)
        stack.push_async_callback(second.close)
        tasks.start({"poller": poller, "poller of second signals": checker})
        silence = Silence(store, config, outcomes, told, clock)
        tasks.start({"registry watch": _Watch(store, plans), "watch of those that push": silence})
        tasks.start({"notifier": notifier} | {f"channel {one.channel.name}": one for one in notifier.couriers})
        tasks.start({"evaluator of alerts": evaluator, "upkeep": Upkeep(store, config), "commissioning watch": stages})
        tasks.start(_accepting(store, office, config))
        yield Service(http.address, store, outcomes, [http.task, *tasks.running])


def _last_heard(store: Store) -> dict[str, int]:
    """When each site was last asked with success, as far as the record tells."""
    heard: dict[str, int] = {}
    for sample in store.latest.values():
        heard[sample.site] = max(sample.fetched_at, heard.get(sample.site, 0))
    return heard


def _alerting(
    store: Store, config: Config, outcomes: Outcomes, forwarders: list[Forwarder]
) -> tuple[Evaluator, Notifier]:
    """The evaluator tells the notifier what changed. While rounds fail nothing is known, and the heartbeat stops."""
    notifier = Notifier(store, config, lambda: [] if evaluator.fault else list(evaluator.alerts.values()))
    evaluator = Evaluator(store, config, outcomes, notifier.on_change, lambda: _shut(forwarders))
    return evaluator, notifier


def _shut(forwarders: list[Forwarder]) -> list[str]:
    """The sinks that do not let us in at the moment."""
    return [one.sink.name for one in forwarders if one.health.shut]


class _Tasks:
    """What runs until the block ends: each group ends together, the last group first."""

    def __init__(self, stack: AsyncExitStack, loops: dict[str, Loop]) -> None:
        self._stack, self._loops = stack, loops
        self._left = _STOP_WITHIN
        self.running: list[asyncio.Task[None]] = []

    def start(self, group: Mapping[str, Loop]) -> None:
        """By what they are called, in the log and where they are looked after."""
        tasks = [asyncio.create_task(loop.run(), name=name) for name, loop in group.items()]
        self._stack.push_async_callback(self._end, tasks, *(loop.stop for loop in group.values()))
        self.running += tasks
        self._loops.update(group)

    async def _end(self, tasks: list[asyncio.Task[None]], *stops: Callable[[], object]) -> None:
        """Ask these to stop, and wait for half of what is left, so that the next ones have their time too.

        One that does not stop is cancelled. Its error was told by `Service.run_until`.
        """
        began, within = time.monotonic(), self._left / 2
        for stop in stops:
            stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                _log.error("%s did not stop within %g s", task.get_name(), within)
                task.cancel()
        self._left -= min(within, time.monotonic() - began)


def _accepting(store: Store, office: Office, config: Config) -> dict[str, Loop]:
    """The one who decides by polls; nobody where the configuration leaves that to persons."""
    settings = config.registration.acceptance
    return {} if settings is None else {"acceptance": Acceptance(store, office, config, settings)}


class _Watch:
    """Keeps the pollers' plans equal to the registry, whichever process or request changes it."""

    def __init__(self, store: Store, plans: list[_Plan]) -> None:
        self._store, self._plans, self._taken = store, plans, store.record
        self.rounds = Rounds()

    def stop(self) -> None:
        self.rounds.stop()

    async def run(self) -> None:
        async for _ in self.rounds.every(_REGISTRY_WATCH):
            try:
                await self._look()
            except Unavailable as error:
                _log.warning("the registry is looked at again later: %s", error)

    async def _look(self) -> None:
        if await asyncio.to_thread(self._store.changed_elsewhere):
            await asyncio.to_thread(self._store.reload)
        if self._store.record is not self._taken:
            self._taken = self._store.record
            for plan in self._plans:
                plan.take_over()


@dataclass(slots=True)
class _Plan:
    """What a poller is to ask: one of the signals of all sites."""

    store: Store
    config: Config
    signal: Signal
    poller: Poller
    pool: ClientPool
    outcomes: Outcomes
    known: dict[str, tuple[PolledSite, Collector]] = field(default_factory=dict)

    def take_over(self) -> None:
        """A site that has not changed keeps its collector, and with it what the collector has found out."""
        sites = polled(self.store, self.config, self.signal)
        self.known = {site.id: self._kept(site) for site in sites}
        self.poller.plan(self.known.values())
        self.outcomes.forget_all_but(set(self.known) | {site.id for site in awaited(self.store)})

    def _kept(self, site: PolledSite) -> tuple[PolledSite, Collector]:
        known = self.known.get(site.id)
        return known if known and known[0] == site else (site, build(site, self.pool.site(site)))


def _all_of(*told: Callable[[PollOutcome], None]) -> Callable[[PollOutcome], None]:
    def tell(outcome: PollOutcome) -> None:
        for one in told:
            one(outcome)

    return tell


def _read_token(config: Config) -> str:
    """The configured token for reading. Beyond this machine nothing is open: who has none needs one of the store's."""
    return "" if config.read_token is None else config.read_token.reveal().get_secret_value()
