"""What Grafana's alerting files must be, so that Grafana starts with them and the rules do what they say.

Grafana 9.4 does not start with one mistake in them, and says nothing of others: each of those seen on a real one is
refused here. `mistakes` is asked of what we make, and of what lies in a folder before it is given to a Grafana.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from dashboards.parts.source import INFLUX, PROMETHEUS

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)
SOURCES = frozenset({PROMETHEUS, INFLUX, "__expr__"})
CONTACTS = Literal["webhook", "email", "dingding", "wecom", "prometheus-alertmanager", "slack", "teams", "telegram"]
"""Those that Grafana 9.4 has and that somebody might add by hand. There is none for Feishu."""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_REDUCED = ("reduce", "classic_conditions")


def _duration(text: str) -> str:
    if not re.fullmatch(r"\d+[smhd]", text):
        raise ValueError("expected a duration with its unit, such as 10m")
    return text


def _whole_tens(text: str) -> str:
    if seconds_of(_duration(text)) % 10 or not seconds_of(text):
        raise ValueError("expected a multiple of 10s")
    return text


def _plain(text: str) -> str:
    """Labels, titles and settings are expanded: what looks like a variable is replaced by nothing."""
    if "$" in text.replace("$$", ""):
        raise ValueError("a dollar is written $$ here; of templates use {{ .Labels.x }}")
    return text


def _constant(text: str) -> str:
    if ".Value" in text:
        raise ValueError("a changing value in a label keeps the rule pending for ever")
    return _plain(text)


def _raw(text: str) -> str:
    """Annotations and queries are not expanded."""
    if "$$" in text:
        raise ValueError("$$ stays as it is here and breaks the template; use {{ .Labels.x }}")
    return text


def _source(text: str) -> str:
    """A name or an unknown uid lets Grafana start, and every evaluation fail."""
    if text not in SOURCES:
        raise ValueError(f"expected the uid of a data source of ours: {', '.join(sorted(SOURCES))}")
    return text


def _address(text: str) -> str:
    """An unset variable is an empty text."""
    if not re.sub(r"\$(\w+|\{\w+\})", "", text):
        raise ValueError("empty where the variable is not set, and then Grafana does not start; write ${NAME}#suanli")
    return text


Text = Annotated[str, Field(min_length=1)]
Span = Annotated[str, AfterValidator(_duration)]


class _Range(BaseModel):
    model_config = _STRICT
    from_: int = Field(alias="from", gt=0)
    to: int = Field(ge=0)


class _Query(BaseModel):
    """One step of a rule: a query of a data source by its uid, or a computation (`__expr__`)."""

    model_config = _STRICT
    ref_id: Text = Field(alias="refId")
    relative_time_range: _Range = Field(alias="relativeTimeRange")
    source: Annotated[str, AfterValidator(_source), Field(alias="datasourceUid")]
    model: dict[str, Any]

    @property
    def computes(self) -> str:
        """What kind of computation it is; empty for a query."""
        return str(self.model.get("type", "")) if self.source == "__expr__" else ""


class _Rule(BaseModel):
    model_config = _STRICT
    uid: str = Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")
    title: Annotated[str, Field(min_length=1, max_length=190), AfterValidator(_plain)]
    condition: Text
    for_: Span = Field(alias="for")
    no_data: Literal["NoData", "Alerting", "OK"] = Field(alias="noDataState")
    on_error: Literal["Error", "OK"] = Field(alias="execErrState")
    labels: dict[str, Annotated[str, AfterValidator(_constant)]]
    annotations: dict[str, Annotated[str, AfterValidator(_raw)]]
    data: list[_Query] = Field(min_length=2)


class _Group(BaseModel):
    model_config = _STRICT
    org: Literal[1] = Field(alias="orgId")
    name: Text
    folder: Text
    interval: Annotated[str, AfterValidator(_whole_tens)]
    rules: list[_Rule] = Field(min_length=1)


class _Receiver(BaseModel):
    model_config = _STRICT
    uid: str = Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")
    type: CONTACTS
    settings: dict[str, Annotated[str, AfterValidator(_address)]]


class _ContactPoint(BaseModel):
    model_config = _STRICT
    org: Literal[1] = Field(alias="orgId")
    name: Text
    receivers: list[_Receiver] = Field(min_length=1)


_Matcher = tuple[Text, Literal["=", "!=", "=~", "!~"], str]


class _Route(BaseModel):
    model_config = _STRICT
    receiver: Text
    object_matchers: list[Annotated[_Matcher, Field(strict=False)]] = Field(min_length=1)
    repeat_interval: Span
    mute_time_intervals: list[str] = []


class _Policy(BaseModel):
    """The root has no matchers and no mute times: it takes what no route takes."""

    model_config = _STRICT
    org: Literal[1] = Field(alias="orgId")
    receiver: Text
    group_by: list[str]
    group_wait: Span
    group_interval: Span
    repeat_interval: Span
    routes: list[_Route]


class _Named(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    name: Text


class _Deleted(BaseModel):
    model_config = _STRICT
    org: Literal[1] = Field(alias="orgId")
    uid: Text


class Provisioned(BaseModel):
    """All of Grafana's alerting files together."""

    model_config = _STRICT
    version: Literal[1] = Field(alias="apiVersion")
    groups: list[_Group] = []
    deleted: list[_Deleted] = Field(alias="deleteRules", default=[])
    contact_points: list[_ContactPoint] = Field(alias="contactPoints", default=[])
    policies: list[_Policy] = Field(max_length=1, default=[])
    mute_times: list[_Named] = Field(alias="muteTimes", default=[])


def mistakes(documents: Iterable[Any]) -> list[str]:
    """What is wrong with these files (as they were read, all that Grafana reads together), one line each."""
    merged: dict[str, Any] = {}
    for document in documents:
        if not isinstance(document, dict):
            return [f"expected a mapping, found {type(document).__name__}"]
        for key, value in document.items():
            merged[key] = merged.get(key, []) + value if isinstance(value, list) else value
    try:
        found = Provisioned.model_validate(merged)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    return [*_of_rules(found), *_of_names(found)]


def seconds_of(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def _of_rules(found: Provisioned) -> Iterator[str]:
    named = [rule for group in found.groups for rule in group.rules]
    deleted = {one.uid for one in found.deleted}
    yield from (f"two rules have the uid {uid}" for uid in _twice(rule.uid for rule in named))
    yield from (f"two rules have the title {title}" for title in _twice(rule.title for rule in named))
    for rule in named:
        yield from (f"{rule.uid}: {text}" for text in _of_steps(rule))
        if rule.uid in deleted:
            yield f"{rule.uid} is provisioned and deleted at once"


def _of_steps(rule: _Rule) -> Iterator[str]:
    steps = {step.ref_id: step for step in rule.data}
    yield from (f"two steps are called {ref}" for ref in _twice(step.ref_id for step in rule.data))
    if rule.condition not in steps:
        yield f"the condition {rule.condition} is no step of the rule"
    for step in rule.data:
        if step.model.get("refId") != step.ref_id:
            yield f"{step.ref_id}: its model has another refId"
        read = step.model.get("expression")
        if step.computes and read not in steps:
            yield f"{step.ref_id} reads {read}, which is no step of the rule"
        if step.computes and step.computes not in _REDUCED and read in steps and not steps[read].computes:
            yield f"{step.ref_id} judges {read}, a query that nobody reduced to a number"
        if not step.computes and step.model.get("instant") is not True:
            yield f"{step.ref_id}: a query over a range; ask for an instant"


def _of_names(found: Provisioned) -> Iterator[str]:
    points = [point.name for point in found.contact_points]
    receivers = [receiver.uid for point in found.contact_points for receiver in point.receivers]
    mute_times = {one.name for one in found.mute_times}
    yield from (f"two contact points are called {name}" for name in _twice(points))
    yield from (f"two receivers have the uid {uid}" for uid in _twice(receivers))
    for policy in found.policies:
        for name in (policy.receiver, *(route.receiver for route in policy.routes)):
            if name not in points:
                yield f"the receiver {name} is no contact point"
        for name in (name for route in policy.routes for name in route.mute_time_intervals if name not in mute_times):
            yield f"the mute time {name} is not there"
    for point in found.contact_points:
        for receiver in point.receivers:
            if receiver.type == "webhook" and "url" not in receiver.settings:
                yield f"{receiver.uid}: a webhook needs a url"


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
