"""The boards' JSON: what Grafana 9.4 to 13 need, and what a reader needs."""

from __future__ import annotations

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from dashboards.build import boards, files
from dashboards.parts import promql
from dashboards.parts.board import Named, board, queries
from dashboards.parts.form import Form
from dashboards.parts.grid import Row, lay_out
from tests.dashboards.boards import UIDS, Board, committed, read
from tests.dashboards.schema import Board as Schema

TEXTS = {"title", "description", "legendFormat", "alias", "text", "noValue", "label", "content", "displayName"}
UNKNOWN = {"zh": "未知", "en": "unknown"}


@pytest.fixture(params=UIDS)
def board_(request: pytest.FixtureRequest) -> Board:
    return read(str(request.param))


def language_of(board: Board) -> str:
    return "en" if board["uid"].endswith("-en") else "zh"


def test_there_are_boards() -> None:
    assert len(UIDS) >= 12
    assert {read(uid)["uid"] for uid in UIDS} == set(UIDS)


def test_the_classic_schema_strictly(board_: Board) -> None:
    Schema.model_validate(board_)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("panels", 0, "type"), "geomap"),
        (("panels", 0, "targets", 0, "refId"), 1),
        (("panels", 0, "repeat"), "site"),
        (("schemaVersion",), 42),
        (("panels", 0, "datasource", "uid"), "suanliprom"),
    ],
)
def test_the_schema_would_refuse(place: tuple[Any, ...], value: Any) -> None:
    broken = committed("zh")
    node: Any = broken
    for step in place[:-1]:
        node = node[step]
    node[place[-1]] = value
    with pytest.raises(ValidationError, match=str(place[-1])):
        Schema.model_validate(broken)


def test_source_variable_has_a_current(board_: Board) -> None:
    first = board_["templating"]["list"][0]
    (default,) = [
        source
        for source in yaml.safe_load(files()["datasources/datasources.yaml"])["datasources"]
        if source["type"] == first["query"]
    ]
    assert first["type"] == "datasource"
    assert first["current"]["value"] == default["uid"] == default["name"]


def test_every_reference_goes_through_the_variable(board_: Board) -> None:
    first = board_["templating"]["list"][0]
    expected = {"type": first["query"], "uid": f"${{{first['name']}}}"}
    references = _found(board_, "datasource")
    assert len(references) > len(board_["panels"])
    assert all(one == expected for one in references)


def test_ids_and_refs_are_unique(board_: Board) -> None:
    ids = [panel["id"] for panel in board_["panels"]]
    assert sorted(set(ids)) == sorted(ids)
    asked = [(query.panel, query.ref) for query in queries(board_)]
    assert len(set(asked)) == len(asked)


def test_a_board_opens_with_few_queries(board_: Board) -> None:
    assert 10 <= len(queries(board_)) + len(board_["annotations"]["list"]) <= 25


def test_all_variables_of_queries_are_there(board_: Board) -> None:
    known = {one["name"] for one in board_["templating"]["list"]}
    asked = [one.expr for one in queries(board_)] + [one["expr"] for one in board_["annotations"]["list"]]
    used = {name for expr in asked for name in re.findall(r"\$([a-z]\w*)", expr)} - {"timeFilter"}
    assert used <= known
    assert {name for name in known if not name.startswith("DS_")} <= used


def test_colour_is_never_alone(board_: Board) -> None:
    """Bars and stats show their number, states and codes a word."""
    for panel in board_["panels"]:
        if panel["type"] == "state-timeline":
            (named,) = [one for one in panel["fieldConfig"]["defaults"]["mappings"] if one["type"] == "value"]
            assert panel["options"]["showValue"] != "never"
            assert len({result["text"] for result in named["options"].values()}) == len(named["options"]) == 3


def test_a_list_of_sites_is_bounded(board_: Board) -> None:
    """Whatever gives a series a site (or an operator, of which there may be as many) says how many it gives."""
    for one in queries(board_):
        if re.search(r"by \((site|operator)[,)]", one.expr) and _series_of(one.expr):
            assert re.match(r"(topk|bottomk)\((20|40), |.* and on \(site\) bottomk\(20, ", one.expr), one.expr


def test_boards_lead_to_each_other_and_nowhere_else(board_: Board) -> None:
    links = [one["url"].removeprefix("/d/") for one in board_["links"]]
    assert len(set(links)) == len(links) == 5
    assert {uid for uid in links if uid not in UIDS or language_of(read(uid)) != language_of(board_)} == set()
    targets = re.findall(r'"/d/([a-z-]+)\?var-(\w+)=', json.dumps(board_))
    for uid, variable in targets:
        assert variable in {one["name"] for one in read(uid)["templating"]["list"]}


def test_grid(board_: Board) -> None:
    cells = [(panel["title"], _cells(panel["gridPos"])) for panel in board_["panels"]]
    for title, covered in cells:
        assert covered, title
        assert all(0 <= x < 24 and y >= 0 for x, y in covered), title
    for (one, here), (other, there) in combinations(cells, 2):
        assert not here & there, f"{one} lies over {other}"


def test_every_panel_says_its_definition(board_: Board) -> None:
    for panel in board_["panels"]:
        assert len(panel["description"]) > 5, panel["title"]
        chinese = re.search("[一-鿿]", panel["title"] + panel["description"])
        assert bool(chinese) is (language_of(board_) == "zh"), panel["title"]


def test_english_board_has_no_chinese_but_zh_has(board_: Board) -> None:
    assert bool(re.search("[一-鿿]", str(board_))) is (language_of(board_) == "zh")


def test_unknown_is_said_in_words(board_: Board) -> None:
    """When there is no data at all, and when a cell is null, also where an override has words of its own."""
    for panel in board_["panels"]:
        assert panel["fieldConfig"]["defaults"]["noValue"] == UNKNOWN[language_of(board_)]
        for mappings in _found(panel["fieldConfig"], "mappings"):
            specials = [entry["options"] for entry in mappings if entry["type"] == "special"]
            assert [(one["match"], one["result"]["text"]) for one in specials] == [
                ("null+nan", UNKNOWN[language_of(board_)])
            ]


def test_the_last_known_value_is_not_shown_for_ever(board_: Board) -> None:
    for panel in board_["panels"]:
        over_time = panel["type"] in ("timeseries", "state-timeline")
        if panel["datasource"]["type"] == "prometheus":
            assert {target["instant"] for target in panel["targets"]} <= {not over_time}
        elif not over_time:
            assert panel["timeFrom"] == "3h"
        if over_time:
            assert panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] is False


def test_power_is_a_plain_number_in_p() -> None:
    for panel in committed("zh")["panels"][:3]:
        defaults = panel["fieldConfig"]["defaults"]
        assert (defaults["unit"], defaults["decimals"]) == ("suffix:P", 1)


def test_each_rate_stands_beside_what_it_is_compared_with() -> None:
    panels = committed("zh")["panels"]
    for ratio in ("online", "usage"):
        rate = _asking(panels, f'suanli_fleet_{ratio}_ratio{{basis="fp16"}}', "gauge")
        beside = _asking(panels, promql.benchmark(ratio), "stat")
        assert [one["expr"] for one in beside["targets"][1:]] == [promql.target(ratio), promql.points_changed(ratio)]
        assert rate["gridPos"]["y"] == beside["gridPos"]["y"]
        assert rate["gridPos"]["x"] + rate["gridPos"]["w"] == beside["gridPos"]["x"]


def test_tables_have_a_title_for_each_query(board_: Board) -> None:
    for table in [panel for panel in board_["panels"] if panel["type"] == "table"]:
        organize = table["transformations"][-1]["options"]
        titles = list(organize["renameByName"].values())
        assert len(set(titles)) == len(titles) >= 2
        rules = {rule["matcher"]["options"] for rule in table["fieldConfig"]["overrides"]}
        assert rules == set(titles)
        assert table["options"]["sortBy"][0]["displayName"] in titles
        if table["datasource"]["type"] == "prometheus":
            named = [name for name in [*organize["renameByName"], *organize["excludeByName"]] if name.startswith("V")]
            several = [f"Value #{target['refId']}" for target in table["targets"]]
            assert set(named) == (set(several) if len(several) > 1 else {"Value"})


@pytest.mark.parametrize("uid", [uid for uid in UIDS if not uid.endswith("-en")])
def test_languages_differ_in_text_only(uid: str) -> None:
    zh, en = read(uid), read(f"{uid}-en")
    assert queries(zh) == queries(en)
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
        board(Named("x" * 41, "t", "t", "d"), [], Form("en"))


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
        if node.get("id") == "displayName":
            return "displayName"
        return [
            (key, "text" if key in TEXTS or key == "displayName" else _skeleton(value)) for key, value in node.items()
        ]
    if isinstance(node, list):
        return [_skeleton(child) for child in node]
    if isinstance(node, str) and (node in WORDS or node.startswith("/d/")):
        return "text"
    return node


def _series_of(expr: str) -> bool:
    """Whether what stands outermost has a series for each site or operator, and not a sum or a count of them."""
    return not re.match(
        r"\(?(sum|count|min|max)\(|100 \* |\(+sum\(|sum by \((reason|rung|result|le|sink)\)", expr
    ) and ('"$site"' not in expr)


WORDS = {"suffix:个百分点", "suffix:points"}
"""Words under a key that holds something else elsewhere: a unit."""
