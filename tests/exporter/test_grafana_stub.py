"""The fake Grafana says what the real one said: recordings/grafana-9.4-push.txt, answer by answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.exporter.grafana_stub import GrafanaStub, grafana_stub

RECORDING = Path(__file__).with_name("recordings") / "grafana-9.4-push.txt"
TITLE = "推送 1"
ONE: dict[str, Any] = {"id": None, "uid": "push-1", "title": TITLE}
PROVISIONED = {"uid": "compute-overview", "title": "总览"}


def recorded() -> dict[str, tuple[int, str]]:
    """What was asked, and status and body of the answer; what follows `-- delete` came later."""
    found: dict[str, tuple[int, str]] = {}
    for asked, text in re.findall(r"^-- (.*)\n((?:(?!-- ).*\n)*)", RECORDING.read_text(encoding="utf-8"), re.MULTILINE):
        match = re.match(r"(.*?)\n? HTTP (\d+)", text, re.DOTALL)
        found[asked] = (int(match[2]), match[1]) if match else (200, text)
    return found


@pytest.fixture
def stub() -> Iterator[GrafanaStub]:
    with grafana_stub() as running:
        running.folders["push"] = {"id": running.next_id(), "uid": "push", "title": "推送"}
        running.folders["compute"] = {"id": 1, "uid": "compute", "title": "算力监测"}
        yield running


def test_the_recording_was_found() -> None:
    assert len(recorded()) == 22
    assert {status for status, _ in recorded().values()} == {200, 400, 401, 404, 412}


def test_the_stub_gives_the_recorded_answers_in_their_order(stub: GrafanaStub) -> None:
    given: dict[str, tuple[int, str]] = {}

    def save(asked: str, board: dict[str, Any], folder: str | None = "push", **more: Any) -> None:
        body = {"dashboard": board} | ({"folderUid": folder} if folder else {}) | more
        answer = httpx.post(f"{stub.url}/api/dashboards/db", json=body, headers=EDITOR, trust_env=False)
        given[asked] = (answer.status_code, answer.text)

    save("create (id null, uid, folderUid)", ONE)
    save("same again, no version, overwrite absent", ONE)
    save("same content + version 1 (current)", ONE | {"version": 1})
    save("stale version 1, now at 2", ONE | {"version": 1})
    save("stale version with overwrite", ONE | {"version": 1}, overwrite=True)
    save("identical content overwrite (new version each time?)", ONE, overwrite=True)
    save("overwrite without folderUid (moves to General?)", ONE, None, overwrite=True)
    assert stub.boards["push-1"].folder == ""
    save("back", ONE, overwrite=True)
    save("other uid, same title, same folder", ONE | {"uid": "push-2"})
    save("other uid, same title, same folder, overwrite", ONE | {"uid": "push-2"}, overwrite=True)
    assert list(stub.boards) == ["push-1"]
    save("title = folder title, in General", {"uid": "push-3", "title": "推送"}, None)
    save("title = its own folder title", {"uid": "push-3", "title": "推送"})
    save("unknown folderUid", {"uid": "push-4", "title": "x"}, "nowhere")
    save("id set but unknown", {"id": 999, "uid": "push-5", "title": "y"})
    save("empty title", {"uid": "push-6", "title": ""})
    save("uid too long", {"uid": "u" * 41, "title": "z"})
    save("bad refresh", {"uid": "push-9", "title": "z9", "refresh": "never"})
    stub.provision(PROVISIONED, "compute")
    save("provisioned", PROVISIONED, "compute")
    save("provisioned, other uid, same title+folder, overwrite", PROVISIONED | {"uid": "o"}, "compute", overwrite=True)
    answer = httpx.post(f"{stub.url}/api/dashboards/db", content="{", headers=EDITOR, trust_env=False)
    given["broken json"] = (answer.status_code, answer.text)
    answer = httpx.post(f"{stub.url}/api/dashboards/db", json={}, trust_env=False)
    given["as anonymous"] = (answer.status_code, answer.text)
    expected = recorded()
    assert list(given) == list(expected)[:-1]
    assert given == {asked: expected[asked] for asked in given}


def test_a_deleted_folder_answers_without_a_body_and_takes_its_boards_along(stub: GrafanaStub) -> None:
    body = {"dashboard": ONE, "folderUid": "push"}
    httpx.post(f"{stub.url}/api/dashboards/db", json=body, headers=EDITOR, trust_env=False).raise_for_status()
    answer = httpx.delete(f"{stub.url}/api/folders/push", headers=EDITOR, trust_env=False)
    assert (answer.status_code, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")
    gone = httpx.get(f"{stub.url}/api/dashboards/uid/push-1", headers=EDITOR, trust_env=False)
    text = RECORDING.read_text(encoding="utf-8")
    assert f"{gone.text} HTTP {gone.status_code}" in text[text.index("-- delete folder") :]
    assert "Content-Length: 0" in text[text.index("-- delete folder") :]


EDITOR = {"Authorization": "Bearer editor-token"}
