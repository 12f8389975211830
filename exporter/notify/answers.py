"""What a channel answered, as Apprise tells only yes or no; and some say no in an answer that Apprise takes for a yes.

Seen in Apprise 2.3: DingTalk's and WeCom's robots answer a wrong key, a missing keyword or too many messages with 200
and an errcode, which their plug-ins do not read; Feishu's and Lark's plug-ins read the code.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any

import requests

from suanli.model.delivery import Delivery

CODES = {
    "NotifyDingTalk": ("errcode", "errmsg"),
    "NotifyWeComBot": ("errcode", "errmsg"),
    "NotifyFeishu": ("code", "msg"),
    "NotifyLark": ("code", "msg"),
}
"""Where robots say whether they took a message, by Apprise's name for them; no answer of theirs is without it."""
_AS_IT_IS = (400, 413, 415, 422)
_OF_CONNECTION = (
    (requests.exceptions.ConnectTimeout, "nobody answers"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (requests.exceptions.SSLError, "its certificate cannot be trusted"),
    (requests.exceptions.ProxyError, "the proxy does not let us through"),
)


class Heard:
    """Listens to every answer and failure of `requests` while it is entered, in this process."""

    def __init__(self) -> None:
        self.answers: list[requests.Response] = []
        self.failure: requests.RequestException | None = None

    def __enter__(self) -> Heard:
        self._send = requests.Session.send
        original, heard = self._send, self

        def send(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
            try:
                answer = original(session, request, **more)
            except requests.RequestException as error:
                heard.failure = error
                raise
            heard.answers.append(answer)
            return answer

        setattr(requests.Session, "send", send)  # noqa: B010 - the only place where all plug-ins' answers pass
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        setattr(requests.Session, "send", self._send)  # noqa: B010 - as it was


def judged(plugin: str, worked: bool, heard: Heard, log: list[str]) -> Delivery:
    """Whether it was delivered, and if not what a person can be told of it."""
    said = [_said(plugin, answer) for answer in heard.answers if answer.ok]
    if bad := next((words for words in said if words), ""):
        return Delivery(False, bad)
    if worked:
        return Delivery(True)
    wrong = next((answer for answer in heard.answers if not answer.ok or answer.is_redirect), None)
    if wrong is not None:
        return _refused(wrong)
    if heard.failure is not None:
        return Delivery(False, _of_connection(heard.failure))
    return Delivery(False, " ".join(log[-2:]) or "Apprise says only that it did not work")


def _said(plugin: str, answer: requests.Response) -> str:
    """What a robot says in an answer that looks like a yes; empty where it is one."""
    if plugin not in CODES:
        return ""
    code, message = CODES[plugin]
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or code not in body:
        return f"the answer ({answer.status_code}) is none of this robot's: does something stand in between?"
    return "" if body[code] in (0, "0") else f"it answers {code} {body[code]}: {_short(body.get(message))}"


def _refused(answer: requests.Response) -> Delivery:
    status = answer.status_code
    if answer.is_redirect:
        return Delivery(False, f"it answers {status} and leads elsewhere, where no message is taken")
    words = f"it answers {status}" + (f" {_short(answer.reason)}" if answer.reason else "")
    return Delivery(False, words, _after(answer.headers.get("Retry-After", "")), status in _AS_IT_IS)


def _after(text: str) -> float | None:
    """Seconds, or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _of_connection(error: requests.RequestException) -> str:
    for kind, words in _OF_CONNECTION:
        if isinstance(error, kind):
            return words
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return f"it cannot be reached: {cause.strerror}"
        cause = _deeper(cause)
    return f"it cannot be reached: {type(error).__name__}"


def _deeper(error: BaseException) -> BaseException | None:
    inner = getattr(error, "reason", None) or next((one for one in error.args if isinstance(one, BaseException)), None)
    return inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__


def _short(text: object) -> str:
    return " ".join(str(text or "").split())[:200]
