"""The sink of an agent: another Suanli, which takes samples whole, judges them, and takes the same one twice as one."""

from __future__ import annotations

import gzip
import re
import ssl
from collections.abc import Sequence
from typing import Any, cast

import httpx
import orjson

from exporter.base import Rejected, Retry
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.pushed import PushedSample
from suanli.model.secret import Hidden, SecretRef
from suanli.model.site import Tls
from suanli.store.points import Batch, Point, SamplePoint

_PAUSE = 60.0  # for a server that does not let us in: a person must act first
_TIMEOUT = 30.0
_NOT_LET_IN = frozenset({401, 403, 404, 405, 409})
_PLACE = re.compile(r"samples\[(\d+)\]")


class PushSink:
    """One site at one server. The token is read again for every request, so that it can be changed while we run.

    transport: a way to the server that is not the network.
    """

    name = "push"

    def __init__(
        self, server: str, site: str, token: SecretRef, tls: Tls, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url, self._token = f"{server}/api/v1/sites/{site}/samples", token
        self._client = httpx.Client(verify=_context(tls), timeout=_TIMEOUT, transport=transport)
        self._judged: dict[int, str] = {}

    def write(self, batch: Batch) -> None:
        """Those that are refused are found by the server's own words; the others are recorded when this returns.

        The forwarder then halves the batch to find them for itself: what is judged is not sent again.
        """
        if not batch.points or batch.points[0].seq not in self._judged:
            self._judged = {}
        rest = [point for point in batch.points if point.seq not in self._judged]
        while rest:
            refused = self._post(rest)
            sent = {} if refused else dict.fromkeys((point.seq for point in rest), "")
            self._judged |= sent | refused
            rest = [point for point in rest if point.seq not in self._judged]
        if told := next((why for point in batch.points if (why := self._judged.get(point.seq))), ""):
            raise Rejected(told)

    def line(self, batch: Batch) -> str:
        return _body(batch.points).decode()

    def close(self) -> None:
        self._client.close()

    def _post(self, points: Sequence[Point]) -> dict[int, str]:
        """The numbers of those that the server will never take, with its reasons: then it has taken none of them."""
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            secret = self._token.reveal().get_secret_value()
            headers["Authorization"] = f"Bearer {secret}"
            answer = self._client.post(self._url, content=gzip.compress(_body(points), 6), headers=headers)
        except InputError as error:
            raise Retry(str(error), _PAUSE) from None
        except (httpx.HTTPError, UnicodeEncodeError) as error:
            raise Retry(f"the server does not answer: {type(error).__name__}") from None
        return _told(answer, points, Hidden(secret))


def _told(answer: httpx.Response, points: Sequence[Point], hide: Hidden) -> dict[int, str]:
    body = _object(answer)
    if answer.is_success and "kept" in body:
        return {}
    words = f"{answer.status_code} {hide(str(body.get('detail') or answer.reason_phrase))[:300]}"
    if answer.status_code == 422 and (refused := _refused(body, points, hide)):
        return refused
    if answer.status_code == 413 and len(points) > 1:
        raise Rejected(words)
    if answer.is_success or answer.is_redirect:
        raise Retry(f"what answers is no Suanli that takes samples: {words}; check server", _PAUSE)
    raise Retry(words, _PAUSE if answer.status_code in _NOT_LET_IN else _retry_after(answer))


def _refused(body: dict[str, Any], points: Sequence[Point], hide: Hidden) -> dict[int, str]:
    errors = body.get("errors")
    found: dict[int, str] = {}
    for one in errors if isinstance(errors, list) else ():
        place = _PLACE.match(str(one.get("field", ""))) if isinstance(one, dict) else None
        if place and int(place[1]) < len(points):
            found.setdefault(points[int(place[1])].seq, hide(f"{one['field']}: {one.get('detail')}")[:300])
    return found


def _body(points: Sequence[Point]) -> bytes:
    samples = [PushedSample.of(cast("SamplePoint", point).sample) for point in points]
    return orjson.dumps({"samples": [one.model_dump(exclude_defaults=True) for one in samples]})


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdecimal() else None


def _context(tls: Tls) -> ssl.SSLContext:
    """An InputError where a certificate's file cannot be used."""
    try:
        context = ssl.create_default_context(cafile=tls.ca)
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key, password="")  # or OpenSSL asks on the terminal
    except OSError as error:
        files = ", ".join(filter(None, (tls.ca, tls.cert, tls.key)))
        told = Message("cannot use a certificate file of {files}: {why}", files=files, why=error.strerror or "not PEM")
        raise InputError(Problem(told, key="tls")) from None
    return context
