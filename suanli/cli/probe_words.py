"""What `suanli site register` asks and shows, in both languages."""

from __future__ import annotations

from typing import Any

from suanli.cli.capacity_words import print_figures
from suanli.cli.output import pflops, print_table

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
        "columns": ["资源池", "型号", "申报设备 ", "找到设备 ", "申报 ", "上线 ", "使用 ", "疑点"],
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
        "columns": ["pool", "model", "declared devices ", "found ", "declared ", "online ", "used ", "looks wrong"],
    },
}


def print_probe(found: dict[str, Any], language: str) -> None:
    """Declared beside found, pool by pool, and the fleet's figures as they would become."""
    if not found["pools"]:
        return
    rows = [
        [
            one["pool"],
            one["model"],
            _count(one["declared_devices"]),
            _count(one["found_devices"]),
            *(pflops(one[name], language) for name in ("declared_pflops", "online_pflops", "used_pflops")),
            "; ".join([*one["wrong"], *([one["reason"]] if one["reason"] else [])]),
        ]
        for one in found["pools"]
    ]
    print_table(WORDS[language]["columns"], rows)
    if found["figures"]:
        print_figures(found["figures"], language)


def _count(devices: float | None) -> str:
    return "" if devices is None else f"{devices:,g}"
