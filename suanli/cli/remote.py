"""The desk of a running instance, over its HTTP API: `--server URL`, with the token of `SUANLI_TOKEN`."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from suanli.cli.asked import said
from suanli.cli.server import Answer, Server
from suanli.config import Config
from suanli.model.request import Request, request_json
from suanli.model.site import Site

if TYPE_CHECKING:
    from suanli.cli.comparing_desk import RemoteComparing
    from suanli.cli.remote_keeping import RemoteAlerts, RemoteHeld, RemoteTokens, RemoteTrail, RemoteWindows
    from suanli.model.reach import Reach
    from suanli.questions import Question
    from suanli.registering.office import Verdict
    from suanli.store.ledger_plan import Located
    from suanli.store.submissions import State

_DECIDE: dict[str, str] = {"approved": "approve", "rejected": "reject", "withdrawn": "withdraw"}


class RemoteDesk:
    """Sends what the office would be asked for; the server's rules decide, and its words are shown."""

    def __init__(self, config: Config, server: Server) -> None:
        self.config, self._server = config, server

    def reach(self, site: str) -> Reach | None:
        """The server's own."""
        del site
        return None

    def submit(self, request: Request, *, dry_run: bool = False, located: Located | None = None) -> Answer:
        """`located` is left to the server, which knows no files of ours."""
        del located
        return self._server.asked(
            "POST", "requests", **as_new(request_json(request)), params=said({"dry_run": dry_run})
        )

    def decide(self, number: int, verdict: Verdict, why: str | None = None) -> Answer:
        return self._server.asked("POST", f"submissions/{number}/{_DECIDE[verdict]}", json={"why": why})

    def submissions(self, state: State | None = None) -> list[Answer]:
        return self._server.listed("submissions", "submissions", {"state": state})

    def probe(self, site: Site) -> Answer:
        content = site.model_dump_json(by_alias=True, exclude_none=True)
        return self._server.asked("POST", "probe", content=content, headers={"Content-Type": "application/json"})

    def sites(self) -> list[Answer]:
        return self._server.listed("sites", "sites", {})

    def pools(self) -> list[Answer]:
        return self._server.listed("pools", "pools", {})

    def site(self, id_: str) -> Site:
        return Site.model_validate(self._server.asked("GET", f"sites/{id_}"))

    def registered(self) -> list[Site]:
        return [self.site(row["id"]) for row in self.sites()]

    def ledger(self, site: str | None, **shown: Any) -> list[Answer]:
        asked = {"site": site, "at": shown.get("at"), "as_of": shown.get("as_of"), "all": shown.get("everything")}
        return self._server.listed("capacity", "capacity", asked)

    def rates(self, question: Question) -> Answer:
        return self._server.asked("GET", "rates", params=_params(question))

    def explained(self, question: Question) -> Answer:
        return self._server.asked("GET", "rates/explain", params=_params(question))

    def history(self, question: Question, every: str, *, fleet: bool) -> Answer:
        asked = {name: value for name, value in _params(question).items() if name != "mean"}
        by = {"by": "fleet"} if fleet else {}
        return self._server.asked("GET", "history", params=asked | {"every": every} | by)

    @property
    def comparing(self) -> RemoteComparing:
        from suanli.cli.comparing_desk import RemoteComparing

        return RemoteComparing(self._server)

    @property
    def tokens(self) -> RemoteTokens:
        from suanli.cli.remote_keeping import RemoteTokens

        return RemoteTokens(self._server)

    @property
    def trail(self) -> RemoteTrail:
        from suanli.cli.remote_keeping import RemoteTrail

        return RemoteTrail(self._server)

    @property
    def windows(self) -> RemoteWindows:
        from suanli.cli.remote_keeping import RemoteWindows

        return RemoteWindows(self._server)

    @property
    def held(self) -> RemoteHeld:
        from suanli.cli.remote_keeping import RemoteHeld

        return RemoteHeld(self._server)

    @property
    def alerts(self) -> RemoteAlerts:
        from suanli.cli.remote_keeping import RemoteAlerts

        return RemoteAlerts(self._server)


def as_new(content: str) -> dict[str, Any]:
    """Content under a key of its own, so that it is carried out once although it may be sent twice."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    return {"content": content, "headers": headers}


def _params(question: Question) -> dict[str, Any]:
    """As the API writes it; what was not said is left out."""
    named = {"lo": "from", "hi": "to", "operators": "operator"}
    found = said(asdict(question))
    if question.operators is not None:
        found["operators"] = sorted(question.operators)
    return {named.get(name, name): value for name, value in found.items()}
