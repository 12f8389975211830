"""The words of the definitions: rates, rungs of the ladder, and what figures are grouped by."""

from __future__ import annotations

from suanli.cli.language import _


def metric(name: str) -> str:
    """A rate, by the name of its field."""
    return {
        "online_ratio": _("online-rate"),
        "usage_ratio": _("usage-rate"),
        "overall_ratio": _("overall rate"),
    }[name]


def rung(name: str) -> str:
    """planned, built, online, used or busy."""
    return {
        "planned": _("planned"),
        "built": _("built"),
        "online": _("online"),
        "used": _("used"),
        "busy": _("busy"),
    }[name]


def grouping(name: str) -> str:
    """What a column of groups is headed by."""
    return {
        "site": _("site"),
        "pool": _("pool"),
        "province": _("province"),
        "operator": _("operator"),
        "model": _("model"),
        "vendor": _("vendor"),
    }[name]


def scope(text: str) -> str:
    """The scope of a target: the fleet, or as it is written."""
    return _("fleet") if text == "fleet" else text
