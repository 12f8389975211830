"""The HTTP session that grafana-api is given in place of its own, so that none of its defects is met.

| defect of grafana-api 1.0.3 | guarded here by |
|---|---|
| an answer without a body (204, a deletion) raises JSONDecodeError | such an answer reads as None |
| an error page with the word "message" in it (a proxy's 502) raises TypeError | it never sees an error's body |
| transport errors of requests go through as they are | they are Unavailable, and name the address |
| a redirect turns a POST into a GET, and the answer looks like a success | it is refused, and where it leads is told |
| a page in place of JSON (a log-in, a proxy) raises JSONDecodeError | it is Unavailable: no Grafana answers |
"""

from __future__ import annotations

import re
from typing import Any

import requests

from exporter.grafana.errors import Refusal
from suanli.model.errors import InputError, Problem, Unavailable
from suanli.model.message import Message

_TAGS = re.compile(r"<[^>]*>")
_SHOWN = 200


class _Empty(requests.Response):
    """A success without a body."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status_code = status

    def json(self, **_options: Any) -> Any:
        return None


class GuardedSession(requests.Session):
    """Every answer that it returns is a success that can be read as JSON.

    Raises Refusal for an answer of 400 and above, Unavailable where no Grafana answers, InputError for a redirect.
    """

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["allow_redirects"] = False
        try:
            answer = super().request(method, url, *args, **kwargs)
        except OSError as error:  # what requests raises is one, and so is a file of authorities that is not there
            told = Message("Grafana at {address} cannot be asked: {why}", address=self._address, why=_why(error))
            raise Unavailable(told) from None
        return self._checked(answer)

    def _checked(self, answer: requests.Response) -> requests.Response:
        if answer.is_redirect:
            leads = Message(
                "{address} leads to {place}: write that address", address=self._address, place=_place(answer)
            )
            raise InputError(Problem(leads, key="grafana.url"))
        if answer.status_code >= 400:
            raise _refusal(answer)
        if not answer.content:
            return _Empty(answer.status_code)
        if _body(answer) is None:
            told = Message("what answers at {url} is no Grafana, or a log-in before it: not JSON", url=self._address)
            raise Unavailable(told)
        return answer


def _place(answer: requests.Response) -> str:
    """Where a redirect leads, without the query: a log-in page's may hold what nobody should see."""
    return answer.headers.get("Location", "nowhere").split("?")[0]


def _why(error: OSError) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return Message("its certificate is not trusted here (grafana.ca names the file of its authority)")
    if isinstance(error, requests.Timeout):
        return Message("no answer in time (grafana.timeout)")
    if isinstance(error, requests.ConnectionError):
        return Message("no connection; is it running, and is this its address?")
    return type(error).__name__


def _refusal(answer: requests.Response) -> Refusal:
    body = _body(answer)
    if isinstance(body, dict):
        return Refusal(answer.status_code, str(body.get("message", "")), str(body.get("status", "")))
    text = " ".join(_TAGS.sub(" ", answer.text).split())
    return Refusal(answer.status_code, text[:_SHOWN] or str(answer.reason))


def _body(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None
