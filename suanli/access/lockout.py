"""An address from which wrong tokens come is not listened to for a while, and longer each time."""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

FAILURES = 10
WITHIN = 300
FIRST = 60
LONGEST = 3600
_FORGOTTEN_AFTER = 2 * LONGEST
_ADDRESSES = 10_000


@dataclass(slots=True)
class _Seen:
    """failures: when, within the last minutes; locks: how often in a row; until: locked out so long."""

    failures: list[float] = field(default_factory=list)
    locks: int = 0
    until: float = 0.0


class LockOut:
    """Counts wrong tokens by address. Times in seconds of any one clock; may be called from any thread.

    After FAILURES within WITHIN seconds the address is locked out for FIRST seconds, the next time for twice as long,
    up to LONGEST. Whoever gave no cause for two hours begins anew. Of at most so many addresses anything is kept.
    """

    def __init__(self, addresses: int = _ADDRESSES) -> None:
        self._most = addresses
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def remaining(self, address: str, now: float) -> int:
        """For how many seconds more nobody is let in from there; 0: not locked out."""
        with self._lock:
            seen = self._seen.get(place_of(address))
        return 0 if seen is None or seen.until <= now else max(1, -int(-(seen.until - now) // 1))

    def failed(self, address: str, now: float) -> None:
        """A wrong token came from there."""
        with self._lock:
            seen = self._seen.setdefault(place_of(address), _Seen())
            self._seen.move_to_end(place_of(address))
            if now - max(seen.until, seen.failures[-1] if seen.failures else 0.0) >= _FORGOTTEN_AFTER:
                seen.locks = 0
            seen.failures = [*(at for at in seen.failures if now - at < WITHIN), now]
            if len(seen.failures) >= FAILURES:
                seen.until = now + min(LONGEST, FIRST * 2**seen.locks)
                seen.locks = min(seen.locks + 1, 16)
                seen.failures.clear()
            if len(self._seen) > self._most:
                self._seen.popitem(last=False)


def place_of(address: str) -> str:
    """What is counted as one: an IPv4 address, or the network of 64 bits that one IPv6 customer has."""
    try:
        found = ip(address)
    except ValueError:
        return address[:64]
    return str(found if found.version == 4 else ipaddress.ip_network((int(found) >> 64 << 64, 64)))


def ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, an IPv4 one also where it is written as IPv6; a ValueError for anything else."""
    found = ipaddress.ip_address(address)
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
