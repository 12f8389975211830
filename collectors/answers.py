"""What came back: bodies within their limit, and faults told by what they mean."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import aiohttp
import httpx
import orjson

from collectors.base import CollectError, Unreachable, Unreadable

CONNECT_SECONDS = 10.0
Fields = httpx.Headers | Sequence[tuple[bytes, bytes]]
_CHUNK = 16 << 10
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    fields: Fields
    body: bytes = field(repr=False)

    @property
    def headers(self) -> httpx.Headers:
        """Made of the fields when somebody looks: of most answers nobody does."""
        return httpx.Headers(self.fields)


async def body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, unpacked; never holds more than `limit` bytes and one chunk."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip", ""):
        raise Unreadable(f"the answer is packed as {clean(coding)}, which was not asked for")
    unpack = zlib.decompressobj(wbits=31) if "gzip" in coding else None
    parts, size = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        part = _unpacked(unpack, chunk, limit + 1 - size) if unpack else chunk
        parts.append(part)
        size += len(part)
        if size > limit:
            raise Unreadable(f"the answer is larger than {limit / 1048576:g} MiB: ask for less, or raise the limit")
    if unpack and parts and not unpack.eof:
        raise Unreadable("the answer was cut off")
    return b"".join(parts)


def _unpacked(unpack: Any, chunk: bytes, room: int) -> bytes:
    try:
        return cast(bytes, unpack.decompress(chunk, room))
    except zlib.error:
        raise Unreadable("the answer says that it is gzip and is not") from None


_FAULTS: tuple[tuple[type[BaseException], type[CollectError], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, Unreachable, "the certificate is not accepted: check tls.ca and url"),
    (aiohttp.ClientConnectorDNSError, Unreachable, "the name has no address: check url and the name servers"),
    (aiohttp.ClientSSLError, Unreachable, "no TLS there, or none that we share: check http or https in url"),
    (aiohttp.ClientConnectorError, Unreachable, "no connection: is the service up, and the port open to us?"),
    (aiohttp.ConnectionTimeoutError, Unreachable, f"no connection within {CONNECT_SECONDS:g} s: down, or a firewall"),
    (aiohttp.ClientConnectionError, Unreachable, "the connection was closed before an answer: check http or https"),
    (aiohttp.ClientPayloadError, Unreadable, "the answer was cut off"),
    (aiohttp.ClientResponseError, Unreadable, "the answer is not HTTP, or has headers beyond measure"),
    (OSError, Unreachable, "the connection failed"),
)


def fault_of(where: str, cause: BaseException) -> CollectError:
    """By type alone; the cause's own text is not shown, as it may quote what was sent or received."""
    for kind, outcome, text in _FAULTS:
        if isinstance(cause, kind):
            return outcome(": ".join(filter(None, (where, text, _detail(cause)))))
    return Unreachable(f"{where}: could not be asked ({type(cause).__name__})")


def _detail(cause: BaseException) -> str:
    inner = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None) or cause
    number = getattr(inner, "errno", None)
    said = getattr(inner, "verify_message", "") or getattr(inner, "reason", "")
    return clean(str(said or (os.strerror(number) if isinstance(number, int) and number > 0 else "")))


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds; a date counts from the server's own clock, which may not agree with ours."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    then, now = _date(text), _date(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds()) if then else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_COMPLAINTS = ("errors", "error", "message", "detail", "error_msg", "Message", "error_message")


def gist_of(body: bytes) -> str:
    """What an answer complains of: the first of the usual keys of a JSON object, or else all of the text."""
    value = _object(body)
    for key in _COMPLAINTS:
        if found := value.get(key):
            if isinstance(found, dict) and isinstance(found.get("message"), str):
                found = _extended(found) or found["message"]
            told = _unwrapped(found) if isinstance(found, str) else orjson.dumps(found).decode()
            reason = value.get("error_description")  # of a giver of tokens, whose error is a code: RFC 6749, 5.2
            return f"{told}: {reason}" if isinstance(reason, str) else told
    return body.decode(errors="replace")


def _unwrapped(told: str) -> str:
    """Ironic's complaint is an object written as text."""
    inner = _object(told)
    found = inner.get("faultstring") or inner.get("description")
    return found if isinstance(found, str) else told


def _object(text: str | bytes) -> dict[str, Any]:
    """An object of JSON, or an empty one for anything else."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _extended(error: dict[str, Any]) -> str | None:
    """Redfish's own message is that there was an error; which one is told in the list beside it."""
    listed = error.get("@Message.ExtendedInfo")
    first = listed[0] if isinstance(listed, list) and listed else None
    told = first.get("Message") if isinstance(first, dict) else None
    return told if isinstance(told, str) else None


def clean(text: str) -> str:
    """One short line without control characters."""
    shown = "".join(char if char.isprintable() else " " for char in text[: 8 * _SHOWN])
    line = " ".join(shown.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


def origin_of(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def where(request: httpx.Request) -> str:
    """Address and path without the query, which may be long."""
    return f"{origin_of(request.url)}{request.url.path}"
