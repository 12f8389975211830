"""Looking for secrets in whatever a run leaves behind, in every form in which they could stand there."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

LEAST = 8
"""Characters: a shorter piece of something coded is no proof of anything."""


def forms(secret: str) -> dict[str, bytes]:
    """How this secret may be written, by name."""
    raw = secret.encode()
    texts = {
        "plain": secret,
        "first half": secret[: len(secret) // 2],
        "second half": secret[len(secret) // 2 :],
        "reversed": secret[::-1],
        "repr": repr(secret)[1:-1],
        "repr of bytes": repr(raw)[2:-1],
        "json": json.dumps(secret)[1:-1],
        "url": quote(secret, safe=""),
        "url, small": quote(secret, safe="").lower(),
        "url, path": quote(secret),
        "url, form": quote_plus(secret),
        "html": html.escape(secret),
        "hex": raw.hex(),
        "utf-16": "",
    }
    found = {name: text.encode() for name, text in texts.items()}
    found["utf-16"] = secret.encode("utf-16-le")
    return {name: form for name, form in (found | dict(_coded(raw))).items() if len(form) >= LEAST}


def _coded(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Base64 of whatever it is a part of: what stays the same at each of the three places at which it may begin."""
    for place in range(3):
        for name, code in (("base64", base64.b64encode), ("base64 of a URL", base64.urlsafe_b64encode)):
            coded = code(b"\0" * place + raw)
            first = 0 if place == 0 else 4
            last = len(coded) if (place + len(raw)) % 3 == 0 else len(coded) - 4
            yield f"{name} at {place}", coded[first:last]


def found_in(channels: Mapping[str, bytes], secrets: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Channel, secret and form of everything that was found; all three by name, so that a report repeats nothing."""
    return [
        (channel, name, form)
        for name, secret in secrets.items()
        for form, wanted in forms(secret).items()
        for channel, content in channels.items()
        if wanted in content
    ]
