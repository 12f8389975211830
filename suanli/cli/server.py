"""A running instance, asked over its HTTP API: what is sent, sent again, waited for, and how a no is told here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx

from suanli.cli.asked import said
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, StillUnderWay, SuanliError, Unavailable
from suanli.model.message import Message, message_of

Answer = dict[str, Any]
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_TIMEOUT = 60.0
"""Seconds: a probe waits for the data centre's API behind the server."""
_LONGEST_WAIT = 60
"""Seconds for which we wait by ourselves where the server asks us to."""
_PAGE = 1000
_SLOW = (httpx.ReadTimeout, httpx.WriteTimeout)
_LOST = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError, *_SLOW)
"""The server may have carried out what was asked, and its answer did not arrive."""


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


class Server:
    """The instance at this address. Its rules decide, and its words are shown.

    transport: a way to it that is not the network; sleep: how to wait; timeout: seconds in which it has to answer.
    """

    def __init__(
        self,
        address: str,
        token: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        timeout: float = _TIMEOUT,
    ) -> None:
        self._sleep, self._timeout = sleep, timeout
        self._heard = False
        self._client = httpx.Client(
            base_url=f"{_checked(address, token)}/api/v1/",
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout,
            transport=transport or httpx.HTTPTransport(retries=2),  # of connecting, when nothing has been asked yet
        )

    def close(self) -> None:
        self._client.close()

    def asked(self, method: str, path: str, **sent: Any) -> Answer:
        """The answer; a SuanliError where it is no, or none."""
        try:
            answer = self._in_time(method, path, **sent)
        except httpx.HTTPError as error:
            raise Unavailable(self._unanswered(error, changing=method != "GET" and path != "probe")) from None
        if not answer.is_success:
            raise _error(answer)
        self._heard = True
        try:
            return cast("Answer", answer.json())
        except ValueError:
            raise Unavailable(
                Message("what answers at {host} is no Suanli: its answer is not JSON", host=answer.url.host)
            ) from None

    def listed(self, path: str, key: str, asked: dict[str, Any], most: int | None = None) -> list[Answer]:
        """The rows of a listing, all of its pages one after the other, or the first `most`; None is not asked for."""
        return cast("list[Answer]", self.whole(path, key, asked, most)[key])

    def whole(self, path: str, key: str, asked: dict[str, Any], most: int | None = None) -> Answer:
        """The answer of the first page, with the rows of all."""
        params = said(asked) | {"limit": _PAGE if most is None else min(most, _PAGE)}
        answer = self.asked("GET", path, params=params)
        rows, cursor = answer[key], answer.pop("next", None)
        while cursor is not None and (most is None or len(rows) < most):
            following = self.asked("GET", path, params=params | {"cursor": cursor})
            rows, cursor = rows + following[key], following["next"]
        return answer | {key: rows[:most]}

    def _in_time(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Again after a while where we asked too often; who was never heard may be locked out, and is told so."""
        while True:
            answer = self._sent(method, path, **sent)
            wait = answer.headers.get("Retry-After", "")
            if answer.status_code != 429 or not self._heard or not wait.isdecimal() or int(wait) > _LONGEST_WAIT:
                return answer
            self._sleep(int(wait))

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
            self._sleep(wait)
            answer = self._client.request(method, path, **sent)
        return answer

    def _unanswered(self, error: httpx.HTTPError, *, changing: bool) -> Message:
        host = self._client.base_url.host
        if isinstance(error, _SLOW):
            told = Message("{host} has not answered within {seconds:g} s", host=host, seconds=self._timeout)
        else:
            told = Message("{host} cannot be asked: {error}", host=host, error=str(error) or type(error).__name__)
        if changing and isinstance(error, _LOST):
            return Message(
                "{told}; it may have been carried out all the same: look before you ask for it again", told=told
            )
        return Message("{told}; is `suanli serve` running there?", told=told)


def _under_way(answer: httpx.Response) -> int:
    """After how many seconds the server has the answer to the first sending; 0: this is the answer."""
    told = answer.headers.get("retry-after", "")
    return int(told) if answer.status_code == 409 and told.isdecimal() else 0


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
        return StillUnderWay(told) if _under_way(answer) else Conflict(told)
    return Unavailable(told) if answer.status_code >= 500 else SuanliError(told)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
