"""The boards' JSON: what Grafana 9.4 to 13 need, and what a reader needs."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
import yaml

from dashboards.build import boards, files
from dashboards.parts.board import board, queries
from dashboards.parts.grid import Row, lay_out
from dashboards.parts.language import speaker
from tests.dashboards.boards import LANGUAGES, Board, committed

KINDS = {"stat", "gauge", "timeseries", "table"}
TEXTS = {"title", "description", "legendFormat", "text", "noValue", "label"}
UNKNOWN = {"zh": "未知", "en": "unknown"}


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def overview(language: str) -> Board:
    found = committed(language)
    assert len(found["panels"]) >= 14
    return found


def test_envelope(overview: Board) -> None:
    assert overview["schemaVersion"] == 37
    assert overview["id"] is None
    assert re.fullmatch(r"[a-z0-9-]{1,40}", overview["uid"])
    assert "__inputs" not in overview


def test_source_variable_has_a_current(overview: Board) -> None:
    (variable,) = overview["templating"]["list"]
    (default,) = [
        source
        for source in yaml.safe_load(files()["datasources/datasources.yaml"])["datasources"]
        if source["type"] == "prometheus"
    ]
    assert variable["name"] == "DS_PROM"
    assert variable["current"]["value"] == default["uid"] == default["name"]


def test_every_reference_goes_through_the_variable(overview: Board) -> None:
    expected = {"type": "prometheus", "uid": "${DS_PROM}"}
    for panel in overview["panels"]:
        assert panel["datasource"] == expected
        assert panel["targets"]
        assert all(target["datasource"] == expected for target in panel["targets"])


def test_ids_and_refs_are_unique(overview: Board) -> None:
    ids = [panel["id"] for panel in overview["panels"]]
    assert sorted(set(ids)) == sorted(ids)
    asked = [(query.panel, query.ref) for query in queries(overview)]
    assert len(set(asked)) == len(asked)


def test_kinds(overview: Board) -> None:
    assert {panel["type"] for panel in overview["panels"]} == KINDS


def test_grid(overview: Board) -> None:
    cells = [(panel["title"], _cells(panel["gridPos"])) for panel in overview["panels"]]
    for title, covered in cells:
        assert covered, title
        assert all(0 <= x < 24 and y >= 0 for x, y in covered), title
    for (one, here), (other, there) in combinations(cells, 2):
        assert not here & there, f"{one} lies over {other}"


def test_every_panel_says_its_definition(overview: Board, language: str) -> None:
    for panel in overview["panels"]:
        assert len(panel["description"]) > 15, panel["title"]
        chinese = re.search("[一-鿿]", panel["title"] + panel["description"])
        assert bool(chinese) is (language == "zh"), panel["title"]


def test_english_board_has_no_chinese_but_zh_has(language: str) -> None:
    assert bool(re.search("[一-鿿]", str(committed(language)))) is (language == "zh")


def test_unknown_is_said_in_words(overview: Board, language: str) -> None:
    """When there is no data at all, and when a cell is null, also where an override has words of its own."""
    for panel in overview["panels"]:
        assert panel["fieldConfig"]["defaults"]["noValue"] == UNKNOWN[language]
        for mappings in _found(panel["fieldConfig"], "mappings"):
            specials = [entry["options"] for entry in mappings if entry["type"] == "special"]
            assert [(one["match"], one["result"]["text"]) for one in specials] == [("null+nan", UNKNOWN[language])]


def test_the_last_known_value_is_not_shown_for_ever(overview: Board) -> None:
    for panel in overview["panels"]:
        over_time = panel["type"] == "timeseries"
        assert {target["instant"] for target in panel["targets"]} == {not over_time}
        if over_time:
            assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False


def test_power_is_a_plain_number_in_p(overview: Board) -> None:
    for panel in overview["panels"][:3]:
        defaults = panel["fieldConfig"]["defaults"]
        assert (defaults["unit"], defaults["decimals"]) == ("suffix:P", 1)


def test_each_rate_stands_beside_its_benchmark(overview: Board) -> None:
    panels = overview["panels"]
    for ratio in ("online", "usage"):
        rate = _asking(panels, f'suanli_fleet_{ratio}_ratio{{basis="fp16"}}', "gauge")
        beside = _asking(panels, f'suanli_benchmark_ratio{{benchmark="national-2024",metric="{ratio}_ratio"}}', "stat")
        assert rate["gridPos"]["y"] == beside["gridPos"]["y"]
        assert rate["gridPos"]["x"] + rate["gridPos"]["w"] == beside["gridPos"]["x"]


def test_table_has_a_title_for_each_query(overview: Board) -> None:
    (table,) = [panel for panel in overview["panels"] if panel["type"] == "table"]
    organize = table["transformations"][1]["options"]
    values = {f"Value #{target['refId']}" for target in table["targets"]}
    assert values == {name for name in [*organize["renameByName"], *organize["excludeByName"]] if name.startswith("V")}
    titles = list(organize["renameByName"].values())
    assert len(set(titles)) == len(titles) == 12
    assert {rule["matcher"]["options"] for rule in table["fieldConfig"]["overrides"]} == set(titles)
    assert table["options"]["sortBy"][0]["displayName"] in titles


def test_languages_differ_in_text_only() -> None:
    zh, en = (committed(language) for language in LANGUAGES)
    assert queries(zh) == queries(en)
    assert zh["uid"] != en["uid"]
    assert _skeleton(zh["panels"]) == _skeleton(en["panels"])


def test_slugs_do_not_collide() -> None:
    """Grafana makes slugs of the ASCII letters alone; a folder and a board with one slug stop the server."""
    (provider,) = yaml.safe_load(files()["dashboards/dashboards.yaml"])["providers"]
    titles = [provider["folder"], *(made["title"] for made in boards())]
    slugs = [re.sub("[^a-z0-9]+", "-", title.lower()).strip("-") for title in titles]
    assert all(slugs)
    assert len(set(slugs)) == len(slugs)


def test_layouter_refuses_a_row_that_is_too_wide() -> None:
    with pytest.raises(ValueError, match="25 columns"):
        lay_out([Row(4, [(20, {"title": "a"}), (5, {"title": "b"})])])


def test_a_long_uid_is_refused() -> None:
    with pytest.raises(ValueError, match="40"):
        board("x" * 41, "t", "d", [], speaker("en"))


def _cells(place: dict[str, int]) -> set[tuple[int, int]]:
    across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
    return {(x, y) for x in across for y in down}


def _found(node: Any, key: str) -> list[Any]:
    """Every value under that key, or in an override's property of that id."""
    if isinstance(node, list):
        return [hit for child in node for hit in _found(child, key)]
    if not isinstance(node, dict):
        return []
    own = [node[key]] if key in node else [node["value"]] if node.get("id") == key else []
    return own + [hit for child in node.values() for hit in _found(child, key)]


def _asking(panels: list[Board], expr: str, kind: str) -> Board:
    (one,) = [p for p in panels if p["type"] == kind and p["targets"][0]["expr"] == expr]
    return one


def _skeleton(node: Any) -> Any:
    """A panel without its words: keys in their order, numbers, queries, and for a text only that it is one."""
    if isinstance(node, dict):
        if "renameByName" in node:
            return [_skeleton(node["excludeByName"]), node["indexByName"], list(node["renameByName"])]
        if node.get("id") == "byName":
            return "byName"
        return [(key, "text" if key in TEXTS else _skeleton(value)) for key, value in node.items()]
    if isinstance(node, list):
        return [_skeleton(child) for child in node]
    return "text" if node in WORDS else node


WORDS = {"已建成", "Built", "suffix:个百分点", "suffix:points"}
"""Words under keys that hold something else elsewhere: the column to sort by, and a unit."""
