"""How boards lead to each other: the list of all boards at the top, and links from a number to what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dashboards.parts.form import Form

_TIME = "${__url_time_range}"


@dataclass(frozen=True, slots=True)
class Place:
    """A board as others name it. everywhere: it is there in InfluxQL too."""

    word: str
    zh: str
    en: str
    everywhere: bool = False


PLACES = (
    Place("overview", "总览", "Overview", everywhere=True),
    Place("province", "省份与运营方", "Province, operator", everywhere=True),
    Place("site", "站点", "Site", everywhere=True),
    Place("commissioning", "建设进度", "Commissioning"),
    Place("quality", "数据质量", "Data quality"),
    Place("itself", "系统自身", "Suanli itself"),
)


def links_from(uid: str, form: Form) -> list[dict[str, Any]]:
    """The other boards of the same form; one that has none in InfluxQL is there in PromQL."""
    return [_to(place, form) for place in PLACES if _form_of(place, form).uid(place.word) != uid]


def to_site(form: Form, value: str = "${__value.raw}") -> str:
    """A link to a site's board, over the same time."""
    return f"/d/{form.uid('site')}?var-site={value}&{_TIME}"


def to_province(form: Form, value: str = "${__field.labels.province}") -> str:
    """A link to a province's board, over the same time."""
    return f"/d/{form.uid('province')}?var-province={value}&{_TIME}"


def to_operator(form: Form, value: str = "${__field.labels.operator}") -> str:
    """A link to an operator's board, over the same time."""
    return f"/d/{form.uid('province')}?var-operator={value}&{_TIME}"


def _form_of(place: Place, form: Form) -> Form:
    return form if place.everywhere else Form(form.language)


def _to(place: Place, form: Form) -> dict[str, Any]:
    return {
        "type": "link",
        "title": form.say(place.zh, place.en),
        "url": f"/d/{_form_of(place, form).uid(place.word)}",
        "icon": "dashboard",
        "tooltip": "",
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
    }
