"""The way from what was asked to PFLOPS, as `suanli collect` shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from suanli.cli.language import _, in_words
from suanli.cli.output import pflops

if TYPE_CHECKING:
    from collectors.exchange import Exchange
    from suanli.model.polled import PolledPool
    from suanli.model.sample import Sample

Pools = Mapping[str, "PolledPool"]


def print_trail(trail: Sequence[Exchange], samples: Sequence[Sample], pools: Pools) -> None:
    """What was asked and what came, devices times peak, and what was left out."""
    for exchange in trail:
        print(_line(exchange))
    for sample in samples:
        for line in (_sum(sample, pools[sample.pool]), *_left_out(sample)):
            print(line)


def trail_as_json(trail: Sequence[Exchange], samples: Sequence[Sample], pools: Pools) -> dict[str, Any]:
    """The same for a program. Neither query nor body is told: a settings' parameter may be a key."""
    return {
        "asked": [_asked(exchange) for exchange in trail],
        "pools": [_pool(sample, pools[sample.pool]) for sample in samples],
    }


def _asked(exchange: Exchange) -> dict[str, Any]:
    answer = exchange.answer
    return {
        "method": exchange.method,
        "path": _path(exchange),
        "status": None if answer is None else answer.status,
        "bytes": None if answer is None else len(answer.body),
        "items": exchange.items,
        "fault": exchange.fault,
    }


def _pool(sample: Sample, pool: PolledPool) -> dict[str, Any]:
    told = {"pool": pool.id, "model": pool.model, "peak_pflops": pool.peak_pflops}
    told |= {"devices": sample.online_devices, "online_pflops": sample.online_pflops}
    return told | {"quality": sample.quality, "left_out": [*sample.left_out, *map(str, sample.refused)]}


def _path(exchange: Exchange) -> str:
    return exchange.path.partition("?")[0] or "/"


def _line(exchange: Exchange) -> str:
    asked = f"{exchange.method} {_path(exchange)}"
    if exchange.answer is None:
        return _("{asked}: no answer").format(asked=asked)
    told = {"asked": asked, "status": exchange.answer.status, "bytes": f"{len(exchange.answer.body):,}"}
    if exchange.items is None:
        return _("{asked}: {status}, {bytes} bytes").format(**told)
    return _("{asked}: {status}, {bytes} bytes, {items} items").format(**told, items=exchange.items)


def _sum(sample: Sample, pool: PolledPool) -> str:
    told = {"pool": pool.id, "model": pool.model, "total": pflops(sample.online_pflops)}
    if sample.online_devices is None or pool.peak_pflops is None:
        return _("{pool}: {model}: {total} online").format(**told)
    counted = {"devices": f"{sample.online_devices:g}", "peak": f"{pool.peak_pflops * 1000:g}"}
    return _("{pool}: {devices} devices of {model} x {peak} TFLOPS = {total} online").format(**told, **counted)


def _left_out(sample: Sample) -> list[str]:
    found = [*sample.left_out, *map(str, sample.refused)]
    return ["  " + _("left out: {what}").format(what=in_words(one)) for one in found]
