"""SIGTERM while a source and a sink hang: neither is waited for longer than the ten seconds a supervisor gives."""

from __future__ import annotations

import json
import socket
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.exporter_double import serving
from tests.faults.ledger import STOP_WITHIN, stored_in
from tests.instance import instance
from tests.servers.processes import wait_until


@pytest.mark.slow
def test_sigterm_ends_within_ten_seconds_though_a_source_and_a_sink_hang(tmp_path: Path) -> None:
    """Both take the connection and never say a word, as a frozen process does."""
    with (
        socket.create_server(("127.0.0.1", 0)) as source,
        socket.create_server(("127.0.0.1", 0)) as sink,
        serving(lambda _path: json.dumps({"online": 7}).encode()) as good,
        instance(tmp_path) as suanli,
    ):
        url = f"http://127.0.0.1:{sink.getsockname()[1]}"
        suanli.configure(sinks=[{"name": "frozen", "kind": "victoriametrics", "url": url}])
        suanli.apply(_site("hangs", f"127.0.0.1:{source.getsockname()[1]}"), _site("good", good))
        suanli.start()
        for server in (source, sink):
            server.settimeout(60)
        with source.accept()[0], sink.accept()[0]:
            wait_until(lambda: suanli.metric("suanli_site_online_pflops", site="good", pool="all"), within=30, what="7")
            began = time.monotonic()
            assert suanli.stop() == 0
            assert time.monotonic() - began < STOP_WITHIN
    assert ("good", 7.0) in stored_in(tmp_path / "suanli.db")


def _site(site: str, address: str) -> dict[str, Any]:
    settings = {"unit": "PFLOPS", "fields": {"online": "online"}}
    entry = {"from": date(2025, 1, 1), "stage": "built", "pflops": 1e4, "source": "test"}
    return {
        "id": site,
        "name": site,
        "province": "安徽",
        "operator": "test",
        "source": {"kind": "http_json", "url": f"http://{address}/", "interval": "30s", "settings": settings},
        "pools": [{"id": "all", "model": "nvidia-h20-96gb", "capacity": [entry]}],
    }
