"""The serving process: what it hears from outside, and what it may use."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from suanli.app import Service, serving
from suanli.config import Config
from suanli.model.clock import Clock
from suanli.model.errors import SuanliError

_log = logging.getLogger("suanli.process")


@dataclass(slots=True)
class _Signals:
    """SIGTERM and SIGINT end the process, also while it starts; SIGHUP has its configuration read again.

    fresh: what SIGHUP found, until it is taken over.
    """

    reread: Callable[[], Config]
    clock: Clock
    ending: bool = False
    fresh: Config | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self._read_again)

    def _end(self) -> None:
        self.ending = True
        self.stop.set()

    def _read_again(self) -> None:
        try:
            self.clock.check()  # nothing can begin anew while nothing can be recorded
            self.fresh = self.reread()
        except SuanliError as error:
            _log.error("the configuration stays as it was: %s", error)
        else:
            _log.info("the configuration was read again, and is taken over")
            self.stop.set()

    def taken(self) -> Config | None:
        """What is to be served from now on; None to end."""
        fresh, self.fresh = self.fresh, None
        self.stop.clear()
        return None if self.ending else fresh


async def serve(reread: Callable[[], Config], started: Callable[[Service], None]) -> None:
    """Serve until SIGTERM or SIGINT; after SIGHUP under the configuration as it is then.

    reread: the configuration as it is now; where it raises SuanliError later, what is served goes on as it was. A sink
    or a target is never half of one configuration and half of another: all parts end, and begin, together. Only the
    clock goes on: a leap that was refused is not believed because a file was read again.
    """
    clock = Clock()
    signals = _Signals(reread, clock)
    signals.heard(asyncio.get_running_loop())
    config: Config | None = reread()
    while config is not None:
        async with serving(config, clock) as service:
            _prepare()
            started(service)
            await service.run_until(signals.stop)
        config = signals.taken()


def _prepare() -> None:
    """One connection a site: as many as the system allows. And what was loaded at start is garbage to nobody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)  # a fifth of the CPU of a poll went into looking through what stays
