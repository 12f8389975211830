"""What a pod holds of the devices of its node. Pure.

The effective request is the scheduler's: the containers and sidecars together, or a step of the initialization with the
sidecars that run by then, whichever is more. https://kubernetes.io/docs/concepts/workloads/pods/init-containers/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from collectors.base import Unreadable
from collectors.kubernetes.nodes import identity, part
from collectors.kubernetes.resources import Devices, Sharing, of_container

_ENDED = frozenset({"Succeeded", "Failed"})


def bound_to(item: object) -> str | None:
    """The node that an unfinished pod holds devices of; None for one that waits or has ended."""
    name, _, _ = identity(item, "pod")
    node = part(item, "spec", f"pod {name}").get("nodeName")
    ended = part(item, "status", f"pod {name}").get("phase") in _ENDED
    return node if isinstance(node, str) and node and not ended else None


def named(item: Any) -> str:
    """A pod that `bound_to` has read, as its namespace and name."""
    metadata = item["metadata"]
    return f"{metadata.get('namespace')}/{metadata['name']}"


def held_by(item: object, sharing: Sharing) -> Devices:
    """Devices of a node that shares them so; Unreadable when the pod's containers cannot be read."""
    name, _, _ = identity(item, "pod")
    spec = part(item, "spec", f"pod {name}")
    running: Devices = {}
    most: Devices = {}
    for container in _containers(spec, "initContainers", name):
        asked = _asked(container, sharing, name)
        if container.get("restartPolicy") == "Always":
            running = _plus(running, asked)
            most = _most(most, running)
        else:
            most = _most(most, _plus(running, asked))
    for container in _containers(spec, "containers", name):
        running = _plus(running, _asked(container, sharing, name))
    return _most(most, running)


def _containers(spec: Mapping[str, Any], key: str, name: str) -> list[dict[str, Any]]:
    found = spec.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable(f"pod {name}: its {key} cannot be read")
    return found


def _asked(container: Mapping[str, Any], sharing: Sharing, name: str) -> Devices:
    """An accelerator's request equals its limit, so one of the two may be left out."""
    resources = container.get("resources") or {}
    if not isinstance(resources, dict):
        raise Unreadable(f"pod {name}: a container's resources cannot be read")
    amounts = {**_amounts(resources, "limits", name), **_amounts(resources, "requests", name)}
    return of_container(amounts, sharing, f"pod {name}")


def _amounts(resources: Mapping[str, Any], key: str, name: str) -> dict[str, Any]:
    found = resources.get(key) or {}
    if not isinstance(found, dict):
        raise Unreadable(f"pod {name}: a container's {key} cannot be read")
    return found


def _plus(one: Devices, other: Devices) -> Devices:
    return {name: one.get(name, 0.0) + other.get(name, 0.0) for name in _names(one, other)}


def _most(one: Devices, other: Devices) -> Devices:
    return {name: max(one.get(name, 0.0), other.get(name, 0.0)) for name in _names(one, other)}


def _names(*found: Devices) -> Iterable[str]:
    return dict.fromkeys(name for one in found for name in one)
