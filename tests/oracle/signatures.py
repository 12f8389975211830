"""Signatures of requests as a cloud would check them: from what came over the wire alone. Shares no code with the
product, and is itself checked against what the clouds' own SDKs compute (tests/collectors/signatures)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from hmac import digest

_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_EMPTY = sha256(b"").hexdigest()


def authorization(target: str, headers: Mapping[str, str], secret: str) -> str:
    """The Authorization header that a GET of this target should have, by the names in the one that it has."""
    given = headers["authorization"]
    names = given.split("SignedHeaders=")[1].split(",")[0]
    is_huawei = given.startswith("SDK-")
    path, _, query = target.partition("?")
    uri = _huawei_path(path) if is_huawei else "/".join(_encoded(_decoded(part)) for part in path.split("/"))
    block = "".join(f"{name}:{headers[name].strip(' ')}\n" for name in names.split(";"))
    canonical = f"GET\n{uri}\n{_query(query)}\n{block}\n{names}\n{_EMPTY}".encode()
    middle = headers["x-sdk-date"] + "\n" if is_huawei else ""
    text = f"{given.split(' ')[0]}\n{middle}{sha256(canonical).hexdigest()}"
    return given[:-64] + digest(secret.encode(), text.encode(), "sha256").hex()


def of_head(head: str) -> tuple[str, dict[str, str]]:
    """Target and headers of the head of a request."""
    first, *lines = head.strip().splitlines()
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    return first.split(" ")[1], {name.lower(): value.strip() for name, value in pairs}


def _huawei_path(path: str) -> str:
    whole = _decoded(path)
    return "/".join(map(_encoded, (whole if whole.endswith(b"/") else whole + b"/").split(b"/")))


def _query(query: str) -> str:
    parts = [part.partition("=") for part in query.split("&")] if query else []
    pairs = [tuple(_decoded(side.replace("+", " ")) for side in (name, value)) for name, _, value in parts]
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(pairs))


def _decoded(text: str) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())


def _encoded(data: bytes) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in data)
