"""The guard before every connection: operators give us URLs, and we stand where they cannot (decision 0009).

Three looks, each at what the one before cannot see: at the URL (written addresses, ports), at every address of a name,
and at the address that a socket is opened for, which is the one that was looked at: a name is resolved once.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import Any

import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from collectors.base import Refused
from suanli.model.reach import Reach, address_of

_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def url_fault(url: httpx.URL, reach: Reach) -> str:
    """Why this URL is not asked, as far as it tells without a look-up; nothing where it may be."""
    if url.scheme not in _PORTS:
        return f"{url.scheme or 'no scheme'}: only http and https are asked"
    if url.userinfo:
        return "a URL with a user's name or password: put them under auth"
    return _host_fault(url.raw_host.decode(), reach) or reach.port_fault(
        _PORTS[url.scheme] if url.port is None else url.port
    )


def text_fault(text: str, reach: Reach) -> str:
    """The same of a URL as it was written."""
    try:
        return url_fault(httpx.URL(text), reach)
    except httpx.InvalidURL as error:
        return f"not a URL: {error}"


def _host_fault(host: str, reach: Reach) -> str:
    """Other ways to write an address (127.1, 0x7f000001) are read by some and not by others, so they are not asked."""
    if "%" in host and ":" in host:
        return "an address with a zone (%) is on a link of this machine: give the API's own address"
    if address := address_of(host):
        return reach.fault(address)
    name = host.removesuffix(".").lower()
    if not _NAME.fullmatch(name) or ".." in name:
        return "the host is neither a name nor an address"
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return "an address in an unusual form: write it as four decimal numbers"
    return ""


class GuardedResolver(AbstractResolver):
    """Names by way of `resolver` (the system's if None); Refused if any address of a name is beyond reach.

    One forbidden address is enough: which of several is connected to is decided later, and not by us.
    """

    def __init__(self, reach: Reach, resolver: AbstractResolver | None = None) -> None:
        self._reach, self._resolver = reach, resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not found:
            raise OSError("a name without an address")
        for one in found:
            if fault := _fault(one["host"], self._reach):
                raise Refused(f"one of {len(found)} addresses: {fault}" if len(found) > 1 else fault)
        return found

    async def close(self) -> None:
        """What was given is its owner's; the system's holds nothing."""


def opener(reach: Reach) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Opens a socket for an address (as of getaddrinfo) within reach, else raises Refused: the last look."""

    def opened(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if fault := _fault(address[0], reach) or reach.port_fault(address[1]):
            raise Refused(fault)
        return socket.socket(family, kind, protocol)

    return opened


def _fault(written: str, reach: Reach) -> str:
    address = address_of(written)
    return reach.fault(address) if address else "a resolver answered with something that is no address"
