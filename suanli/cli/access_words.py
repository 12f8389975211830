"""What `suanli token` and `suanli audit` print, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suanli.cli.context import say
from suanli.cli.output import print_json, print_table

WORDS: dict[str, dict[str, Any]] = {
    "zh": {
        "created": "令牌 {id} 已发给 {owner}；全文只显示这一次，请交给本人",
        "tried": "将发给 {owner} 一个令牌",
        "revoked": "令牌 {id}（{owner}）已收回",
        "would_revoke": "将收回令牌 {id}（{owner}）",
        "none": "没有发过令牌",
        "nothing": "没有记录",
        "tokens": ["编号", "所有者", "权限", "来源网络", "签发", "到期", "最近使用", "收回"],
        "before": "变更前：",
        "after": "变更后：",
        "reason": "理由：",
        "never": "永不",
        "whole": "审计链完整，共 {count} 条；链头 {head}（请另存他处，下次用 --head 核对）",
        "faults": {
            "edited": "审计第 {seq} 条被改动过",
            "unchained": "审计第 {seq} 条与前一条不相接",
            "missing": "审计第 {seq} 条缺失",
            "disordered": "审计第 {seq} 条的次序不对",
            "unreadable": "审计第 {seq} 条无法读取",
            "cut": "审计自第 {seq} 条起被截去",
            "unlike": "审计第 {seq} 条与记下的链头不符",
        },
    },
    "en": {
        "created": "token {id} is {owner}'s; it is shown this once: hand it over",
        "tried": "{owner} would get a token",
        "revoked": "token {id} of {owner} is revoked",
        "would_revoke": "token {id} of {owner} would be revoked",
        "none": "no token was ever given",
        "nothing": "nothing is recorded",
        "tokens": ["id", "owner", "scopes", "networks", "created", "expires", "last used", "revoked"],
        "before": "before: ",
        "after": "after: ",
        "reason": "reason: ",
        "never": "never",
        "whole": "the audit trail is whole: {count} rows; head {head} (note it elsewhere, and give it back as --head)",
        "faults": {
            "edited": "row {seq} of the audit trail was edited",
            "unchained": "row {seq} of the audit trail does not follow on the row before it",
            "missing": "row {seq} of the audit trail is missing",
            "disordered": "row {seq} of the audit trail is out of order",
            "unreadable": "row {seq} of the audit trail cannot be read",
            "cut": "the audit trail was cut off: row {seq} and what followed is gone",
            "unlike": "row {seq} of the audit trail is not the one whose head was noted",
        },
    },
}


def print_tokens(rows: list[dict[str, Any]], language: str) -> None:
    words = WORDS[language]
    if not rows:
        say(words["none"])
        return
    print_table(
        words["tokens"],
        [
            [
                row["id"],
                row["owner"],
                ", ".join(row["scopes"]),
                ", ".join(row["networks"]),
                row["created_at"],
                row["expires_at"] or words["never"],
                row["last_used_at"] or "",
                row["revoked_at"] or "",
            ]
            for row in rows
        ],
    )


def print_rows(rows: list[dict[str, Any]], language: str, *, json: bool) -> None:
    """The trail, oldest first; before and after as they were."""
    if json:
        print_json({"audit": rows})
    elif rows:
        for row in rows:
            for line in _lines(row, WORDS[language]):
                print(line)
    else:
        say(WORDS[language]["nothing"])


def _lines(row: dict[str, Any], words: dict[str, Any]) -> Iterator[str]:
    """One line for what was done, and one more for each thing that is kept of it: JSON is too long for a column."""
    from suanli.model.audit import canonical

    yield "  ".join(str(row[name]) for name in ("seq", "at", "actor", "action", "subject"))
    for name in ("before", "after", "reason"):
        if (found := row[name]) is not None:
            yield f"    {words[name]}{found if isinstance(found, str) else canonical(found)}"
