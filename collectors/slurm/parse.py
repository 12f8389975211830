"""Slurm's list of nodes -> devices online and used by pool. Pure.

What counts as online follows Slurm's own scheduling: the base state admits jobs and no flag keeps the node out.
A node that drains leaves `online` at once; its running jobs stay in `used` until they end.
"""

from __future__ import annotations

import re
from typing import Any

from collectors.base import Unreadable, told_at
from collectors.matching import Counts, pool_of, samples_of
from collectors.once import once
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample

_RUNS_JOBS = frozenset({"IDLE", "MIXED", "ALLOCATED"})
_KEPT_OUT = frozenset(
    [
        "DRAIN",
        "NOT_RESPONDING",
        "FAIL",
        "MAINTENANCE",
        "INVALID_REG",
        "BLOCKED",
        "POWERED_DOWN",
        "POWERING_DOWN",
        "POWER_DOWN",
        "POWER_DOWN_ASAP",
        "POWER_DOWN_FORCE",
        "POWER_DRAIN",
        "POWERING_UP",
        "REBOOT_ISSUED",
    ]
)
_OF_NODES = {"partition": "partitions", "feature": "active_features"}
"""What a pool's match may name of whole nodes, and where it stands."""
_END_OF_TIME = 10**11
_NOT_A_NODE = frozenset({"FUTURE", "EXTERNAL"})
_ENTRY = re.compile(r"(?:^|,)(?P<name>[^:,()]+)(?P<rest>(?:[^,()]|\([^()]*\))*)")  # commas within brackets are not ours
# gpu:8   gpu:a100:8   gpu:a100:4(IDX:0-3,5)   gpu:a100:8(S:0-1)   gpu:(null):3(IDX:0-2): in use, of no named type
_AMOUNT = re.compile(r"(?::(?P<type>[^:()]+|\(null\)))?:(?P<count>[0-9]{1,8})(?:\([^()]*\))?")


def parse(payload: object, site: PolledSite, now: int, gres: frozenset[str]) -> list[Sample]:
    """The site's samples at `now`; Unreadable when the answer holds an error, no node, or is of another shape."""
    counts, names = Counts(), set[str]()
    for node in _nodes(payload):
        once(names, str(node.get("name")), f"node {str(node.get('name'))[:60]}")
        _count(node, site, gres, counts)
    return told_at(samples_of(site, counts, now), _last_update(payload), now)


def of_version(payload: object, version: str) -> None:
    """Unreadable when an answer says that it was written by another version's rules than it was asked by."""
    meta = payload.get("meta") if isinstance(payload, dict) else None
    plugin = meta.get("plugin") if isinstance(meta, dict) else None
    said = plugin.get("data_parser") if isinstance(plugin, dict) else None
    if isinstance(said, str) and said and version not in re.split(r"[/+]", said):
        raise Unreadable(f"the answer is of another version of the API than {version}: {said[:60]}")


def _nodes(payload: object) -> list[dict[str, Any]]:
    nodes = payload.get("nodes") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(nodes, list):
        raise Unreadable("the answer has no list of nodes")
    if errors := payload.get("errors"):
        # A dead controller or a bad token comes as an empty list beside an error: that is not "0 devices".
        raise Unreadable(f"slurmrestd says: {first_error(errors)}")
    if not nodes or not all(isinstance(node, dict) for node in nodes):
        raise Unreadable("the list of nodes is empty or malformed")
    return nodes


def _last_update(payload: Any) -> int:
    """When a node changed last, by Slurm's clock; 0 in versions of the API that do not tell."""
    found = payload.get("last_update")
    seconds = found.get("number") if isinstance(found, dict) else None
    return seconds if isinstance(seconds, int) and 0 < seconds < _END_OF_TIME else 0


def first_error(errors: object) -> str:
    first = errors[0] if isinstance(errors, list) else errors
    if not isinstance(first, dict):
        return str(first)[:120]
    text = first.get("description") or first.get("error") or "unspecified error"
    return f"{text} (error {first.get('error_number', first.get('errno', '?'))})"[:200]


def _count(node: dict[str, Any], site: PolledSite, gres: frozenset[str], counts: Counts) -> None:
    states = _states(node)
    if states & _NOT_A_NODE:
        return
    online = bool(states & _RUNS_JOBS) and not states & _KEPT_OUT
    built, used = _devices(node, "gres", gres), _devices(node, "gres_used", gres)
    for type_ in built | used:
        pool = _claimed(node, site) or pool_of(site, "gres", type_)
        if pool is None:
            counts.strangers[type_] = counts.strangers.get(type_, 0) + built.get(type_, used.get(type_, 0))
            continue
        count = counts.of(pool)
        count.online = (count.online or 0) + (built.get(type_, 0) if online else 0)
        count.used = (count.used or 0) + used.get(type_, 0)
        if not online:
            counts.left_out[pool.id, _why(states)] += built.get(type_, 0)


def _claimed(node: dict[str, Any], site: PolledSite) -> PolledPool | None:
    """The pool whose match names a partition or a feature of this node; of several, the first in the site's order."""
    asked = [pool for pool in site.pools if pool.match and pool.match.label in _OF_NODES]
    return next((pool for pool in asked if pool.match and pool.match.value in _words(node, pool.match.label)), None)


def _words(node: dict[str, Any], label: str) -> frozenset[str]:
    """Partitions or features: a list, or in old versions of the API a text with commas."""
    words = node.get(_OF_NODES[label]) or []
    if isinstance(words, str):
        words = words.split(",")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Unreadable(f"node {str(node.get('name'))[:60]} has no readable {_OF_NODES[label]}")
    return frozenset(words)


def _why(states: frozenset[str]) -> str:
    """What keeps a node out, in Slurm's words."""
    return ", ".join(sorted(states & _KEPT_OUT or states))


def _states(node: dict[str, Any]) -> frozenset[str]:
    """Base state and flags together, in capitals: the two layouts of v0.0.38 and of v0.0.40 and later."""
    state, flags = node.get("state"), node.get("state_flags") or []
    words = state if isinstance(state, list) else [state]
    if not isinstance(flags, list) or not all(isinstance(word, str) and word for word in [*words, *flags]):
        raise Unreadable(f"node {str(node.get('name'))[:60]} has no readable state")
    return frozenset(word.upper().rstrip("*~#!%$@^-") for word in [*words, *flags])


def _devices(node: dict[str, Any], key: str, gres: frozenset[str]) -> dict[str, int]:
    """Type -> count of the accelerators in a gres text; the type is "" where the site names none."""
    text = node.get(key)
    if text is None:
        raise Unreadable(f"node {str(node.get('name'))[:60]} has no {key}")
    if not isinstance(text, str):
        raise Unreadable(f"node {str(node.get('name'))[:60]}: {key} is not a text")
    totals: dict[str, int] = {}
    for entry in _ENTRY.finditer(text):
        if entry["name"] in gres:
            type_, count = _amount(entry["rest"], node, key)
            totals[type_] = totals.get(type_, 0) + count
    return totals


def _amount(text: str, node: dict[str, Any], key: str) -> tuple[str, int]:
    """Type and count of `:a100:8(S:0-1)`. Accelerators that we cannot read must not pass for none."""
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise Unreadable(f"node {str(node.get('name'))[:60]}: {key} has no readable count: {text[:60]!r}")
    return (match["type"] or "").replace("(null)", ""), int(match["count"])
