"""The desk of a running instance, over its HTTP API: `--server URL`, with the token of `SUANLI_TOKEN`."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx

from suanli.config import Config
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, StillUnderWay, SuanliError, Unavailable
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
_SLOW = (httpx.ReadTimeout, httpx.WriteTimeout)
_LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, *_SLOW)
"""The server may have carried out what was asked, and its answer did not arrive."""
_DECIDE: dict[str, str] = {"approved": "approve", "rejected": "reject", "withdrawn": "withdraw"}


def told_token() -> str:
    """The token of SUANLI_TOKEN, or of the file that SUANLI_TOKEN_FILE names; "" where there is none."""
    if file := os.environ.get("SUANLI_TOKEN_FILE"):
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(Problem(f"SUANLI_TOKEN_FILE: {file} cannot be read: {type(error).__name__}")) from None
    return os.environ.get("SUANLI_TOKEN", "").strip()


class RemoteDesk:
    """Sends what the office would be asked for; the server's rules decide, and its words are shown."""

    def __init__(self, config: Config, address: str, token: str, timeout: float = _TIMEOUT) -> None:
        self.config, self._timeout = config, timeout
        self._client = httpx.Client(
            base_url=f"{_checked(address, token)}/api/v1/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
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
        """Once more where its answer was lost or is late: only what changes nothing, or has a key.

        Under that key the server carries it out once; while the first sending is under way there, it is waited for.
        """
        try:
            return self._client.request(method, path, **sent)
        except _LOST:
            if method != "GET" and "Idempotency-Key" not in sent.get("headers", {}):
                raise
        end = time.monotonic() + self._timeout
        answer = self._client.request(method, path, **sent)
        while (wait := _under_way(answer)) and time.monotonic() + wait < end:
            time.sleep(wait)
            answer = self._client.request(method, path, **sent)
        return answer

    def _asked(self, method: str, path: str, **sent: Any) -> Answer:
        try:
            answer = self._sent(method, path, **sent)
        except httpx.HTTPError as error:
            raise Unavailable(self._unanswered(error, changing=method != "GET" and path != "probe")) from None
        if not answer.is_success:
            raise _error(answer)
        try:
            return cast("Answer", answer.json())
        except ValueError:
            raise Unavailable(f"what answers at {answer.url.host} is no Suanli: its answer is not JSON") from None

    def _unanswered(self, error: httpx.HTTPError, *, changing: bool) -> str:
        host = self._client.base_url.host
        if isinstance(error, _SLOW):
            told = f"{host} has not answered within {self._timeout:g} s"
        else:
            told = f"{host} cannot be asked: {str(error) or type(error).__name__}"
        if changing and isinstance(error, _LOST):
            return f"{told}; it may have been carried out all the same: look before you ask for it again"
        return f"{told}; is `suanli serve` running there?"


def _under_way(answer: httpx.Response) -> int:
    """After how many seconds the server has the answer to the first sending; 0: this is the answer."""
    told = answer.headers.get("retry-after", "")
    return int(told) if answer.status_code == 409 and told.isdecimal() else 0


def _checked(address: str, token: str) -> str:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise InputError(Problem(f"not a URL: {error}", key="--server")) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError(Problem(f"expected http(s)://HOST[:PORT], not {address}", key="--server"))
    if url.scheme == "http" and token and url.host not in _LOOPBACK:
        raise InputError(Problem("the token would travel unencrypted: use https", key="--server"))
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
    told = str(body.get("detail") or f"the server answered {answer.status_code}")
    if answer.status_code in (400, 404, 413, 422, 428):
        errors = body.get("errors") or [{"detail": told}]
        return InputError([Problem(str(one.get("detail", "")), key=str(one.get("field", ""))) for one in errors])
    if answer.status_code in (401, 403):
        return Forbidden(told)
    if answer.status_code in (409, 412):
        return StillUnderWay(told) if _under_way(answer) else Conflict(told)
    return Unavailable(told) if answer.status_code >= 500 else SuanliError(told)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
