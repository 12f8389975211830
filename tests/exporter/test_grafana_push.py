"""`suanli grafana push/check/diff` against the fake Grafana (which says whence its answers), over real HTTP."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboards.build import boards
from dashboards.parts.provision import FOLDER, FOLDER_UID
from exporter.grafana.mark import content, fingerprint, mark_of, marked, says, untouched
from exporter.grafana.sources import Source, asked, retargeted
from suanli.config import load_config
from tests.exporter.grafana_stub import Answer, GrafanaStub, grafana_stub

ROOT = Path(__file__).parents[2]
BOARDS = {board["uid"]: board for board in boards()}
FIRST, SECOND = "suanli-overview", "suanli-overview-en"
SAVE = ("POST", "/api/dashboards/db")


@dataclass
class Desk:
    """The command line, with a configuration that names the stub."""

    stub: GrafanaStub
    folder: Path
    token: str = "editor-token"

    def configure(self, **values: Any) -> None:
        text = yaml.safe_dump({"grafana": {"url": self.stub.url} | values}, allow_unicode=True)
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, lang: str = "en") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "suanli", "--lang", lang, "grafana", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SUANLI_GRAFANA_TOKEN": self.token}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=240)

    def answer(self, *arguments: str) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.stdout, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def refused(self, code: int, *arguments: str) -> str:
        """What it says when it ends with this code, having written nothing."""
        before = len(self.stub.writes())
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert len(self.stub.writes()) == before
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with grafana_stub() as stub:
        for uid, kind in (("suanliprom", "prometheus"), ("suanliinflux", "influxdb")):
            stub.sources[uid] = {"uid": uid, "name": uid, "type": kind, "database": "suanli"}
        made = Desk(stub, tmp_path)
        made.configure()
        yield made


def edit(desk: Desk, uid: str, **changes: Any) -> None:
    """As a person saves it in the browser."""
    board = desk.stub.boards[uid]
    board.data = board.data | changes | {"version": board.data["version"] + 1}
    board.by = "zhang"


def test_an_editor_pushes_all_boards_once_and_never_the_same_again(desk: Desk) -> None:
    done = desk.run("push")
    assert done.returncode == 0, done.stderr
    assert desk.stub.folders[FOLDER_UID]["title"] == FOLDER
    assert {uid: content(board.data) for uid, board in desk.stub.boards.items()} == {
        uid: content(board) for uid, board in BOARDS.items()
    }
    assert {board.folder for board in desk.stub.boards.values()} == {FOLDER_UID}
    written = len(desk.stub.writes())
    again = desk.run("push")
    assert (again.returncode, len(desk.stub.writes())) == (0, written)
    assert "nothing was written" in again.stderr
    assert {board.data["version"] for board in desk.stub.boards.values()} == {1}
    assert desk.run("check").returncode == 0
    assert desk.run("diff").stdout == ""


def test_a_dry_run_and_a_diff_write_nothing_and_say_what_would_be(desk: Desk) -> None:
    told = desk.answer("push", "--dry-run")
    assert [(one["uid"], one["state"]) for one in told["boards"]] == [(uid, "new") for uid in BOARDS]
    assert told["pushed"] == []
    assert told["folder"]["there"] is False
    assert len(told["boards"][0]["panels"]["added"]) == len(BOARDS[told["boards"][0]["uid"]]["panels"])
    assert f"+++ suanli/{FIRST}" in desk.run("diff").stdout
    assert desk.run("check").returncode == 1
    assert desk.stub.writes() == []


def test_an_older_board_of_ours_becomes_a_version_more(desk: Desk) -> None:
    desk.run("push")
    old = BOARDS[FIRST] | {"description": "as an earlier release wrote it"}
    desk.stub.boards[FIRST].data = marked(old, 1) | {"version": 1}
    told = desk.answer("push")
    assert told["pushed"] == [
        {"what": "board", "name": FIRST, "version": 2, "url": f"/d/{FIRST}/suanli-overview-zh"},
    ]
    shown = next(one for one in told["boards"] if one["uid"] == FIRST)
    assert (shown["state"], shown["panels"]) == (
        "changed",
        {"added": [], "changed": [], "removed": [], "board": ["description"]},
    )
    assert desk.stub.boards[FIRST].data["description"] == BOARDS[FIRST]["description"]


@pytest.mark.parametrize("lose_mark", [False, True])
def test_a_board_edited_by_hand_is_kept_until_forced(desk: Desk, lose_mark: bool) -> None:
    desk.run("push")
    edit(desk, FIRST, title="ours, better", **({"tags": ["suanli"]} if lose_mark else {}))
    told = desk.refused(1, "push")
    assert f"the board {FIRST} was changed by hand: zhang saved it at 2026-11-24T04:07:53Z" in told
    assert "--force" in told
    assert desk.stub.boards[FIRST].data["title"] == "ours, better"
    assert '-  "title": "ours, better"'.replace("  ", " ") in desk.run("diff", FIRST).stdout
    assert desk.run("push", SECOND).returncode == 0
    assert desk.run("push", "--force").returncode == 0
    assert content(desk.stub.boards[FIRST].data) == content(BOARDS[FIRST])
    assert desk.run("check").returncode == 0


def test_a_board_moved_by_hand_is_kept_there_until_forced(desk: Desk) -> None:
    desk.run("push")
    desk.stub.folders["other"] = {"id": 99, "uid": "other", "title": "Other"}
    desk.stub.boards[FIRST].folder = "other"
    assert "it is in the folder Other" in desk.refused(1, "push")
    assert desk.run("push", "--force").returncode == 0
    assert desk.stub.boards[FIRST].folder == FOLDER_UID


def test_a_save_while_the_push_runs_is_not_overwritten(desk: Desk) -> None:
    desk.run("push")
    for uid in BOARDS:
        old = BOARDS[uid] | {"description": "old"}
        desk.stub.boards[uid].data = marked(old, 1) | {"version": 1}

    def meanwhile(method: str, path: str) -> Answer | None:
        if (method, path) == SAVE and desk.stub.boards[FIRST].data["version"] == 1:
            edit(desk, FIRST, description="a person's")
        return None

    desk.stub.fault = meanwhile
    done = desk.run("push", FIRST)
    assert done.returncode == 1
    assert f"cannot save the board {FIRST}: somebody saved it while this ran" in done.stderr
    assert desk.stub.boards[FIRST].data["description"] == "a person's"


def test_a_failure_in_the_middle_says_what_was_pushed_and_the_next_push_goes_on(desk: Desk) -> None:
    def broken(method: str, path: str) -> Answer | None:
        saved = desk.stub.asked.count(SAVE)
        return Answer(502, "<html>bad gateway message</html>") if (method, path) == SAVE and saved == 2 else None

    desk.stub.fault = broken
    done = desk.run("push")
    assert done.returncode == 3
    assert "Grafana answered 502 bad gateway message" in done.stderr
    first = next(iter(BOARDS))
    assert f"pushed before that: folder {FOLDER}, board {first}; what is there is whole" in done.stderr
    desk.stub.fault = lambda _method, _path: None
    told = desk.answer("push")
    assert [one["name"] for one in told["pushed"]] == list(BOARDS)[1:]


def test_a_folder_under_another_uid(desk: Desk) -> None:
    desk.stub.folders["theirs"] = {"id": 5, "uid": "theirs", "title": FOLDER}
    told = desk.refused(1, "push")
    assert f"a folder titled {FOLDER} exists under the uid theirs, not {FOLDER_UID}" in told
    desk.configure(folder={"uid": "theirs", "title": FOLDER})
    assert desk.run("push").returncode == 0
    assert {board.folder for board in desk.stub.boards.values()} == {"theirs"}


def test_what_grafana_would_refuse_is_found_before_anything_is_written(desk: Desk) -> None:
    desk.stub.folders[FOLDER_UID] = {"id": 5, "uid": FOLDER_UID, "title": FOLDER}
    desk.stub.provision({"uid": "namesake", "title": BOARDS[SECOND]["title"]}, FOLDER_UID)
    desk.stub.provision(BOARDS[FIRST], FOLDER_UID)
    told = desk.refused(1, "push", "--force")
    assert f"the board {FIRST} is read from provisioning files by this Grafana" in told
    assert f"the folder holds another board titled {BOARDS[SECOND]['title']}, namesake: rename or delete" in told


def test_a_folder_titled_as_a_board(desk: Desk) -> None:
    desk.configure(folder={"uid": "f", "title": BOARDS[FIRST]["title"]})
    assert f"the board {FIRST} has the title of its folder" in desk.refused(1, "push")


def test_grafana_is_down(desk: Desk) -> None:
    desk.configure(url="http://127.0.0.1:9")
    for command in ("push", "check", "diff"):
        assert "Grafana at http://127.0.0.1:9 cannot be asked: no connection" in desk.refused(3, command)


def test_an_old_grafana(desk: Desk) -> None:
    desk.stub.version = "8.5.27"
    assert "is a Grafana 8.5.27; the boards need 9.4 or later" in desk.refused(1, "push")
    desk.stub.version = "10.0.1"
    assert desk.run("push").returncode == 0


def test_tokens(desk: Desk) -> None:
    desk.token = "wrong"
    assert "Grafana does not know the token" in desk.refused(1, "push")
    desk.token = ""
    assert "config" not in (told := desk.refused(2, "push"))
    assert "no token: set SUANLI_GRAFANA_TOKEN" in told
    (desk.folder / "token").write_text("editor-token\n")
    desk.configure(token={"file": str(desk.folder / "token")})
    assert desk.run("push").returncode == 0
    assert desk.stub.headers[-1]["Authorization"] == "Bearer editor-token"


def test_a_viewer_may_look_and_is_told_what_is_lacking(desk: Desk) -> None:
    desk.run("push")
    desk.token = "viewer-token"
    assert "it lacks dashboards:write on folders:uid:" + FOLDER_UID in desk.refused(1, "push")
    desk.stub.folders.clear()
    desk.stub.boards.clear()
    done = desk.run("push")
    assert (done.returncode, desk.stub.boards) == (1, {})
    assert "the token lacks the permission folders:create" in done.stderr


def test_a_missing_data_source_is_told_then_made_where_it_is_allowed(desk: Desk) -> None:
    del desk.stub.sources["suanliprom"]
    told = desk.refused(1, "push")
    assert "the data source suanliprom (prometheus) is missing" in told
    assert "grafana.prometheus.url" in told
    desk.configure(prometheus={"url": "http://prometheus:9090"})
    done = desk.run("push", FIRST)
    assert done.returncode == 1
    assert "the token lacks the permission datasources:create" in done.stderr
    assert FIRST not in desk.stub.boards
    desk.token = "admin-token"
    assert desk.run("push", FIRST).returncode == 0
    made = desk.stub.sources["suanliprom"]
    assert (made["url"], made["type"], made["isDefault"]) == ("http://prometheus:9090", "prometheus", False)


def test_boards_ask_the_data_source_that_is_there(desk: Desk) -> None:
    desk.stub.sources = {"theirs": {"uid": "theirs", "name": "Their Prometheus", "type": "prometheus"}}
    desk.configure(prometheus={"uid": "theirs"})
    assert desk.run("push", FIRST).returncode == 0
    pushed = desk.stub.boards[FIRST].data
    assert asked([pushed]) == {"theirs": "prometheus"}
    (variable,) = [one for one in pushed["templating"]["list"] if one["type"] == "datasource"]
    assert variable["current"]["text"] == "Their Prometheus"
    desk.configure(prometheus={"uid": "gone"})
    assert "there is no data source of the uid gone, which is to stand in for suanliprom" in desk.refused(1, "push")


def test_check_says_that_a_source_does_not_answer(desk: Desk) -> None:
    desk.run("push")
    desk.stub.fault = lambda _method, path: Answer(502, "<p>bad gateway</p>") if "/resources/" in path else None
    done = desk.run("check")
    assert done.returncode == 1
    assert "the data source suanliprom does not answer: 502 bad gateway" in done.stderr
    assert desk.answer("check")["silent"] == {"suanliprom": "502 bad gateway"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("push", "nowhere"), "no board is called nowhere; there are suanli-overview"),
        (("check", "--url", "ftp://x"), "--url: should match pattern"),
        (("diff", "--ca", "missing.pem"), "grafana.ca: missing.pem is no file of PEM certificates"),
    ],
)
def test_wrong_usage_ends_with_2(desk: Desk, arguments: tuple[str, ...], told: str) -> None:
    assert told in desk.refused(2, *arguments).replace("String ", "")


def test_without_an_address_it_is_asked_for(desk: Desk) -> None:
    (desk.folder / "config.yaml").write_text("language: en\n")
    assert "say which Grafana: `grafana: {url: ...}` in the configuration, or --url" in desk.refused(2, "push")
    assert desk.run("push", "--url", desk.stub.url).returncode == 0


def test_it_speaks_chinese(desk: Desk) -> None:
    done = desk.run("push", FIRST, lang="zh")
    assert "待新建" in done.stdout
    assert f"已写入 2 项：{FOLDER}, {FIRST}" in done.stderr


def test_the_documents_commands_do_what_it_says(desk: Desk) -> None:
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    shown = re.findall(r"^suanli grafana (.*)$", text, re.MULTILINE)
    assert shown == ["push --dry-run", "diff", "push", "check"]
    (block,) = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (desk.folder / "config.yaml").write_text(block, encoding="utf-8")
    assert load_config(desk.folder / "config.yaml").grafana is not None
    commented = block.replace("  # ", "  ")
    (desk.folder / "config.yaml").write_text(commented, encoding="utf-8")
    grafana = load_config(desk.folder / "config.yaml").grafana
    assert grafana is not None
    assert grafana.folder is not None
    assert (grafana.folder.uid, grafana.folder.title) == (FOLDER_UID, FOLDER)
    desk.configure()
    assert [desk.run(*one.split()).returncode for one in shown] == [0, 0, 0, 0]


VALUE = st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=5)
BOARD = st.dictionaries(st.sampled_from(["title", "panels", "time", "id", "version"]), VALUE).map(
    lambda board: board | {"tags": ["suanli"]}
)


@given(BOARD, st.integers(1, 10**6), st.text(min_size=1))
def test_a_mark_says_nothing_of_the_board_and_is_known_again(board: dict[str, Any], version: int, word: str) -> None:
    pushed = marked(board, version) | {"version": version, "id": 7}
    assert fingerprint(pushed) == fingerprint(board)
    assert mark_of(marked(pushed, version + 1)) != mark_of(pushed)
    assert untouched(pushed)
    assert untouched(pushed | {"version": version + 5})
    assert untouched(pushed | {"added by Grafana": 1})
    changed = pushed | {"version": version + 1, "description": word}
    assert not untouched(changed)
    assert says(pushed, board)
    assert not says(changed, board)


def test_the_boards_ask_only_sources_that_are_provisioned_and_each_can_be_replaced() -> None:
    before = asked(BOARDS.values())
    assert before
    assert set(before) <= {"suanliprom", "suanliinflux"}
    instead = {uid: Source(f"their{uid}", "N", kind) for uid, kind in before.items()}
    after = [retargeted(board, instead) for board in BOARDS.values()]
    assert asked(after) == {f"their{uid}": kind for uid, kind in before.items()}
    assert asked(BOARDS.values()) == before
