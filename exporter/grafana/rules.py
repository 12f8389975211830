"""Alert rules as Grafana's provisioning API takes them, and whether anybody has changed them since a push.

The files that are generated for provisioning are what they are made of. A group is saved whole or not at all. Each of
its rules carries the group's fingerprint in an annotation: a rule that was changed, added or taken out shows by it.
What is compared are the words that we write, since a Grafana adds defaults to what it is given.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from exporter.grafana.sources import Source

Json = dict[str, Any]
MARK = "suanli_pushed"
_OF_A_RULE = ("uid", "title", "condition", "noDataState", "execErrState", "labels")
_OF_A_MODEL = ("refId", "expr", "instant", "range", "type", "expression", "reducer")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def group_of(provisioned: Json, folder: str, instead: Mapping[str, Source]) -> Json:
    """The group of a provisioning file as the API takes it.

    What the file's reader expands is written plainly: a dollar is one dollar. instead: data sources, by the uid that
    they replace.
    """
    name = provisioned["name"]
    rules = [_rule(rule, name, folder, instead) for rule in provisioned["rules"]]
    return {"title": name, "folderUid": folder, "interval": _seconds(provisioned["interval"]), "rules": rules}


def marked(group: Json) -> Json:
    """The group as it is pushed."""
    mark = {MARK: fingerprint(group)}
    rules = [rule | {"annotations": rule["annotations"] | mark} for rule in group["rules"]]
    return group | {"rules": rules}


def untouched(group: Json) -> bool:
    """Whether nobody has changed the group since it was pushed."""
    marks = {(rule.get("annotations") or {}).get(MARK) for rule in group["rules"]}
    return marks == {fingerprint(group)}


def fingerprint(group: Json) -> str:
    """Twelve hexadecimal digits of what the group says."""
    canonical = json.dumps(content(group), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def content(group: Json) -> Json:
    """What the group says: the same for two that judge and tell alike, whoever holds them."""
    rules = {rule["uid"]: _said(rule) for rule in group["rules"]}
    return {"interval": group["interval"], "rules": dict(sorted(rules.items()))}


def changes(found: Json | None, wanted: Json) -> dict[str, list[str]]:
    """The titles of the rules that are added, changed and removed."""
    before, after = content(found)["rules"] if found else {}, content(wanted)["rules"]
    return {
        "added": [after[uid]["title"] for uid in after if uid not in before],
        "changed": [after[uid]["title"] for uid in after if uid in before and before[uid] != after[uid]],
        "removed": [before[uid]["title"] for uid in before if uid not in after],
    }


def unified(found: Json | None, wanted: Json) -> list[str]:
    """A unified diff of the two groups as JSON with sorted keys; empty when they say the same."""
    before, after = [] if found is None else _lines(found), _lines(wanted)
    name = wanted["title"]
    return list(difflib.unified_diff(before, after, f"grafana/{name}", f"suanli/{name}", lineterm=""))


def _rule(rule: Json, group: str, folder: str, instead: Mapping[str, Source]) -> Json:
    made = {key: value for key, value in rule.items() if key not in ("title", "labels", "data")}
    made |= {"title": _plain(rule["title"]), "labels": {name: _plain(text) for name, text in rule["labels"].items()}}
    data = [step | {"queryType": "", "datasourceUid": _source(step["datasourceUid"], instead)} for step in rule["data"]]
    return made | {"orgID": 1, "ruleGroup": group, "folderUID": folder, "data": data}


def _plain(text: str) -> str:
    return text.replace("$$", "$")


def _source(uid: str, instead: Mapping[str, Source]) -> str:
    return instead[uid].uid if uid in instead else uid


def _said(rule: Json) -> Json:
    annotations = {name: text for name, text in (rule.get("annotations") or {}).items() if name != MARK}
    said = {key: rule.get(key) for key in _OF_A_RULE} | {"labels": rule.get("labels") or {}}
    steps = [_step(step) for step in rule.get("data") or []]
    return said | {"for": _seconds(str(rule.get("for", "0s"))), "annotations": annotations, "data": steps}


def _step(step: Json) -> Json:
    model = step.get("model") or {}
    said = {key: model[key] for key in _OF_A_MODEL if key in model}
    judged = [one.get("evaluator") for one in model.get("conditions") or []]
    span = step.get("relativeTimeRange") or {}
    return {"source": step.get("datasourceUid"), "from": span.get("from"), "model": said, "judged": judged}


def _seconds(text: str) -> int:
    """Of 600s, 10m or 1h30m: Grafana writes them anew."""
    return sum(int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)([wdhms])(?!s)", text))


def _lines(group: Json) -> list[str]:
    return json.dumps(content(group), ensure_ascii=False, indent=1, sort_keys=True).splitlines()
