"""Redfish resources -> what they say of accelerators. Pure; Unreadable is raised for what is no such resource."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from collectors.base import Unreadable
from collectors.reasons import CRITICAL, DISABLED, in_its_words

ROOT = "/redfish/v1/"
_TYPES = frozenset({"GPU", "Accelerator", "NPU"})  # NPU is openUBMC's and iBMC's word; the standard has none
_JUNK = frozenset({"", "0", "na", "none", "null", "unknown", "notspecified", "notavailable", "tobefilledbyoem"})


@dataclass(frozen=True, slots=True)
class Root:
    """Where the systems are, and how many levels below a resource come with it when asked for; 0 where none do.

    levelled: whether the number may be said.
    """

    systems: str
    levels: int
    levelled: bool

    def expansion(self, levels: int) -> str:
        """The value of $expand for so many levels, or as many as there are; "" where it is not offered."""
        if not self.levels:
            return ""
        return f".($levels={min(levels, self.levels)})" if self.levelled else "."


@dataclass(frozen=True, slots=True)
class Page:
    """Members of a collection, some of them as a mere link; next: where the others are, empty at the end."""

    members: list[Mapping[str, Any]]
    next: str


@dataclass(frozen=True, slots=True)
class System:
    """A computer. on: None where it does not say."""

    on: bool | None
    processors: str


@dataclass(frozen=True, slots=True)
class Device:
    """An accelerator that is there. out: why it is not online, empty where it is.

    identity: the same wherever else it is listed, empty where nothing is. metrics: where they are, or what they say
    when they came along.
    """

    model: str
    part: str
    out: str
    identity: str
    metrics: str | Mapping[str, Any]


def root_of(payload: object) -> Root:
    """What GET /redfish/v1/ says."""
    body = _typed(payload, "ServiceRoot", "service root")
    version = body.get("RedfishVersion", "1.")
    if not isinstance(version, str) or not version.startswith("1."):
        raise Unreadable(f"the BMC speaks Redfish {str(version)[:40]}; 1.x is what we read")
    features = body.get("ProtocolFeaturesSupported")
    offered = features.get("ExpandQuery") if isinstance(features, dict) else None
    if not isinstance(offered, dict) or offered.get("NoLinks") is not True:
        return Root(_link(body.get("Systems"), "service root without Systems"), 0, levelled=False)
    most, levelled = offered.get("MaxLevels"), offered.get("Levels") is True
    levels = most if levelled and isinstance(most, int) and not isinstance(most, bool) and most > 0 else 1
    return Root(_link(body.get("Systems"), "service root without Systems"), levels, levelled)


def page_of(payload: object) -> Page:
    """A collection, or a part of one."""
    body = _object(payload, "collection")
    members, following = body.get("Members"), body.get("Members@odata.nextLink", "")
    if not isinstance(members, list) or not all(isinstance(one, dict) for one in members):
        raise Unreadable("the answer is no collection with Members")
    if not isinstance(following, str) or (following and not following.startswith("/")):
        raise Unreadable("the collection goes on somewhere that cannot be read")
    return Page(members, following)


def link_of(member: Mapping[str, Any]) -> str | None:
    """Where a member is, if a link is all that it holds."""
    return _link(member, "member without a link") if member.keys() <= {"@odata.id"} else None


def system_of(payload: object) -> System:
    """A member of Systems; processors is empty where it has none."""
    body = _typed(payload, "ComputerSystem", "system")
    if "Status" not in body and "PowerState" not in body and "Processors" not in body:
        raise Unreadable("a system says nothing of itself")
    power, processors = body.get("PowerState"), body.get("Processors")
    if power is not None and not isinstance(power, str):
        raise Unreadable("a system's PowerState cannot be read")
    on = None if power is None else power == "On"
    return System(on, "" if processors is None else _link(processors, "system whose Processors cannot be read"))


def device_of(payload: object) -> Device | None:
    """A processor that is an accelerator and is there, else None."""
    body = _typed(payload, "Processor", "processor")
    kind, status = body.get("ProcessorType"), body.get("Status")
    if kind is not None and not isinstance(kind, str):
        raise Unreadable("a processor's ProcessorType cannot be read")
    if kind not in _TYPES:
        return None
    if not isinstance(status, dict) or not isinstance(status.get("State"), str):
        raise Unreadable(f"{_text(body, 'Id') or 'a processor'}: its Status has no State")
    if status["State"] == "Absent":
        return None
    out = CRITICAL if status.get("Health") == "Critical" else _out(status["State"])
    identity = _known(_text(body, "UUID")) or _known(_text(body, "SerialNumber"))
    return Device(_text(body, "Model"), _text(body, "PartNumber"), out, identity, _metrics(body.get("Metrics")))


def devices_of(payloads: list[Mapping[str, Any]]) -> list[Device]:
    """The accelerators of one system. What two of them share (a board's serial number) tells neither of them apart."""
    found = [device for payload in payloads if (device := device_of(payload))]
    times = Counter(device.identity for device in found)
    return [device if times[device.identity] == 1 else replace(device, identity="") for device in found]


def busy_of(payload: object) -> float | None:
    """BandwidthPercent of ProcessorMetrics as it is written; None where it is not told."""
    found = _object(payload, "ProcessorMetrics").get("BandwidthPercent")
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Unreadable("BandwidthPercent is no number")
    return _float(found)


def _metrics(found: object) -> str | Mapping[str, Any]:
    if found is None:
        return ""
    body = _object(found, "processor's Metrics")
    return link_of(body) or body


def _known(text: str) -> str:
    """Many firmwares fill in what they do not know."""
    plain = "".join(filter(str.isalnum, text)).lower()
    return "" if plain in _JUNK or len(set(plain)) == 1 else plain


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf")


def _text(body: Mapping[str, Any], key: str) -> str:
    found = body.get(key)
    return found.strip()[:120] if isinstance(found, str) else ""


def _object(payload: object, what: str) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise Unreadable(f"the answer is no {what}")
    return payload


def _out(state: str) -> str:
    if state == "Enabled":
        return ""
    return DISABLED if state == "Disabled" else in_its_words(state)


def _typed(payload: object, name: str, what: str) -> dict[str, Any]:
    """A resource of this schema, in any of its versions."""
    body = _object(payload, what)
    said = body.get("@odata.type", f"#{name}.")
    if not isinstance(said, str) or not said.startswith(f"#{name}."):
        raise Unreadable(f"the answer is no {what}: it is of type {str(said)[:60]}")
    return body


def _link(found: object, instead: str) -> str:
    """A path on the host that we ask; a link to anywhere else is none that we follow."""
    link = found.get("@odata.id") if isinstance(found, dict) else None
    if not isinstance(link, str) or not link.startswith("/") or link.startswith("//"):
        raise Unreadable(f"there is a {instead}")
    return link
