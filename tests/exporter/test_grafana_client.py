"""Each known defect of grafana-api, shown on grafana-api itself and then bypassed by the adapter."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from grafana_api.grafana_api import GrafanaClientError, GrafanaServerError
from grafana_api.grafana_face import GrafanaFace
from pydantic import SecretStr

from exporter.grafana.client import Grafana
from exporter.grafana.errors import Refusal, told
from suanli.model.errors import Conflict, Forbidden, InputError, SuanliError, Unavailable
from suanli.model.message import Message
from tests.exporter.grafana_stub import HTML, HTML_MESSAGE, Answer, GrafanaStub, grafana_stub

ADMIN = "admin-token"
NAMES = ["算力 A&B", "a/b?c=d", "100%", "A+B", "B#1", "普罗 中文"]


@pytest.fixture
def stub() -> Iterator[GrafanaStub]:
    with grafana_stub() as running:
        yield running


def raw(stub: GrafanaStub) -> Any:
    """grafana-api as it comes."""
    return GrafanaFace("admin-token", host=stub.url.removeprefix("http://"), timeout=5)


def adapter(stub: GrafanaStub, token: str = ADMIN, **more: Any) -> Grafana:
    return Grafana(stub.url, SecretStr(token), **more)


def answering(answer: Answer) -> Callable[[str, str], Answer]:
    return lambda _method, _path: answer


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_without_a_body(stub: GrafanaStub, status: int) -> None:
    stub.fault = answering(Answer(status))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        raw(stub).folder.delete_folder("x")
    adapter(stub).save_rule_group("f", "g", {})


def test_deleting_answers_nothing_on_the_stub_as_on_the_real_one(stub: GrafanaStub) -> None:
    stub.folders["x"] = {"id": 1, "uid": "x", "title": "X"}
    with pytest.raises(requests.exceptions.JSONDecodeError):
        raw(stub).folder.delete_folder("x")
    assert stub.folders == {}
    with pytest.raises(requests.exceptions.JSONDecodeError):
        raw(stub).api.DELETE("/v1/provisioning/mute-timings/night")


def test_a_proxys_page_of_error(stub: GrafanaStub) -> None:
    stub.fault = answering(Answer(502, HTML))
    with pytest.raises(GrafanaServerError, match="<html>"):
        raw(stub).folder.get_folder("x")
    stub.fault = answering(Answer(502, HTML_MESSAGE))
    with pytest.raises(TypeError, match="string indices"):
        raw(stub).folder.get_folder("x")
    with pytest.raises(
        Unavailable, match=r"cannot look at the folder x: Grafana answered 502 bad gateway, no message$"
    ):
        adapter(stub).folder("x")


@pytest.mark.parametrize("title", NAMES)
def test_a_title_with_any_sign_is_found(stub: GrafanaStub, title: str) -> None:
    stub.folders["f"] = {"id": 1, "uid": "f", "title": "F"}
    stub.provision({"uid": "u1", "title": title}, "f")
    stub.provision({"uid": "u2", "title": f"{title} 2"}, "f")
    stub.provision({"uid": "u3", "title": title}, "")
    assert [one["uid"] for one in adapter(stub).boards_titled(title, "f")] == ["u1"]
    assert [one["uid"] for one in adapter(stub).boards_titled(title, "")] == ["u3"]


def test_an_ampersand_cuts_the_raw_search(stub: GrafanaStub) -> None:
    stub.provision({"uid": "u1", "title": "算力 A&B"}, "")
    stub.provision({"uid": "u2", "title": "算力 A only"}, "")
    assert [one["uid"] for one in raw(stub).search.search_dashboards(query="算力 A&B")] == ["u1", "u2"]


def test_the_raw_search_ignores_its_folders_without_a_word(stub: GrafanaStub) -> None:
    stub.provision({"uid": "u1", "title": "T"}, "")
    assert len(raw(stub).search.search_dashboards(folder_ids=[12345], starred=True)) == 1
    assert adapter(stub).boards_titled("T", "elsewhere") == []


@pytest.mark.parametrize("uid", ["a/b?x", "算力", "100%"])
def test_names_are_quoted(stub: GrafanaStub, uid: str) -> None:
    stub.sources[uid] = {"uid": uid, "name": uid, "type": "prometheus"}
    stub.provision({"uid": uid, "title": "T"}, "")
    found, board = adapter(stub).data_source(uid), adapter(stub).board(uid)
    assert found is not None
    assert board is not None
    assert (found["name"], board["dashboard"]["title"]) == (uid, "T")


def test_a_raw_name_with_a_slash_is_not_found(stub: GrafanaStub) -> None:
    stub.sources["s"] = {"uid": "s", "name": "A/B?x", "type": "prometheus"}
    with pytest.raises(GrafanaClientError, match="404"):
        raw(stub).datasource.get_datasource_by_name("A/B?x")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(requests.exceptions.ConnectionError):
        GrafanaFace("t", host=f"127.0.0.1:{port}").folder.get_folder("x")
    with pytest.raises(Unavailable, match=rf"Grafana at http://127.0.0.1:{port} cannot be asked: no connection"):
        Grafana(f"http://127.0.0.1:{port}", SecretStr("t")).health()


def test_no_answer_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(requests.exceptions.ReadTimeout):
            GrafanaFace("t", host=f"127.0.0.1:{port}", timeout=0.2).folder.get_folder("x")
        with pytest.raises(Unavailable, match="no answer in time"):
            Grafana(f"http://127.0.0.1:{port}", SecretStr("t"), timeout=0.2).health()


def test_a_redirect_is_told_and_not_followed(stub: GrafanaStub) -> None:
    """Followed, the POST would arrive as a GET, and the token at wherever it leads."""

    def moved(_method: str, path: str) -> Answer | None:
        return (
            None
            if path.startswith("/api/search")
            else Answer(302, headers={"Location": f"{stub.url}/api/search?token=x"})
        )

    stub.fault = moved
    assert raw(stub).folder.create_folder("F") == []
    assert stub.asked[-1][0] == "GET"
    with pytest.raises(
        InputError, match=rf"grafana.url: {stub.url} leads to {stub.url}/api/search: write that address"
    ):
        adapter(stub).create_folder("f", "F")
    assert stub.asked[-1][0] == "POST"


def test_a_log_in_page_is_no_grafana(stub: GrafanaStub) -> None:
    stub.fault = answering(Answer(200, "<html>log in</html>"))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        raw(stub).folder.get_folder("x")
    with pytest.raises(Unavailable, match="is no Grafana, or a log-in before it"):
        adapter(stub).folder("x")


def test_something_else_that_speaks_json_is_no_grafana(stub: GrafanaStub) -> None:
    stub.fault = answering(Answer(200, ["another", "program"]))
    with pytest.raises(Unavailable, match="is no Grafana"):
        adapter(stub).health()


def test_a_path_before_the_api(stub: GrafanaStub) -> None:
    for given in ("/grafana", "/grafana/", "/a/b"):
        stub.fault = answering(Answer(200, {"database": "ok"}))
        Grafana(stub.url + given, SecretStr("t")).health()
        assert stub.asked[-1] == ("GET", f"{given.rstrip('/')}/api/health")


def test_a_certificate_is_checked(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with grafana_stub(context) as stub:
        assert adapter(stub, ca=str(tmp_path / "ca.pem")).health()["database"] == "ok"
        with pytest.raises(Unavailable, match="certificate is not trusted here"):
            adapter(stub).health()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_unusable_authority_is_told(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with pytest.raises(InputError, match=r"grafana.ca: .*ca.pem is no file of PEM certificates"):
        Grafana("https://127.0.0.1:1", SecretStr("t"), ca=str(file))


@pytest.mark.parametrize("token", ["two words", "ключ", "a\nb"])
def test_a_token_that_no_header_carries_is_refused_unseen(token: str) -> None:
    with pytest.raises(InputError) as caught:
        Grafana("http://127.0.0.1:1", SecretStr(token))
    assert token not in str(caught.value)


def test_a_wrong_token_and_a_missing_permission(stub: GrafanaStub) -> None:
    with pytest.raises(Forbidden, match="does not know the token"):
        adapter(stub, "wrong").folder("x")
    with pytest.raises(Forbidden, match="cannot make the folder F: the token lacks the permission folders:create"):
        adapter(stub, "viewer-token").create_folder("f", "F")
    with pytest.raises(Forbidden, match="cannot make the data source P: the token lacks the permission datasources:cr"):
        adapter(stub, "editor-token").create_data_source({"name": "P", "uid": "p", "type": "prometheus"})
    with pytest.raises(Forbidden, match=r"cannot save the rules g: the token lacks the permission alert\.provisioning"):
        adapter(stub, "editor-token").save_rule_group("f", "g", {})


def test_an_editor_is_told_of_data_sources_by_the_web_pages_settings(stub: GrafanaStub) -> None:
    stub.sources["p"] = {"uid": "p", "name": "Prom", "type": "prometheus"}
    found = adapter(stub, "editor-token").data_source("p")
    assert found is not None
    assert (found["uid"], found["name"], found["type"]) == ("p", "Prom", "prometheus")
    assert adapter(stub, "editor-token").data_source("q") is None
    assert adapter(stub, "admin-token").data_source("q") is None


def test_folders_beyond_the_first_page_are_seen(stub: GrafanaStub) -> None:
    stub.folders = {f"f{i}": {"id": i, "uid": f"f{i}", "title": f"F{i}"} for i in range(2500)}
    found = adapter(stub).folder_titled("F2400")
    assert found is not None
    assert found["uid"] == "f2400"
    assert adapter(stub).folder_titled("F2500") is None
    assert len(raw(stub).folder.get_all_folders()) == 1000


def test_rules_are_saved_and_read_back(stub: GrafanaStub) -> None:
    asked = adapter(stub)
    assert asked.rule_group("f", "a/b") is None
    stub.folders["f"] = {"uid": "f", "title": "F"}
    asked.save_rule_group(
        "f", "a/b", {"interval": 60, "rules": [{"uid": "r", "title": "R", "for": "600s", "data": []}]}
    )
    kept = asked.rule_group("f", "a/b")
    assert kept is not None
    (rule,) = kept["rules"]
    assert (kept["interval"], rule["uid"], rule["for"], rule["provenance"]) == (60, "r", "10m", "")


def test_a_data_source_answers_or_says_why_not(stub: GrafanaStub) -> None:
    stub.sources["p"] = {"uid": "p", "name": "p", "type": "prometheus"}
    blanked = {"uid": "i", "name": "i", "type": "influxdb", "database": "", "jsonData": {"dbName": "suanli"}}
    stub.sources["i"] = blanked
    asked = adapter(stub)
    assert asked.source_answers("p", "prometheus") == ""
    assert "first start of a Grafana 9.4" in asked.source_answers("i", "influxdb")
    assert adapter(stub, "editor-token").source_answers("i", "influxdb") == ""
    raw(stub).api.POST("/admin/provisioning/datasources/reload")
    assert asked.source_answers("i", "influxdb") == ""
    stub.fault = answering(Answer(502, HTML))
    assert asked.source_answers("p", "prometheus") == "502 bad gateway"


RECORDED: list[tuple[int, dict[str, str], type[SuanliError], str]] = [
    (412, {"message": "changed by someone else", "status": "version-mismatch"}, Conflict, "somebody saved it while"),
    (
        412,
        {"message": "same name", "status": "name-exists"},
        Conflict,
        "another board of its folder has the same title",
    ),
    (400, {"message": "same as folder", "status": "name-match"}, Conflict, "may not have the title of a folder"),
    (400, {"message": "Cannot save provisioned dashboard"}, Conflict, "from provisioning files; update those files"),
    (400, {"message": "uid too long, max 40 characters"}, InputError, "uid too long, max 40 characters"),
    (400, {"message": "Folder not found"}, Conflict, "Grafana answered 400 Folder not found"),
    (
        403,
        {"message": "Access denied"},
        Forbidden,
        "the token lacks the permission dashboards:create, dashboards:write",
    ),
    (401, {"message": "Unauthorized"}, Forbidden, "Grafana does not know the token"),
    (429, {"message": "slow down"}, Unavailable, "Grafana answered 429 slow down"),
    (500, {"message": "boom"}, Unavailable, "Grafana answered 500 boom"),
]


@pytest.mark.parametrize(("status", "body", "kind", "sentence"), RECORDED, ids=lambda one: str(one)[:40])
def test_each_refusal_is_a_sentence(
    stub: GrafanaStub, status: int, body: dict[str, str], kind: type[SuanliError], sentence: str
) -> None:
    stub.fault = answering(Answer(status, json.dumps(body)))
    with pytest.raises(kind) as caught:
        adapter(stub).save_board({"uid": "b", "title": "B"}, "f", "m")
    assert type(caught.value) is kind
    assert str(caught.value).startswith("cannot save the board b: ")
    assert sentence in str(caught.value)


def test_a_refusal_that_names_no_permission_says_so() -> None:
    assert "does not say which: no" in str(told(Refusal(403, "no"), Message("look")))
