"""The names under which Kubernetes counts accelerators, and how much of a device one unit of each is. Pure.

Whoever shares devices gives them names and units of their own; README.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from collectors.base import Unreadable

WHOLE = frozenset(
    [
        "nvidia.com/gpu",
        "amd.com/gpu",
        "cambricon.com/mlu",
        "hygon.com/dcu",
        "enflame.com/gcu",
        "iluvatar.com/gpu",
        "iluvatar.ai/gpu",
        "mthreads.com/gpu",
        "metax-tech.com/gpu",
        "birentech.com/gpu",
        "kunlunxin.com/xpu",
        "habana.ai/gaudi",
    ]
)
"""One unit is one device (of a node that does not share them)."""

GPU = "nvidia.com/gpu"

HUNDREDTHS = {
    "aliyun.com/gpu-core.percentage": GPU,
    "tencent.com/vcuda-core": GPU,
    "volcano.sh/vgpu-cores": GPU,
}
"""One unit is a hundredth of a device; with the name of the device that is shared."""

_SHARED = "nvidia.com/gpu.shared"  # time-slicing under a name of its own: a unit is one of the replicas
_CORES, _MEMORY, _MEMORY_SHARE = "nvidia.com/gpucores", "nvidia.com/gpumem", "nvidia.com/gpumem-percentage"  # HAMi
_VOLCANO_NUMBER, _VOLCANO_CORES = "volcano.sh/vgpu-number", "volcano.sh/vgpu-cores"
_BESIDE = frozenset({_SHARED, _CORES, _MEMORY, _MEMORY_SHARE, _VOLCANO_NUMBER})

# Ascend910, Ascend310P, Ascend910B4-1; not the parts of one (Ascend910-4c), whose share of it is not in the name alone.
_ASCEND = re.compile(r"huawei\.com/Ascend[0-9]{3}(P|[A-Z][0-9]?(-[0-9])?)?")
_MIG = re.compile(r"nvidia\.com/mig-(?P<slices>[0-9]+)g\.[0-9]+gb.*")
_SUFFIX = re.compile(r"(-MIG-(?P<slices>[0-9]+)g\.[0-9]+gb.*|-SHARED)$")
_SLICES_OF = {"A30": 4}
_SLICES = 7  # compute slices of any other device that can be partitioned
_QUANTITY = re.compile(r"(?P<number>[0-9]{1,15})(?P<unit>k|M|G|T|Ki|Mi|Gi|Ti)?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    unit: 2 ** (10 * power) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), start=1)
}

Devices = dict[str, float]
"""Devices by the name under which they are counted; the numbers may be parts of a device."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """How a node shares its devices.

    unit: how much of a device one unit of `nvidia.com/gpu` is (time-slicing, or partitions of one profile). replica:
    the same of `nvidia.com/gpu.shared`. slices: compute slices of a whole device. physical: devices of which HAMi made
    what `nvidia.com/gpu` counts, None where it made nothing; memory: of one of them, in MiB.
    """

    unit: float = 1.0
    replica: float = 1.0
    slices: int = _SLICES
    physical: float | None = None
    memory: float | None = None


def slices_of(product: str) -> int:
    """Compute slices of a whole device of this product, where it can be partitioned."""
    return next((count for model, count in _SLICES_OF.items() if model in product), _SLICES)


def model_in(product: str) -> str:
    """The product label without what says how the device is shared."""
    return _SUFFIX.sub("", product)


def sharing_of(product: str, replicas: int) -> Sharing:
    """What the node's product label, with its suffix, and its number of replicas say."""
    slices = slices_of(product)
    suffix = _SUFFIX.search(product)
    profile = int(suffix["slices"]) / slices if suffix and suffix["slices"] else 1.0
    return Sharing(profile / replicas, 1 / replicas, slices)


def of_node(amounts: object, sharing: Sharing, who: str) -> Devices:
    """A node's allocatable amounts as devices. What is said in two ways (whole and in hundredths) counts once.

    Raises Unreadable for an amount of an accelerator that is no quantity: it must not pass for none.
    """
    known = _known(amounts, who)
    found = _plain(known, sharing)
    if sharing.physical is not None:
        found[GPU] = sharing.physical
    for name, counted in HUNDREDTHS.items():
        if name in known:
            found[counted] = max(found.get(counted, 0.0), known[name] / 100)
    return found


def of_container(amounts: object, sharing: Sharing, who: str) -> Devices:
    """What a container asks for, as devices of a node that shares them so; raises Unreadable like `of_node`."""
    known = _known(amounts, who)
    found = _plain(known, sharing)
    if sharing.physical is not None and GPU in known:
        found[GPU] = known[GPU] * _hami_share(known, sharing)
    for name, counted in HUNDREDTHS.items():
        if name in known and name != _VOLCANO_CORES:
            found[counted] = found.get(counted, 0.0) + known[name] / 100
    if number := known.get(_VOLCANO_NUMBER):
        found[GPU] = found.get(GPU, 0.0) + number * min(1.0, (known.get(_VOLCANO_CORES) or 100) / 100)
    return found


def _plain(known: Devices, sharing: Sharing) -> Devices:
    found = {name: number for name, number in known.items() if _is_whole(name)}
    parts = [
        number * int(mig["slices"]) / sharing.slices for name, number in known.items() if (mig := _MIG.fullmatch(name))
    ]
    parts += [known[GPU] * sharing.unit] if GPU in known else []
    parts += [known[_SHARED] * sharing.replica] if _SHARED in known else []
    return found | ({GPU: sum(parts)} if parts else {})


def _hami_share(known: Devices, sharing: Sharing) -> float:
    """What HAMi gives of each device: the cores that were asked for, else as much as of its memory, else all of it."""
    if cores := known.get(_CORES):
        return min(1.0, cores / 100)
    if share := known.get(_MEMORY_SHARE):
        return min(1.0, share / 100)
    if (memory := known.get(_MEMORY)) and sharing.memory:
        return min(1.0, memory / sharing.memory)
    return 1.0


def _known(amounts: object, who: str) -> Devices:
    if amounts is None:
        return {}
    if not isinstance(amounts, Mapping):
        raise Unreadable(f"{who}: its resources are no list of amounts")
    return {name: _number(amounts[name], name, who) for name in amounts if isinstance(name, str) and _counts(name)}


def _counts(name: str) -> bool:
    return _is_whole(name) or name in HUNDREDTHS or name in _BESIDE or _MIG.fullmatch(name) is not None


def _is_whole(name: str) -> bool:
    return name in WHOLE or _ASCEND.fullmatch(name) is not None


def _number(text: object, name: str, who: str) -> float:
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise Unreadable(f"{who}: {name} is no amount: {str(text)[:40]!r}")
    return float(int(match["number"]) * _UNITS[match["unit"] or ""])
