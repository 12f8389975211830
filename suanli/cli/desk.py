"""Where a command is carried out: at the store itself, or by a running instance (--server); it answers alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from suanli.cli.comparing_desk import LocalComparing, RemoteComparing
    from suanli.cli.context import Globals
    from suanli.cli.remote_keeping import RemoteAlerts, RemoteHeld, RemoteTokens, RemoteTrail, RemoteWindows
    from suanli.config import Config
    from suanli.model.reach import Reach
    from suanli.model.request import Request
    from suanli.model.site import Site
    from suanli.questions import Question
    from suanli.registering.alerted import AlertDesk
    from suanli.registering.asker import Asker
    from suanli.registering.held import HeldDesk
    from suanli.registering.office import Answer, Office, Verdict
    from suanli.registering.tokens import TokenDesk
    from suanli.registering.trail import TrailDesk
    from suanli.registering.windows import WindowDesk
    from suanli.store.ledger_plan import Located
    from suanli.store.sql import Store
    from suanli.store.submissions import State


class Desk(Protocol):
    """What the registry's commands ask for. config: for zone and language; the rules are those of the office.

    reach: what a site may have asked, None where that is known elsewhere. tokens, trail, windows, held,
    alerts, comparing: desks of their own, beside the store or over there.
    """

    config: Config

    def reach(self, site: str) -> Reach | None: ...
    def submit(self, request: Request, *, dry_run: bool = False, located: Located | None = None) -> Answer: ...
    def decide(self, number: int, verdict: Verdict, why: str | None = None) -> Answer: ...
    def submissions(self, state: State | None = None) -> list[Answer]: ...
    def probe(self, site: Site) -> Answer: ...
    def sites(self) -> list[Answer]: ...
    def pools(self) -> list[Answer]: ...
    def site(self, id_: str) -> Site: ...
    def registered(self) -> list[Site]: ...
    def ledger(self, site: str | None, **shown: Any) -> list[Answer]: ...
    def rates(self, question: Question) -> Answer: ...
    def explained(self, question: Question) -> Answer: ...
    def history(self, question: Question, every: str, *, fleet: bool) -> Answer: ...
    @property
    def tokens(self) -> TokenDesk | RemoteTokens: ...
    @property
    def trail(self) -> TrailDesk | RemoteTrail: ...
    @property
    def windows(self) -> WindowDesk | RemoteWindows: ...
    @property
    def held(self) -> HeldDesk | RemoteHeld: ...
    @property
    def alerts(self) -> AlertDesk | RemoteAlerts: ...
    @property
    def comparing(self) -> LocalComparing | RemoteComparing: ...


@contextmanager
def at_desk(options: Globals) -> Iterator[Desk]:
    """The desk of this run: the server's if one is named, else the store's."""
    if address := options.served_by():
        from suanli.cli.remote import RemoteDesk
        from suanli.cli.server import Server, told_token

        config, server = options.loaded(), Server(address, told_token())
        try:
            yield RemoteDesk(config, server)
        finally:
            server.close()
        return
    with options.opened() as (config, store):
        yield LocalDesk(config, store)


class LocalDesk:
    """At the store itself, as the user of this machine."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self._store = config, store

    @cached_property
    def _office(self) -> Office:
        """Only asked for where it is needed: with it come the kinds of source and all that they use."""
        from suanli.registering.office import Office

        return Office(self._store, self.config)

    @cached_property
    def _who(self) -> Asker:
        from suanli.registering.asker import local_asker

        return local_asker()

    def reach(self, site: str) -> Reach | None:
        return self.config.reach.of(site)

    def submit(self, request: Request, *, dry_run: bool = False, located: Located | None = None) -> Answer:
        from suanli.store.ledger_plan import by_name

        return self._office.submit(self._who, request, dry_run=dry_run, located=located or by_name)

    def decide(self, number: int, verdict: Verdict, why: str | None = None) -> Answer:
        return self._office.decide(self._who, number, verdict, why)

    def submissions(self, state: State | None = None) -> list[Answer]:
        return self._office.submissions(self._who, state)

    def probe(self, site: Site) -> Answer:
        import asyncio

        return asyncio.run(self._office.probe(self._who, site))

    def sites(self) -> list[Answer]:
        return self._office.sites(self._who)

    def pools(self) -> list[Answer]:
        return self._office.pools(self._who)

    def site(self, id_: str) -> Site:
        return self._office.site(self._who, id_)

    def registered(self) -> list[Site]:
        from suanli.store.registry import as_written

        return [as_written(item, self.config.zone) for item in self._store.registry]

    def ledger(self, site: str | None, **shown: Any) -> list[Answer]:
        from suanli.model.where import Where

        return self._office.ledger(self._who, Where(site), **shown)

    def rates(self, question: Question) -> Answer:
        from suanli.questions import answer_rates

        return answer_rates(self._store, question, self.config, int(time.time()))

    def explained(self, question: Question) -> Answer:
        from suanli.questions import answer_explained

        return answer_explained(self._store, question, self.config, int(time.time()))

    def history(self, question: Question, every: str, *, fleet: bool) -> Answer:
        from suanli.questions import answer_history

        return answer_history(self._store, question, every, self.config, int(time.time()), fleet=fleet)

    @property
    def tokens(self) -> TokenDesk:
        from suanli.registering.tokens import TokenDesk

        return TokenDesk(self._store, self._who)

    @property
    def trail(self) -> TrailDesk:
        from suanli.registering.trail import TrailDesk

        return TrailDesk(self._store, self._who)

    @property
    def windows(self) -> WindowDesk:
        from suanli.registering.windows import WindowDesk

        return WindowDesk(self._store, self.config, self._who)

    @property
    def held(self) -> HeldDesk:
        from suanli.registering.held import HeldDesk

        return HeldDesk(self._store, self._who)

    @property
    def alerts(self) -> AlertDesk:
        from suanli.registering.alerted import AlertDesk

        return AlertDesk(self._store, self._who)

    @property
    def comparing(self) -> LocalComparing:
        from suanli.cli.comparing_desk import LocalComparing

        return LocalComparing(self._store, self.config)
