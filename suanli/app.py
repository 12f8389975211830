"""The only composition root: it makes the parts, joins them, and ends them in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from collectors.base import Collector
from collectors.client import ClientPool
from collectors.poller import Poller
from collectors.registry import build
from collectors.schedule import first_turn
from exporter import registry as sinks
from exporter.api import Served, make_api
from exporter.forwarder import Forwarder
from exporter.listening import LOOPBACK, listening
from exporter.own import OwnMetrics
from exporter.prometheus import Exposition
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.errors import InputError, Problem, SuanliError, Unavailable
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.sample import Sample
from suanli.record import opened_store
from suanli.registry.polled import polled_site
from suanli.store.group import GroupCommit
from suanli.store.outcomes import Outcomes
from suanli.store.registry import RecordedSite
from suanli.store.sql import Store
from suanli.upkeep import Upkeep

_REGISTRY_WATCH = 2.0
_STOP_WITHIN = 10.0
_log = logging.getLogger("suanli.app")


def polled(store: Store, config: Config) -> list[PolledSite]:
    """The registered sites that are to be asked now."""
    found = [_polled(item, config) for item in store.registry]
    return [site for site in found if site is not None]


def _polled(item: RecordedSite, config: Config) -> PolledSite | None:
    site = item.site.model_copy(update={"pools": tuple(pool.pool for pool in item.pools)})
    return polled_site(site, config.poll.defaults, load_accelerators())


async def collect_once(
    store: Store, config: Config, *, only: str | None = None, record: bool = True
) -> list[PollOutcome]:
    """Ask every site (or `only` this one) once, all at the same time; in the order of their ids."""
    commit, pool = GroupCommit(store), ClientPool()
    poller = Poller(commit.append if record else _nowhere, _unheard)
    sites = [site for site in polled(store, config) if only in (None, site.id)]
    turns = [first_turn(site, build(site, pool.site(site)), time.monotonic()) for site in sites]
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
    """A running instance. address: where its page is; tasks: what must not end before `stop` is set."""

    address: str
    store: Store
    outcomes: Outcomes
    stop: asyncio.Event
    tasks: list[asyncio.Task[None]]

    async def stopped(self) -> None:
        """Wait for `stop`; raises what ended a task before its time."""
        stop = asyncio.create_task(self.stop.wait())
        try:
            done, _ = await asyncio.wait({stop, *self.tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        for task in done - {stop}:
            task.result()
            raise SuanliError(f"{task.get_name()} ended by itself")


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[Service]:
    """Poller, store, forwarders and HTTP, running until the block ends; then stopped in reverse, without loss.

    Raises InputError for a missing secret and Unavailable for an address that is taken, before anything is polled.
    """
    async with AsyncExitStack() as stack:
        store = stack.enter_context(opened_store(config))
        outcomes, pool = Outcomes(), ClientPool()
        stack.push_async_callback(pool.aclose)
        forwarders = [Forwarder(store, sinks.build(sink)) for sink in config.sinks]
        await asyncio.to_thread(store.subscribe, [one.sink.name for one in forwarders])
        own = OwnMetrics(store, forwarders)
        commit = GroupCommit(store)
        poller = Poller(commit.append, _all_of(outcomes.note, own.note), concurrency=config.poll.concurrency)
        exposition = Exposition(store, outcomes, own, config)
        served = Served(store, outcomes, exposition, config, lambda: poller.fault or "", _read_token(config))
        plans = _Plans(store, config, poller, pool, outcomes)
        plans.take_over()
        http = await stack.enter_async_context(listening(make_api(served), *config.address))
        sending = [asyncio.create_task(one.run(), name=f"sink {one.sink.name}") for one in forwarders]
        stack.push_async_callback(_end, sending, *(one.stop for one in forwarders))
        stack.push_async_callback(commit.close)
        polling = asyncio.create_task(poller.run(), name="poller")
        stack.push_async_callback(_end, [polling], poller.stop)
        watching = asyncio.create_task(plans.watch(), name="registry watch")
        stack.push_async_callback(_end, [watching], watching.cancel)
        upkeep = Upkeep(store, config)
        keeping = asyncio.create_task(upkeep.run(), name="upkeep")
        stack.push_async_callback(_end, [keeping], upkeep.stop)
        tasks = [*sending, polling, watching, keeping, http.task]
        yield Service(http.address, store, outcomes, asyncio.Event(), tasks)


def _prepare_process() -> None:
    """One connection a site: as many as the system allows. And what was loaded at start is garbage to nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)  # a fifth of the CPU of a poll went into looking through what stays


async def serve(config: Config, started: Callable[[Service], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    async with serving(config) as service:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stop.set)
        _prepare_process()
        started(service)
        await service.stopped()


class _Plans:
    """Keeps the poller's plan equal to the registry, also when another process changes it."""

    def __init__(self, store: Store, config: Config, poller: Poller, pool: ClientPool, outcomes: Outcomes) -> None:
        self._store, self._config, self._poller, self._pool, self._outcomes = store, config, poller, pool, outcomes
        self._known: dict[str, tuple[PolledSite, Collector]] = {}

    def take_over(self) -> None:
        """A site that has not changed keeps its collector, and with it what the collector has found out."""
        sites = polled(self._store, self._config)
        self._known = {site.id: self._kept(site) for site in sites}
        self._poller.plan(self._known.values())
        self._outcomes.forget_all_but(set(self._known))

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(_REGISTRY_WATCH)
            try:
                if await asyncio.to_thread(self._store.changed_elsewhere):
                    await asyncio.to_thread(self._store.reload)
                    self.take_over()
            except Unavailable as error:
                _log.warning("the registry is looked at again later: %s", error)

    def _kept(self, site: PolledSite) -> tuple[PolledSite, Collector]:
        known = self._known.get(site.id)
        return known if known and known[0] == site else (site, build(site, self._pool.site(site)))


def _all_of(*told: Callable[[PollOutcome], None]) -> Callable[[PollOutcome], None]:
    def tell(outcome: PollOutcome) -> None:
        for one in told:
            one(outcome)

    return tell


def _read_token(config: Config) -> str:
    """The token that reading needs; an address beyond this machine is not served without one."""
    if config.read_token is not None:
        return config.read_token.reveal().get_secret_value()
    if config.address[0] not in LOOPBACK:
        raise InputError(
            Problem(f"listen: {config.listen} can be reached from elsewhere: set read_token", key="listen")
        )
    return ""


async def _end(tasks: list[asyncio.Task[None]], *stops: Callable[[], object]) -> None:
    """Ask these tasks to stop, and wait; one that does not is cancelled. Its error was told by `Service.stopped`."""
    for stop in stops:
        stop()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_STOP_WITHIN)
        for task in late:
            _log.error("%s did not stop within %g s", task.get_name(), _STOP_WITHIN)
            task.cancel()
