"""`--record-case`: recorded cases are served over real HTTP, recorded again, and pass the contract's golden check."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from collectors.answers import Answer
from collectors.base import NotFound
from collectors.client import ClientPool
from collectors.exchange import Exchange
from collectors.registry import build
from suanli.model.errors import InputError, SuanliError
from suanli.model.polled import PollOutcome
from suanli.model.sample import Sample
from suanli.model.site import Auth, Site
from suanli.recording import Recorded, record_case, refuse_unless_recordable
from tests.collectors.cases import ALL, NOW, Case, cases, name_of, polled, registered
from tests.collectors.contract import golden, heard
from tests.reaching import loopback

AGAIN = [case for case in ALL if name_of(case) in (
    "slurm/slurm-22.05.8-v0.0.38",
    "slurm/slurm-26.05.5-v0.0.45",
    "kubernetes/kubernetes-1.20.2",
    "kubernetes/kubernetes-1.34.4",
    "prometheus/prometheus-2.42-dcgm",
    "prometheus/victoriametrics-1.79",
    "http_json/kubernetes-1.34.4-pages",
    "http_json/made-up-xml",
    "http_json/influxdb-2.7.12-flux",
    "http_json/prometheus-2.42-dcgm",
    "openstack/placement-16.0",
    "openstack/ironic-39.0",
    "ray/ray-2.60",
    "runai/sdk-1.224",
    "modelarts/huaweicloudsdkmodelarts-3.1.219-npu",
    "pai/alibabacloud-paistudio-2.6.2-lingjun",
)]  # fmt: skip


@contextmanager
def served(case: Case) -> Iterator[str]:
    """Its answers from a real server, whoever asks."""
    answers = case.http()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                answer = asyncio.run(answers.ask(asked.path, dict(parse_qsl(asked.query, keep_blank_values=True))))
                status, body = 200, answer.body
            except NotFound:
                status, body = 404, b"{}"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def centre(case: Case, url: str) -> Site:
    """The case's site as a centre that would not be known by its answers."""
    site = registered(case.folder / "site.yaml")[0]
    assert site.source is not None
    source = site.source.model_copy(update={"url": url, "auth": Auth()})
    told = {"id": "szai-1", "name": "宿州智算一号", "operator": "某某运营方", "province": "某省"}
    return site.model_copy(update={**told, "source": source})


async def asked(site: Site) -> tuple[list[Exchange], PollOutcome]:
    trail: list[Exchange] = []
    pool = ClientPool(loopback)
    try:
        samples = await build(polled(site), pool.site(polled(site), trail.append)).collect(NOW)
    finally:
        await pool.aclose()
    return trail, PollOutcome(site.id, NOW, "ok", 0.1, "", tuple(samples))


def recorded(case: Case, folder: Path) -> Recorded:
    with served(case) as url:
        site = centre(case, url)
        trail, outcome = asyncio.run(asked(site))
    return record_case(folder, site, polled(site), trail, outcome)


def written(folder: Path) -> str:
    """Everything in the folder, also what is packed."""
    return "\n".join(
        (gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()).decode(errors="replace")
        for file in sorted(folder.iterdir())
    )


def figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = ("online_pflops", "used_pflops", "busy_pflops", "online_devices", "used_devices", "quality")
    return [{name: row[name] for name in kept} for row in rows]


def test_the_cases_are_there() -> None:
    assert len(AGAIN) == 16


@pytest.mark.parametrize("case", AGAIN, ids=name_of)
def test_what_is_recorded_again_is_a_case_with_the_same_figures(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "new"

    told = recorded(case, folder)

    new = Case(case.kind, folder)
    assert [golden(sample) for sample in asyncio.run(heard(new))] == new.expected
    assert figures(new.expected) == figures(case.expected)
    assert told.samples == len(case.expected)
    assert told.answers == len(json.loads((folder / "answers.json").read_text(encoding="utf-8"))) > 0
    text = written(folder)
    for word in ("127.0.0.1", "szai-1", "宿州", "运营方", "某省"):
        assert word not in text, word
    for word in ("**Product**", "**How recorded**", "**Scrubbed**", "**Golden figures**"):
        assert word in text
    assert [file.name for file in tmp_path.iterdir()] == ["new"]


NODES = {
    "nodes": [
        {"name": "gpu-a01", "hostname": "gpu-a01.hpc.centre.cn", "address": "10.7.0.21", "gpus": 8, "used": 3,
         "owner": "zhangsan", "comment": "ask Li Si", "serial": "SN99X1",
         "told": "see 10.7.0.22, zhangsan@centre.cn"},
        {"name": "gpu-a02", "hostname": "gpu-a02.hpc.centre.cn", "address": "10.7.0.22", "gpus": 4, "used": 1,
         "owner": "lisi", "access_token": "abcdef123456", "peer": "gpu-a01",
         "env": [{"name": "DB", "value": "hunter2"}], "board": "6f1c2d7e-8a90-4b1c-9d2e-3f4a5b6c7d8e"},
    ],
    "of": "宿州智算一号", "echo": "Bearer our-own-token",
}  # fmt: skip
TOLD = (
    "gpu-a01", "gpu-a02", "centre.cn", "10.7.0", "zhangsan", "lisi", "Li Si", "SN99X1", "abcdef123456", "hunter2",
    "6f1c2d7e", "宿州", "our-own-token",
)  # fmt: skip
PORTAL = """
sites:
  - id: wh-1
    name: 宿州智算一号
    province: 某省
    operator: 某某运营方
    source:
      kind: http_json
      url: http://api.hpc.centre.cn:8080
      auth: {kind: bearer, token: {env: PORTAL_TOKEN}}
      settings: {path: /nodes, unit: devices, fields: {online: "sum(nodes[].gpus)", used: "sum(nodes[].used)"}}
    pools:
      - {id: a100, model: nvidia-a100-sxm4-80gb}
"""


def portal(folder: Path, body: dict[str, Any], devices: float = 12.0) -> tuple[Site, list[Exchange], PollOutcome]:
    """As if the portal had answered this, and the poll had counted so many devices."""
    (folder / "sites.yaml").write_text(PORTAL, encoding="utf-8")
    site = registered(folder / "sites.yaml")[0]
    answer = Answer(200, httpx.Headers({"set-cookie": "session=abc"}), json.dumps(body).encode())
    trail = [Exchange("GET", "/nodes", {}, None, answer, base="http://api.hpc.centre.cn:8080")]
    sample = Sample(
        site="wh-1", pool="a100", at=NOW, source_at=NOW, fetched_at=NOW, online_devices=devices, used_devices=4.0,
        online_pflops=devices * 0.312, used_pflops=4 * 0.312,
    )  # fmt: skip
    return site, trail, PollOutcome("wh-1", NOW, "ok", 0.1, "", (sample,))


def test_nothing_that_tells_whose_it_is_is_written_and_what_joins_still_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_TOKEN", "our-own-token")
    site, trail, outcome = portal(tmp_path, NODES)

    told = record_case(tmp_path / "case", site, polled(site), trail, outcome)

    text = written(tmp_path / "case")
    assert [word for word in (*TOLD, "set-cookie", "PORTAL_TOKEN") if word in text] == []
    first, second = json.loads((tmp_path / "case" / "answer-01.json").read_text(encoding="utf-8"))["nodes"]
    assert second["peer"] == first["name"] != second["name"]
    assert (first["gpus"], second["used"]) == (8, 1)
    assert set(told.replaced) == {"address", "host", "id", "mail", "name", "site", "text", "token", "user"}
    assert (told.replaced["user"], told.replaced["mail"], told.replaced["address"]) == (2, 1, 2)


def test_a_case_that_says_something_else_than_the_poll_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_TOKEN", "our-own-token")
    site, trail, outcome = portal(tmp_path, NODES, devices=13.0)
    with pytest.raises(SuanliError, match="differing: a100"):
        record_case(tmp_path / "case", site, polled(site), trail, outcome)
    with pytest.raises(SuanliError, match="can no longer be read"):
        record_case(tmp_path / "case", site, polled(site), [], outcome)
    assert [file.name for file in tmp_path.iterdir()] == ["sites.yaml"]


def test_several_posts_to_one_path_cannot_be_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_TOKEN", "our-own-token")
    site, trail, outcome = portal(tmp_path, NODES)
    again = replace(trail[0], content=b"{}")
    with pytest.raises(SuanliError, match="several POSTs"):
        record_case(tmp_path / "case", site, polled(site), [*trail, again], outcome)


@pytest.mark.parametrize("kind", ["file", "exec"])
def test_what_is_not_asked_over_http_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not asked over HTTP"):
        refuse_unless_recordable(cases(kind)[0].site, tmp_path / "case")


def test_a_folder_that_is_in_use_is_refused_and_an_empty_one_taken(tmp_path: Path) -> None:
    site = cases("slurm")[0].site
    refuse_unless_recordable(site, tmp_path)
    (tmp_path / "kept").touch()
    for folder in (tmp_path, tmp_path / "kept"):
        with pytest.raises(InputError, match="not empty"):
            refuse_unless_recordable(site, folder)


def test_a_site_of_several_addresses_is_asked_at_each_again(tmp_path: Path) -> None:
    """The BMCs of a recorded case, by names of a centre's own."""
    case = next(case for case in ALL if name_of(case) == "redfish/emulator-expanded")
    site = registered(case.folder / "site.yaml")[0]
    assert site.source is not None
    source = site.source.model_copy(
        update={"url": "https://bmc-1.zqcentre.cn", "settings": {"hosts": ["bmc-2.zqcentre.cn"]}}
    )
    site = site.model_copy(update={"source": source})
    trail = []
    for row in json.loads((case.folder / "answers.json").read_text(encoding="utf-8")):
        host, slash, path = row["path"].removeprefix("https://node-2-bmc.example").partition("/")
        base = "https://bmc-2.zqcentre.cn" if row["path"].startswith("https") else "https://bmc-1.zqcentre.cn"
        answer = Answer(200, httpx.Headers(), gzip.decompress((case.folder / row["file"]).read_bytes()))
        trail.append(Exchange("GET", host + slash + path, row.get("params", {}), None, answer, base=base))
    samples = asyncio.run(build(case.site, case.http()).collect(NOW))

    record_case(tmp_path / "case", site, polled(site), trail, PollOutcome(site.id, NOW, "ok", 0.1, "", tuple(samples)))

    new = Case("redfish", tmp_path / "case")
    assert figures(new.expected) == figures(case.expected)
    assert [golden(sample) for sample in asyncio.run(heard(new))] == new.expected
    assert "zqcentre" not in written(tmp_path / "case")
