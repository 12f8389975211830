"""What each answer of a database means to the forwarder. The server is a tiny one on loopback, NOT an InfluxDB: it
answers as InfluxDB 2.7 was seen to answer (tests/servers has the real one)."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from exporter.base import Broken, Rejected, Retry, Shut, Sink, SinkError
from exporter.forwarder import Forwarder
from exporter.influx import CHUNK, InfluxSink
from exporter.registry import REGISTRY, build
from suanli.config import SinkConfig
from suanli.model.errors import InputError
from suanli.store.sql import Batch, Point
from tests.suanli.making import T0, a_sample, a_site, a_store

TOKEN = "Hunter2-Hunter2"
HANG_UP = 0


class Answering(HTTPServer):
    """Answers `status`; keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.body, self.headers = 204, b"", dict[str, str]()
        self.asked: list[tuple[str, Mapping[str, list[str]], Mapping[str, str], list[str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answers(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.body, self.headers = status, body, dict(headers or {})


class _Handler(BaseHTTPRequestHandler):
    server: Answering

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        lines = gzip.decompress(body).decode().split("\n")
        url = urlsplit(self.path)
        self.server.asked.append((url.path, parse_qs(url.query), dict(self.headers.items()), lines))
        if self.server.status == HANG_UP:
            self.close_connection = True
            return
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Answering]:
    made = Answering()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANLI_TEST_INFLUX", TOKEN)


def config(url: str, kind: str = "influxdb") -> SinkConfig:
    more = {"org": "o", "bucket": "b", "token": {"env": "SUANLI_TEST_INFLUX"}} if kind == "influxdb" else {}
    return SinkConfig.model_validate({"name": "one", "kind": kind, "url": url, **more})


@contextmanager
def sink_to(url: str, kind: str = "influxdb") -> Iterator[Sink]:
    made = build(config(url, kind))
    try:
        yield made
    finally:
        made.close()


def batch(count: int = 2) -> Batch:
    points = tuple(Point(n, T0 + n, "s", "p", "安徽", "op", (10.0, 5.0, None, None)) for n in range(1, count + 1))
    return Batch(points, count)


def error_of(url: str) -> SinkError:
    with sink_to(url) as sink, pytest.raises(SinkError) as caught:
        sink.write(batch())
    assert TOKEN not in str(caught.value)
    return caught.value


# ---------------------------------------------------------------- taken


def test_every_kind_of_sink_is_found() -> None:
    assert set(REGISTRY) == {"influxdb", "victoriametrics"}


def test_204_is_taken_and_the_request_is_right(server: Answering) -> None:
    with sink_to(server.url) as sink:
        sink.write(batch())
    ((path, query, headers, lines),) = server.asked
    assert path == "/api/v2/write"
    assert query == {"org": ["o"], "bucket": ["b"], "precision": ["s"]}
    assert headers["Authorization"] == f"Token {TOKEN}"
    assert headers["Content-Encoding"] == "gzip"
    assert lines == [
        f"compute,operator=op,pool=p,province=安徽,site=s built_pflops=10.0,online_pflops=5.0 {T0 + n}" for n in (1, 2)
    ]


def test_victoriametrics_needs_neither_token_nor_bucket(server: Answering) -> None:
    with sink_to(server.url, "victoriametrics") as sink:
        sink.write(batch(1))
    ((path, _, headers, lines),) = server.asked
    assert (path, len(lines)) == ("/api/v2/write", 1)
    assert TOKEN not in str(headers)


def test_chunks_of_at_most_5000_lines(server: Answering) -> None:
    with sink_to(server.url) as sink:
        sink.write(batch(CHUNK * 2 + 1))
    assert [len(lines) for *_, lines in server.asked] == [5000, 5000, 1]


def test_points_of_which_nothing_is_known_are_not_sent(server: Answering) -> None:
    nothing = Point(1, T0, "s", "p", "x", "o", (None, None, None, None))
    with sink_to(server.url) as sink:
        sink.write(Batch((nothing,), 1))
    assert server.asked == []


# ---------------------------------------------------------------- not taken


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refused_for_good(server: Answering, status: int) -> None:
    server.answers(
        status, b'{"code": "invalid", "message": "unable to parse line 2"}', {"Content-Type": "application/json"}
    )
    error = error_of(server.url)
    assert isinstance(error, Rejected)
    assert str(error).startswith(f"{status} ")
    assert "unable to parse line 2" in str(error)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_not_let_in_waits_for_the_operator(server: Answering, status: int) -> None:
    server.answers(status, b'{"code": "unauthorized", "message": "unauthorized access"}')
    error = error_of(server.url)
    assert isinstance(error, Shut)
    assert error.after == 60.0
    assert "unauthorized access" in str(error)


@pytest.mark.parametrize(
    ("status", "header", "after"),
    [
        (429, "7", 7.0),
        (503, "30", 30.0),
        (429, None, None),
        (429, "Fri, 31 Dec 1999 23:59:59 GMT", None),
        (503, "-5", None),
        (503, "²", None),
        (500, None, None),
        (502, None, None),
        (503, None, None),
        (302, None, None),
    ],
)
def test_busy_or_broken_is_tried_again(server: Answering, status: int, header: str | None, after: float | None) -> None:
    server.answers(status, b"", {} if header is None else {"Retry-After": header})
    error = error_of(server.url)
    assert isinstance(error, Retry)
    assert error.after == after
    assert isinstance(error, Broken) == (status >= 500)
    assert str(status) in str(error)
    assert len(server.asked) == 1, "the forwarder repeats, not the client"


def test_a_hang_up_and_nobody_there_are_tried_again(server: Answering) -> None:
    server.answers(HANG_UP)
    hung_up = error_of(server.url)
    nobody = error_of("http://127.0.0.1:9")
    assert isinstance(hung_up, Broken), "what hangs up may do so for this body alone"
    assert str(hung_up).startswith("one hung up: ")
    assert isinstance(nobody, Retry)
    assert not isinstance(nobody, Broken)
    assert str(nobody).startswith("one does not answer: ")
    assert hung_up.after is nobody.after is None


def test_a_missing_token_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUANLI_TEST_INFLUX")
    with pytest.raises(InputError, match="SUANLI_TEST_INFLUX is not set"):
        InfluxSink(config("http://127.0.0.1:9"))


# ---------------------------------------------------------------- with the forwarder


def test_each_status_moves_or_keeps_the_cursor(server: Answering) -> None:
    with a_store(a_site("s")) as store, sink_to(server.url) as sink:
        store.append([a_sample(T0 + n, 1.0) for n in range(3)])
        forwarder = Forwarder(store, sink)
        for status in (401, 404, 429, 500, 503, HANG_UP):
            server.answers(status)
            with pytest.raises(Retry):
                forwarder.forward()
            assert store.cursor("one") == 0
        assert store.rejected("one") == []
        server.answers(400, b"no such thing")
        assert forwarder.forward() == 3
        assert store.cursor("one") == 3
        assert [(seq, words) for seq, _, words in store.rejected("one")] == [
            (n, "400 no such thing") for n in (1, 2, 3)
        ]
