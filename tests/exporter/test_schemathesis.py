"""The running server against its own OpenAPI document: what schemathesis thinks of is answered as documented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.instance import Instance, instance

EXAMPLES = int(os.environ.get("SUANLI_EXAMPLES", "300"))
READ_TOKEN = "r" * 40
ENTRY = {"from": "2026-01-01", "stage": "built", "pflops": 100.0, "source": "验收报告"}
LEFT_OUT = (
    "ignored_auth",  # guesses tokens until its address is locked out; test_registry_routes asks every verb without one
    "positive_data_acceptance",  # a model that is in no catalogue, a site that is not there: refused for good reasons
)


def a_site(id_: str) -> dict[str, object]:
    pool = {"id": "p", "model": "nvidia-a100-sxm4-80gb", "capacity": [ENTRY]}
    facts = {"name": id_, "province": "安徽", "operator": "示例运营方", "source": {"kind": "push"}}
    return {"id": id_, **facts, "pools": [pool]}


def token(server: Instance, scope: str) -> str:
    return server.run("token", "create", "--owner", "a tester", "--scope", scope).stdout.strip()


def wait_in_line(server: Instance, operator: str) -> None:
    """Two submissions that wait, so that decisions meet something."""
    for site in ("one", "two"):
        asked = {"action": "capacity.add", "site": site, "pool": "p", "entry": ENTRY | {"stage": "planned"}}
        headers = {"authorization": f"Bearer {operator}"}
        answer = httpx.post(f"{server.url}/api/v1/requests", json=asked, headers=headers, trust_env=False)
        assert answer.status_code == 202, answer.text


def schemathesis(server: Instance, admin: str) -> str:
    """Its report; a failed run raises with it."""
    words = ["run", f"{server.url}/api/v1/openapi.json", "--header", f"Authorization: Bearer {admin}"]
    words += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(max(15, EXAMPLES // 20)), "--seed", "5"]
    words += ["--checks", "all", "--exclude-checks", ",".join(LEFT_OUT), "--no-color"]
    words += ["--workers", "1"]  # two threads that parse at once upset each other in early Python 3.11
    command = [sys.executable, "-m", "schemathesis.cli", *words]
    environment = {**os.environ, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(command, cwd=server.folder, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + server.log()[-2000:]
    return done.stdout


@pytest.mark.slow
def test_the_server_does_what_its_document_says(tmp_path: Path) -> None:
    with instance(tmp_path, SUANLI_TEST_READ=READ_TOKEN) as server:
        registration = {"writes_per_minute": 1_000_000, "reads_per_minute": 1_000_000}
        server.configure(read_token={"env": "SUANLI_TEST_READ"}, registration=registration)
        server.apply(a_site("one"), a_site("two"))
        admin, operator = token(server, "admin"), token(server, "register:示例运营方")
        server.start(lambda: httpx.get(f"{server.url}/healthz", timeout=2, trust_env=False).is_success)
        wait_in_line(server, operator)
        report = schemathesis(server, admin)
        assert "Traceback" not in server.log()
        assert server.stop() == 0
        assert server.run("audit", "--verify").returncode == 0
        assert "id: one" in server.run("export").stdout  # what was written can be read again, whole
    generated = re.search(r"(\d+) generated", report)
    tested = re.search(r"Tested: (\d+)", report)
    assert generated is not None
    assert int(generated[1]) >= 2_000, report
    assert tested is not None
    assert int(tested[1]) >= 20, report
