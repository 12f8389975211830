"""SIGTERM while a source and a sink hang: neither is waited for longer than the ten seconds a supervisor gives."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from tests.exporter_double import serving
from tests.faults.ledger import STOP_WITHIN, stored_in
from tests.faults.sites import a_site
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
        hanging = f"http://127.0.0.1:{source.getsockname()[1]}/"
        suanli.apply(
            *(
                a_site(id_, url, "30s", online="online")
                for id_, url in (("hangs", hanging), ("good", f"http://{good}/"))
            )
        )
        suanli.start()
        for server in (source, sink):
            server.settimeout(60)
        with source.accept()[0], sink.accept()[0]:
            wait_until(lambda: suanli.metric("suanli_site_online_pflops", site="good", pool="all"), within=30, what="7")
            began = time.monotonic()
            assert suanli.stop() == 0
            assert time.monotonic() - began < STOP_WITHIN
    assert ("good", 7.0) in stored_in(tmp_path / "suanli.db")
