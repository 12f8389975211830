"""The demonstration: the simulated city, registered, polled and served by the same code as a real one."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import yaml

from suanli.answers import Asked, rates_answer
from suanli.app import Service, collect_once
from suanli.cli.context import say
from suanli.cli.language import _, spoken
from suanli.cli.output import percent, pflops, print_json
from suanli.cli.rates import print_rates
from suanli.config import Config, check_secrets, load_config
from suanli.demo.drop import tables_dropped
from suanli.demo.registry import granted, sites, write_tokens
from suanli.demo.server import demo_server
from suanli.demo.state import City
from suanli.model.errors import InputError, Unavailable
from suanli.model.message import Message
from suanli.model.yamlfile import YamlFile
from suanli.process import serve
from suanli.record import opened_store
from suanli.registering import planned

INTERVAL = 5
_OWN = ("store", "listen", "language", "poll", "reach", "folders", "programs")
_FIRST_ROUND_WITHIN = 15.0
_TARGETS = [
    {"scope": "fleet", "metric": "online_ratio", "target": 0.80, "band": 0.02, "for": "10m"},
    {"scope": "fleet", "metric": "usage_ratio", "target": 0.55, "band": 0.02, "for": "30m"},
]


@contextmanager
def folder(given: Path | None) -> Iterator[Path]:
    """The folder to keep things in: the given one, or one that is gone afterwards."""
    if given is not None:
        try:
            given.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(Message("{given} cannot be made: {why}", given=given, why=error.strerror)) from None
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="suanli-demo-") as made:
        yield Path(made)


class Demonstration:
    """One run of the city, kept in `kept`."""

    def __init__(self, kept: Path, seed: int, listen: str, added: dict[str, Any], *, quiet: bool) -> None:
        self._kept, self._seed, self._listen, self._added, self._quiet = kept, seed, listen, added, quiet

    async def once(self, json: bool) -> None:
        """Poll each site once and print the rates."""
        async with self._city() as config:
            with opened_store(config) as store:
                self._say(_("asking {count} sites ..."), count=len(store.registry))
                outcomes = await collect_once(store, config)
                now = int(time.time())
                answer = rates_answer(store.states_now(now), Asked(now, now), config)
        for outcome in outcomes:
            if outcome.result != "ok":
                self._say(_("{site} could not be read: {reason}"), site=outcome.site, reason=outcome.reason)
        if json:
            print_json(answer)
        else:
            print_rates(answer, "site")

    async def serve(self, started: Callable[[Service], None]) -> None:
        """Serve the city until it is stopped; its rates and then `started` are told after the first round of polls."""
        telling: list[asyncio.Task[None]] = []
        async with self._city() as config:

            def begun(service: Service) -> None:
                telling.append(asyncio.create_task(self._announce(service, config, started)))

            try:
                await serve(lambda: config, begun)
            finally:
                for task in telling:
                    task.cancel()

    async def _announce(self, service: Service, config: Config, started: Callable[[Service], None]) -> None:
        self._say(_("asking {count} sites ..."), count=len(service.store.registry))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ROUND_WITHIN):
                while len(service.outcomes.last) < len(service.store.registry):  # noqa: ASYNC110 - only this line waits for it
                    await asyncio.sleep(0.1)
        now = int(time.time())
        fleet = rates_answer(service.store.states_now(now), Asked(now, now), config)["fleet"]
        rates = {name: percent(fleet[f"{name}_ratio"]) for name in ("online", "usage", "coverage")}
        self._say(
            _("built {built}, online-rate {online}, usage-rate {usage}, coverage {coverage}"),
            built=pflops(fleet["built_pflops"]),
            **rates,
        )
        started(service)

    @asynccontextmanager
    async def _city(self) -> AsyncIterator[Config]:
        """The simulated APIs running, and their sites registered in the store of the configuration that is given."""
        self._say(_("starting the simulated city's management APIs ..."))
        tokens, dropped = self._kept / "tokens", self._kept / "dropped"
        city = City(self._seed, time.time())
        async with (
            demo_server(city, write_tokens(tokens), time.time) as base_url,
            tables_dropped(city, dropped, time.time),
        ):
            config = self._config(granted(base_url, tokens, dropped))
            found = sites(base_url, INTERVAL, tokens)
            self._say(
                _("registering {count} sites with {pools} pools ..."),
                count=len(found),
                pools=sum(len(site.pools) for site in found),
            )
            with opened_store(config) as store:
                store.apply(planned(store, found, config), int(time.time()))
            yield config

    def _config(self, grants: dict[str, Any]) -> Config:
        poll = {"interval": f"{INTERVAL}s", "timeout": "4s"}
        reach = {"networks": ["127.0.0.0/8"]}  # the simulated city is on this machine
        own = {"listen": self._listen, "poll": poll, "reach": reach, **grants}
        path, config = write_config(self._kept, **own | self._added)
        check_secrets(config, path)
        return config

    def _say(self, told: str, **values: object) -> None:
        if not self._quiet:
            say(told.format(**values))


def added_settings(file: Path) -> dict[str, Any]:
    """What this file adds to the demonstration's configuration; an InputError for what is the demonstration's own."""
    found = YamlFile.read(file)
    added = {} if found.data is None else found.data
    if not isinstance(added, dict):
        raise InputError(found.problem((), Message("expected a mapping of keys to values")))
    if taken := [key for key in _OWN if key in added]:
        told = Message("belongs to the demonstration itself; leave it out (--listen, --data and --lang are options)")
        raise InputError([found.problem((key,), told) for key in taken])
    return added


def write_config(kept: Path, **values: Any) -> tuple[Path, Config]:
    """The configuration, left in the folder for `suanli --config` to read what was recorded."""
    own = {"store": f"sqlite:///{kept / 'suanli.db'}", "language": spoken(), "targets": _TARGETS}
    path = kept / "config.yaml"
    path.write_text(yaml.safe_dump(own | values, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path, load_config(path)
