"""The desk of a running instance, over its HTTP API: `--server URL`, with the token of `SUANLI_TOKEN`."""

from __future__ import annotations

import os
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx

from suanli.config import Config
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message, message_of
from suanli.model.request import Request, request_json
from suanli.model.site import Site

if TYPE_CHECKING:
    from suanli.model.reach import Reach
    from suanli.questions import Question
    from suanli.registering.office import Answer, Verdict
    from suanli.store.ledger_plan import Located
    from suanli.store.submissions import State

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT = 60.0
"""Seconds: a probe waits for the data centre's API behind the server."""
_LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)
"""The server may have carried out what was asked, and its answer did not arrive."""
_DECIDE: dict[str, str] = {"approved": "approve", "rejected": "reject", "withdrawn": "withdraw"}


def told_token() -> str:
    """The token of SUANLI_TOKEN, or of the file that SUANLI_TOKEN_FILE names; "" where there is none."""
    if file := os.environ.get("SUANLI_TOKEN_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                Problem(Message("SUANLI_TOKEN_FILE: {file} cannot be read: {why}", file=file, why=type(error).__name__))
            ) from None
    return os.environ.get("SUANLI_TOKEN", "").strip()


class RemoteDesk:
    """Sends what the office would be asked for; the server's rules decide, and its words are shown."""

    def __init__(self, config: Config, address: str, token: str) -> None:
        self.config = config
        self._client = httpx.Client(
            base_url=f"{_checked(address, token)}/api/v1/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT,
            transport=httpx.HTTPTransport(retries=2),  # of connecting, when nothing has been asked yet
        )

    def close(self) -> None:
        self._client.close()

    def reach(self, site: str) -> Reach | None:
        """The server's own."""
        del site
        return None

    def submit(self, request: Request, *, dry_run: bool = False, located: Located | None = None) -> Answer:
        """`located` is left to the server, which knows no files of ours."""
        del located
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        return self._asked("POST", "requests", content=request_json(request), headers=headers, params=_flag(dry_run))

    def decide(self, number: int, verdict: Verdict, why: str | None = None) -> Answer:
        return self._asked("POST", f"submissions/{number}/{_DECIDE[verdict]}", json={"why": why})

    def submissions(self, state: State | None = None) -> list[Answer]:
        return self._listed("submissions", "submissions", {} if state is None else {"state": state})

    def probe(self, site: Site) -> Answer:
        content = site.model_dump_json(by_alias=True, exclude_none=True)
        return self._asked("POST", "probe", content=content, headers={"Content-Type": "application/json"})

    def sites(self) -> list[Answer]:
        return self._listed("sites", "sites", {})

    def site(self, id_: str) -> Site:
        return Site.model_validate(self._asked("GET", f"sites/{id_}"))

    def registered(self) -> list[Site]:
        return [self.site(row["id"]) for row in self.sites()]

    def ledger(self, site: str | None, **shown: Any) -> list[Answer]:
        asked = {"site": site, "at": shown.get("at"), "as_of": shown.get("as_of"), "all": shown.get("everything")}
        return self._listed("capacity", "capacity", {name: value for name, value in asked.items() if value is not None})

    def rates(self, question: Question) -> Answer:
        return self._asked("GET", "rates", params=_params(question))

    def history(self, question: Question, every: str, *, fleet: bool) -> Answer:
        asked = {name: value for name, value in _params(question).items() if name != "mean"}
        return self._asked("GET", "history", params=asked | {"every": every} | ({"by": "fleet"} if fleet else {}))

    def _listed(self, path: str, key: str, params: dict[str, Any]) -> list[Answer]:
        return cast("list[Answer]", self._asked("GET", path, params=params)[key])

    def _sent(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Once more where its answer was lost: only what has a key, under which the server carries it out once."""
        try:
            return self._client.request(method, path, **sent)
        except _LOST:
            if "Idempotency-Key" not in sent.get("headers", {}):
                raise
        return self._client.request(method, path, **sent)

    def _asked(self, method: str, path: str, **sent: Any) -> Answer:
        try:
            answer = self._sent(method, path, **sent)
        except httpx.HTTPError as error:
            told = Message(
                "{host} cannot be asked: {error}; is `suanli serve` running there?",
                host=self._client.base_url.host,
                error=str(error) or type(error).__name__,
            )
            raise Unavailable(told) from None
        if not answer.is_success:
            raise _error(answer)
        try:
            return cast("Answer", answer.json())
        except ValueError:
            raise Unavailable(
                Message("what answers at {host} is no Suanli: its answer is not JSON", host=answer.url.host)
            ) from None


def _checked(address: str, token: str) -> str:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise InputError(Problem(Message("not a URL: {error}", error=message_of(error)), key="--server")) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(
            Problem(Message("expected http(s)://HOST[:PORT], not {address}", address=address), key="--server")
        )
    if url.scheme == "http" and token and url.host not in _LOOPBACK:
        raise InputError(Problem(Message("the token would travel unencrypted: use https"), key="--server"))
    return address.rstrip("/")


def _params(question: Question) -> dict[str, Any]:
    """As the API writes it; what was not said is left out."""
    named = {"lo": "from", "hi": "to", "operators": "operator"}
    said = {name: value for name, value in asdict(question).items() if value is not None and value is not False}
    if question.operators is not None:
        said["operators"] = sorted(question.operators)
    return {named.get(name, name): value for name, value in said.items()}


def _flag(dry_run: bool) -> dict[str, str]:
    return {"dry_run": "true"} if dry_run else {}


def _error(answer: httpx.Response) -> SuanliError:
    """The server's words, under the exit code of the same mistake made beside the store."""
    body = _problem(answer)
    none = Message("the server answered {status}", status=answer.status_code)
    told = str(body["detail"]) if body.get("detail") else none
    if answer.status_code in (400, 404, 413, 422, 428):
        errors = body.get("errors") or [{"detail": told}]
        return InputError([Problem(str(one.get("detail", "")), key=str(one.get("field", ""))) for one in errors])
    if answer.status_code in (401, 403):
        return Forbidden(told)
    if answer.status_code in (409, 412):
        return Conflict(told)
    return Unavailable(told) if answer.status_code >= 500 else SuanliError(told)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
