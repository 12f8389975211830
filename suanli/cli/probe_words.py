"""What `suanli site register` asks and shows, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suanli.cli.capacity_words import print_figures
from suanli.cli.output import pflops

WORDS: dict[str, dict[str, Any]] = {
    "zh": {
        "name": "站点名称",
        "province": "所在省份",
        "operator": "运营方",
        "kind": "管理接口类型",
        "url": "管理接口地址",
        "pool": "第一个资源池的编号",
        "model": "型号（目录中的名称或其中的词，如 A100 80G）",
        "which": "是其中哪一个",
        "go_on": "登记这个站点？",
        "stopped": "未登记",
        "declared": "申报已建成：",
        "found": "接口报上线：",
        "used": "，使用 {used}",
        "devices": "{count} 台，",
        "wrong": "疑点：",
    },
    "en": {
        "name": "name of the site",
        "province": "province",
        "operator": "operator",
        "kind": "kind of management API",
        "url": "its URL",
        "pool": "id of the first pool",
        "model": "model (a name in the catalogue, or words of it, such as A100 80G)",
        "which": "which of these",
        "go_on": "register this site?",
        "stopped": "nothing was registered",
        "declared": "declared as built: ",
        "found": "found online: ",
        "used": ", used {used}",
        "devices": "{count} devices,",
        "wrong": "looks wrong: ",
    },
}


def print_probe(found: dict[str, Any], language: str) -> None:
    """Declared beside found, pool by pool, and the fleet's figures as they would become."""
    for pool in found["pools"]:
        for line in _lines(pool, language):
            print(line)
    if found["figures"]:
        print_figures(found["figures"], language)


def _lines(pool: dict[str, Any], language: str) -> Iterator[str]:
    words = WORDS[language]
    yield f"{pool['pool']}  {pool['model']}"
    yield f"  {words['declared']}{_amount(pool['declared_devices'], pool['declared_pflops'], words, language)}"
    online = _amount(pool["found_devices"], pool["online_pflops"], words, language)
    yield f"  {words['found']}{online}{words['used'].format(used=pflops(pool['used_pflops'], language))}"
    for told in (*pool["wrong"], *([pool["reason"]] if pool["reason"] else [])):
        yield f"  {words['wrong']}{told}"


def _amount(devices: float | None, amount: float | None, words: dict[str, Any], language: str) -> str:
    told = pflops(amount, language)
    if devices is None:
        return told
    count = f"{devices:,.3f}".rstrip("0").rstrip(".")
    return f"{words['devices'].format(count=count)} {told}"
