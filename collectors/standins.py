"""Stand-ins for the words that tell whose an answer is: the same word always has the same one. Pure.

A stand-in is its own stand-in, so that what was scrubbed once stays as it is. Addresses go to ranges that nobody has:
240.0.0.0/4 with their last byte kept, so that neighbours stay neighbours, and 2001:db8::/32.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from suanli.catalog.accelerators import load_accelerators

KINDS = ("site", "host", "name", "user", "mail", "token", "id", "text")
STAND_IN = re.compile(rf"(?:{'|'.join(KINDS)})-(\d+)", re.ASCII)
_HIDDEN_ID = re.compile(r"0{8}[0-9a-f-]*", re.ASCII)
_USUAL = """
admin administrator amd ascend cluster cpu default example false gpu huawei kube-system kubernetes localhost n/a node
nodes none npu null nvidia pod prometheus ray root slurm system true unknown
"""
_PUBLIC = frozenset((*_USUAL.split(), *KINDS))
_PUBLIC_DOMAINS = """
example example.com example.org k8s.io kubernetes.io nvidia.com amd.com huawei.com aliyun.com tencent.com volcano.sh
dmtf.org w3.org openstack.org
"""


class StandIns:
    """What was replaced by what; `counts` has how many different words of each kind."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._taken: set[str] = set()
        self._last: Counter[str] = Counter()
        self._networks: dict[bytes, int] = {}
        self.counts: Counter[str] = Counter()

    def take(self, text: str) -> None:
        """Whatever looks like a stand-in here is none that we give to another word."""
        self._taken.update(found[0].lower() for found in STAND_IN.finditer(text.lower()))

    def word(self, kind: str, word: str) -> str:
        key = lowered(word)
        return self._of.get(key) or self._new(kind, key)

    def _new(self, kind: str, key: str) -> str:
        self.counts[kind] += 1
        number = self._last[kind] + 1
        while f"{kind}-{number}" in self._taken:
            number += 1
        self._last[kind] = number
        self._of[key] = f"{kind}-{number}"
        return self._of[key]

    def mail(self, address: str) -> str:
        if address.lower().endswith("@example.org") and STAND_IN.fullmatch(address.split("@")[0].lower()):
            return address
        return f"{self.word('mail', address)}@example.org"

    def ipv4(self, address: str) -> str:
        packed = IPv4Address(address).packed
        if packed[0] >= 240 or not any(packed):  # a stand-in, a netmask, or nobody
            return address
        known = len(self._of)
        self._of.setdefault(address, address)
        self.counts["address"] += len(self._of) - known
        network = self._networks.setdefault(packed[:3], len(self._networks) + 1)
        return f"{240 + (network >> 16)}.{network >> 8 & 255}.{network & 255}.{packed[3]}"

    def ipv6(self, address: str) -> str:
        found = IPv6Address(address)
        if found.is_unspecified or found.packed[:4] == b"\x20\x01\x0d\xb8":
            return address
        return f"2001:db8::{self._number('address', str(found)):x}"

    def id(self, word: str) -> str:
        """Of the same shape: where hyphens and colons were, they are."""
        if _HIDDEN_ID.fullmatch(word.lower()):
            return word
        return _shaped(word, f"{self._number('id', word.lower()):x}", "0")

    def mac(self, word: str) -> str:
        """Of the locally administered ones."""
        if word.lower().startswith(("02:00:00", "02-00-00")):
            return word
        return "02" + _shaped(word[2:], f"{self._number('address', word.lower()):x}", "0")

    def _number(self, kind: str, key: str) -> int:
        if key not in self._of:
            self.counts[kind] += 1
            self._last[f"{kind} in digits"] += 1
            self._of[key] = str(self._last[f"{kind} in digits"])
        return int(self._of[key])


def _shaped(word: str, digits: str, filler: str) -> str:
    """The digits right-aligned in the word's shape."""
    left = list(digits.rjust(sum(char.isalnum() for char in word), filler))
    return "".join(left.pop(0) if char.isalnum() else char for char in word)


def lowered(word: str) -> str:
    """Hosts and users are the same in either letter case; of ASCII only, as a pattern finds them."""
    return word.encode(errors="surrogatepass").lower().decode(errors="surrogatepass")


@lru_cache(4096)
def is_public(word: str) -> bool:
    """Words that tell of nobody, and that figures may rest on: product and model names, the usual words."""
    low = word.lower()
    if low in _PUBLIC or STAND_IN.fullmatch(low) or load_accelerators().find(word) is not None:
        return True
    return any(low == domain or low.endswith(f".{domain}") for domain in _PUBLIC_DOMAINS.split())
