"""`--record-case`: the recorded cases are served over real HTTP, recorded again, and put through the contract's golden check."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from collectors.base import NotFound
from collectors.client import ClientPool
from collectors.exchange import Exchange
from collectors.recording import Recorded, record_case, refuse_unless_recordable
from collectors.registry import build
from suanli.model.errors import InputError, SuanliError
from suanli.model.polled import PollOutcome
from suanli.model.site import Auth, Site
from tests.collectors.cases import ALL, NOW, Case, name_of, polled, registered
from tests.collectors.test_contract import golden, heard
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
TOKEN = "s3cr3t-of-the-centre"  # noqa: S105 - no secret


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

        do_POST = do_GET

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
