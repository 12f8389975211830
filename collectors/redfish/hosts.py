"""Lists of hosts, as machines are named: gpu[001-125]-bmc.example is 125 of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product

import httpx

MOST = 5000
"""BMCs of one site."""
_EXPECTED = "expected a host such as 10.1.0.7, bmc7.example:8443 or gpu[001-125]-bmc.example"
_RANGE = re.compile(r"\[([0-9]+)-([0-9]+)\]")
_PORT = re.compile(r":([0-9]+)$")
_NAMED = re.compile(r"(?:[A-Za-z0-9._-]|\[[0-9]+-[0-9]+\])+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")


def hosts_of(pattern: str) -> list[str]:
    """The hosts that are meant, each with a port if one is written; a ValueError tells what would be right."""
    if not _NAMED.fullmatch(pattern):
        raise ValueError(_EXPECTED)
    texts, ranges = _RANGE.split(pattern)[::3], [_numbers(*found.groups()) for found in _RANGE.finditer(pattern)]
    if _size(ranges) > MOST:
        raise ValueError(f"more than {MOST} hosts: register them as several sites")
    hosts = ["".join(_woven(texts, numbers)) for numbers in product(*_written(ranges))]
    try:
        for host in hosts:
            httpx.URL(f"https://{host}")
    except httpx.InvalidURL:
        raise ValueError(_EXPECTED) from None
    return hosts


def address_of(url: str, host: str) -> str:
    """The same URL at another host; its port is that of the URL where none is written."""
    base, port = httpx.URL(url), _PORT.search(host)
    other = httpx.URL(f"http://{host}")
    return str(base.copy_with(host=other.host, port=int(port[1]) if port else base.port))


def addresses_of(url: str, patterns: Iterable[str]) -> list[str]:
    """The URL, and it at every other host; each once, in order."""
    return list(dict.fromkeys([url, *(address_of(url, host) for pattern in patterns for host in hosts_of(pattern))]))


_Numbers = tuple[int, int, int]


def _numbers(first: str, last: str) -> _Numbers:
    """First, last and how many digits are written at least: [001-125] has leading zeros."""
    if int(last) < int(first):
        raise ValueError(f"[{first}-{last}] has no number: the lower one comes first")
    return int(first), int(last), len(first)


def _size(ranges: list[_Numbers]) -> int:
    size = 1
    for first, last, _ in ranges:
        size *= last - first + 1
    return size


def _written(ranges: list[_Numbers]) -> list[list[str]]:
    return [[f"{number:0{digits}}" for number in range(first, last + 1)] for first, last, digits in ranges]


def _woven(texts: list[str], numbers: Iterable[str]) -> Iterable[str]:
    yield texts[0]
    for number, text in zip(numbers, texts[1:], strict=True):
        yield number
        yield text
