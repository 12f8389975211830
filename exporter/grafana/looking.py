"""Looks at a Grafana and says what a push would do. Nothing is written; everything that would stop a push is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.grafana import rules
from exporter.grafana.client import Grafana, Json
from exporter.grafana.mark import says, untouched
from exporter.grafana.plan import BoardPlan, Folder, Plan, RulesPlan, SourcePlan, Wanted
from exporter.grafana.sources import Source, asked, retargeted
from suanli.model.errors import Conflict, Forbidden
from suanli.model.message import Message, message_of

UID_LENGTH = 40
OLDEST = (9, 4)
_GENERAL = ""
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


def look(grafana: Grafana, wanted: Wanted) -> Plan:
    """What a push of this would do; a SuanliError where Grafana cannot be looked at."""
    version = _version(grafana)
    folder, problems = _folder(grafana, wanted.folder)
    instead, missing = _instead(grafana, wanted)
    boards = [retargeted(board, instead) for board in wanted.boards]
    sources = [_source(grafana, uid, kind, wanted) for uid, kind in asked(boards).items()]
    looked = [_Look(grafana, board, wanted.folder) for board in boards]
    plans = tuple(one.plan() for one in looked)
    problems += missing + [_missing(one.source) for one in sources if one.state == "missing"]
    problems += [problem for one in looked for problem in one.problems()]
    alerts = None
    if wanted.rules is not None:
        alerts = _rules(grafana, rules.group_of(wanted.rules, wanted.folder.uid, instead), there=folder)
        problems += _from_files(alerts)
    return Plan(version, wanted.folder, folder, tuple(sources), plans, tuple(problems), alerts)


def _version(grafana: Grafana) -> str:
    """Grafana's version, "" where it is kept secret; an older one than the boards are written for is refused."""
    health = grafana.health()
    text = str(health.get("version", ""))
    match = _NUMBERS.match(text)
    if match and (int(match[1]), int(match[2])) < OLDEST:
        told = Message("{url} is a Grafana {version}; the boards need 9.4 or later", url=grafana.url, version=text)
        raise Conflict(told)
    return text


def _folder(grafana: Grafana, folder: Folder) -> tuple[bool, list[Message]]:
    """Whether it is there, and what is wrong with it."""
    found = grafana.folder(folder.uid)
    if found is not None:
        return True, [] if found.get("canSave", True) else [
            _may_not_save(Message("the folder {title}", title=found["title"]), folder.uid)
        ]
    other = grafana.folder_titled(folder.title)
    if other is None:
        return False, []
    return False, [
        Message(
            "a folder titled {title} exists under the uid {other}, not {uid}: "
            "write grafana.folder.uid: {other}, or another grafana.folder.title",
            title=folder.title,
            other=other["uid"],
            uid=folder.uid,
        )
    ]


def _may_not_save(what: Message, folder: str) -> Message:
    return Message(
        "the token may not save in {what}: it lacks dashboards:write on folders:uid:{folder} (the role Editor)",
        what=what,
        folder=folder,
    )


def _instead(grafana: Grafana, wanted: Wanted) -> tuple[dict[str, Source], list[Message]]:
    """The data sources that stand in for ours, and those of them that are not there."""
    found = {uid: grafana.data_source(other) for uid, other in wanted.instead.items()}
    there = {uid: Source(one["uid"], one["name"], one["type"]) for uid, one in found.items() if one}
    return there, [
        Message(
            "there is no data source of the uid {other}, which is to stand in for {uid}",
            other=wanted.instead[uid],
            uid=uid,
        )
        for uid, one in found.items()
        if one is None
    ]


def _source(grafana: Grafana, uid: str, kind: str, wanted: Wanted) -> SourcePlan:
    if found := grafana.data_source(uid):
        return SourcePlan("there", Source(uid, str(found["name"]), str(found["type"])))
    body = wanted.made.get(uid)
    return SourcePlan("missing" if body is None else "new", Source(uid, uid, kind), body)


def _missing(source: Source) -> Message:
    return Message(
        "the data source {uid} ({kind}) is missing: name another one by its uid in grafana.{kind}.uid, "
        "or let it be made by writing its address in grafana.{kind}.url",
        uid=source.uid,
        kind=source.kind,
    )


def _rules(grafana: Grafana, wanted: Json, *, there: bool) -> RulesPlan:
    """The group of alert rules in its folder; a token that may not look at it need not keep the boards away."""
    try:
        found = grafana.rule_group(wanted["folderUid"], wanted["title"]) if there else None
    except Forbidden as error:
        return RulesPlan("hidden", wanted, None, message_of(error))
    if found is None:
        return RulesPlan("new", wanted)
    if rules.content(found) == rules.content(wanted):
        return RulesPlan("same", wanted, found)
    if rules.untouched(found):
        return RulesPlan("changed", wanted, found)
    return RulesPlan("edited", wanted, found, Message("they are not as a push left them"))


def _from_files(plan: RulesPlan) -> list[Message]:
    if plan.found is None or all(rule.get("provenance") != "file" for rule in plan.found["rules"]):
        return []
    return [
        Message(
            "the alert rules {name} are read from provisioning files by this Grafana: update those, or say --no-alerts",
            name=plan.name,
        )
    ]


@dataclass(slots=True)
class _Look:
    """One board, as it is in Grafana and as it is wanted."""

    grafana: Grafana
    wanted: Json
    folder: Folder
    answer: Json | None = None

    def __post_init__(self) -> None:
        if len(self.wanted["uid"]) <= UID_LENGTH:
            self.answer = self.grafana.board(self.wanted["uid"])

    def plan(self) -> BoardPlan:
        if self.answer is None:
            return BoardPlan("new", self.wanted, self.folder.uid)
        found, meta = self.answer["dashboard"], self.answer["meta"]
        version, here = int(found.get("version", 0)), meta.get("folderUid", _GENERAL)
        if here != self.folder.uid:
            where = meta.get("folderTitle") or here or "General"
            return BoardPlan(
                "moved",
                self.wanted,
                self.folder.uid,
                found,
                version,
                Message("it is in the folder {where}", where=where),
            )
        if says(found, self.wanted):
            return BoardPlan("same", self.wanted, here, found, version)
        if untouched(found):
            return BoardPlan("changed", self.wanted, here, found, version)
        by = meta.get("updatedBy") or Message("somebody")
        at = meta.get("updated") or Message("an unknown time")
        why = Message("{by} saved it at {at}, no push", by=by, at=at)
        return BoardPlan("edited", self.wanted, here, found, version, why)

    def problems(self) -> Iterator[Message]:
        """What Grafana would refuse when the board is saved; each was seen on a real one."""
        uid, title = self.wanted["uid"], self.wanted["title"]
        if len(uid) > UID_LENGTH:
            yield Message("the board {uid}: its uid has more than {most} characters", uid=uid, most=UID_LENGTH)
        if title == self.folder.title:
            yield Message(
                "the board {uid} has the title of its folder, {title}: write another grafana.folder.title",
                uid=uid,
                title=title,
            )
        meta = {} if self.answer is None else self.answer["meta"]
        if meta.get("provisioned"):
            yield Message("the board {uid} is read from provisioning files by this Grafana: update those", uid=uid)
        elif not meta.get("canSave", True):
            yield _may_not_save(Message("the board {uid}", uid=uid), self.folder.uid)
        for other in self.grafana.boards_titled(title, self.folder.uid):
            if other["uid"] != uid:
                yield Message(
                    "the folder holds another board titled {title}, {other}: rename or delete that one",
                    title=title,
                    other=other["uid"],
                )
