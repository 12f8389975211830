"""What `suanli site register --probe` shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suanli.cli.capacity_words import print_figures
from suanli.cli.language import _, in_words
from suanli.cli.output import pflops


def print_probe(found: dict[str, Any]) -> None:
    """Declared beside found, pool by pool, and the fleet's figures as they would become."""
    for pool in found["pools"]:
        for line in _lines(pool):
            print(line)
    if found["figures"]:
        print_figures(found["figures"])


def _lines(pool: dict[str, Any]) -> Iterator[str]:
    yield f"{pool['pool']}  {pool['model']}"
    declared = _("declared as built: {amount}")
    yield "  " + declared.format(amount=_amount(pool["declared_devices"], pool["declared_pflops"]))
    online = _amount(pool["found_devices"], pool["online_pflops"])
    found = _("found online: {online}, used {used}")
    yield "  " + found.format(online=online, used=pflops(pool["used_pflops"]))
    for told in (*pool["wrong"], *([pool["reason"]] if pool["reason"] else [])):
        yield "  " + _("looks wrong: {told}").format(told=in_words(told))


def _amount(devices: float | None, amount: float | None) -> str:
    told = pflops(amount)
    if devices is None:
        return told
    count = f"{devices:,.3f}".rstrip("0").rstrip(".")
    return _("{count} devices, {pflops}").format(count=count, pflops=told)
