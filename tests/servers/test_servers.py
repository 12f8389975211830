"""The real servers start, answer, break in the ways the tests need, and leave nothing behind."""

from __future__ import annotations

import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.servers import missing
from tests.servers.alertmanager import Alertmanager, alertmanager_server, told_server
from tests.servers.influxdb import VERSION, InfluxDB, program_file
from tests.servers.missing import REQUIRED, isolation_problem, need
from tests.servers.mitmproxy import mitmproxy_before
from tests.servers.oauth2 import CLIENT, SECRET, oauth2_server
from tests.servers.processes import (
    StartError,
    TooLateError,
    Tree,
    free_port,
    free_ports,
    is_running,
    running,
    wait_until,
)
from tests.servers.prometheus import Prometheus, Scrape, prometheus_server
from tests.servers.slurm import ACCOUNTS, Slurm, slurm_cluster
from tests.servers.victoriametrics import VictoriaMetrics, victoriametrics_server

PROJECT = Path(__file__).parents[2]
FAMILY = ["bash", "-c", "(setsid sleep 600 &) ; sleep 600 & touch born; wait"]
"""A process with a child and with an orphan that left its session."""
YESTERDAY = int(time.time()) - 86_400

isolated = pytest.mark.skipif(
    isolation_problem() is not None and os.environ.get(REQUIRED) != "1", reason=str(isolation_problem())
)


def assert_gone(tree: Tree, url: str | None = None) -> None:
    """Nothing of the tree runs, its folder is removed, and nobody answers where it did."""
    assert not tree.alive
    assert tree.members() == []
    assert not tree.folder.exists()
    if url is not None:
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, timeout=2, trust_env=False)


def addresses(tree: Tree) -> set[str]:
    """Where the tree listens, without the ports."""
    return {address for address, _ in tree.listening()}


def devices_recorded(cluster: Slurm, job: str) -> dict[str, int]:
    """What slurmdbd knows of a job's devices."""
    jobs = cluster.get(f"/job/{job}", api=ACCOUNTS).json()["jobs"]
    told = [one for found in jobs for one in found["tres"]["allocated"]]
    return {one["name"]: one["count"] for one in told if one["type"] == "gres"}


class TestTrees:
    """tests/servers/processes.py"""

    pytestmark = isolated

    def test_an_orphan_of_another_session_dies_with_its_tree(self, tmp_path: Path) -> None:
        with running("family", FAMILY, folder=tmp_path, ready=(tmp_path / "born").exists) as tree:
            wait_until(lambda: len(tree.members()) == 3, within=5, what="two sleepers and their shell")
            before = tree.members()
        assert tree.members() == []
        assert not any(is_running(pid) for pid in before)

    def test_a_tree_ends_when_the_test_fails(self, tmp_path: Path) -> None:
        trees: list[Tree] = []

        def fail() -> None:
            with running("family", FAMILY, folder=tmp_path, ready=(tmp_path / "born").exists) as tree:
                trees.append(tree)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert trees[0].members() == []

    def test_a_server_that_ends_early_says_why(self, tmp_path: Path) -> None:
        command = ["bash", "-c", "echo no such luck; exit 3"]
        with (
            pytest.raises(StartError, match=r"unlucky ended with status 3(.|\n)*no such luck"),
            running("unlucky", command, folder=tmp_path, ready=lambda: False),
        ):
            pass

    def test_a_server_that_is_never_ready_is_ended(self, tmp_path: Path) -> None:
        mark = f"{tmp_path}/mark"
        command = ["bash", "-c", f"echo thinking; : {mark}; sleep 600; :"]
        with (
            pytest.raises(StartError, match=r"slow was not ready within 0\.5 s(.|\n)*thinking"),
            running("slow", command, folder=tmp_path, ready=lambda: False, within=0.5),
        ):
            pass
        assert not any(mark in line for line in command_lines())

    def test_a_program_that_does_not_exist_is_told(self, tmp_path: Path) -> None:
        with (
            pytest.raises(StartError, match="no-such-program"),
            running("nothing", ["no-such-program"], folder=tmp_path, ready=lambda: False),
        ):
            pass

    def test_a_killed_test_run_takes_its_trees_along(self, tmp_path: Path) -> None:
        """Killed with the one signal that nobody can handle."""
        code = (
            "import pathlib, time\n"
            "from tests.servers.processes import running\n"
            f"folder = pathlib.Path({str(tmp_path)!r})\n"
            f"with running('family', {FAMILY!r}, folder=folder, ready=(folder / 'born').exists) as tree:\n"
            "    print(*tree.members(), flush=True)\n"
            "    time.sleep(600)\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True) as starter:
            assert starter.stdout is not None
            members = [int(word) for word in starter.stdout.readline().split()]
            assert len(members) >= 2
            assert all(is_running(pid) for pid in members)
            starter.kill()
        wait_until(lambda: not any(is_running(pid) for pid in members), within=5, what="the end of the family")

    def test_ports_are_never_handed_out_twice(self) -> None:
        ports = [*free_ports(30), *free_ports(30), free_port()]
        assert len(set(ports)) == 61

    def test_waiting_is_bounded(self) -> None:
        with pytest.raises(TooLateError, match=r"in vain for Godot; last answer: 0"):
            wait_until(lambda: 0, within=0.1, what="Godot")


class TestMissing:
    """tests/servers/missing.py"""

    @pytest.fixture(autouse=True)
    def forget_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The real summary must not name these."""
        monkeypatch.setattr(missing, "MISSING", {})

    def test_a_missing_server_skips(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(REQUIRED, raising=False)
        monkeypatch.setattr(missing, "isolation_problem", lambda: None)
        with pytest.raises(pytest.skip.Exception, match=r"^influxd-0 missing: build it$"):
            need("/no/where/influxd-0", "build it")
        assert missing.MISSING == {"influxd-0": "build it"}

    def test_a_missing_server_fails_when_required(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(REQUIRED, "1")
        monkeypatch.setattr(missing, "isolation_problem", lambda: None)
        with pytest.raises(pytest.fail.Exception, match=r"^influxd-0 missing: build it$"):
            need("/no/where/influxd-0", "build it")

    def test_a_server_that_cannot_be_isolated_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(REQUIRED, raising=False)
        monkeypatch.setattr(missing, "isolation_problem", lambda: "not root")
        with pytest.raises(pytest.skip.Exception, match=r"^bash missing: not root$"):
            need("bash", "install it")

    def test_whoever_is_not_root_cannot_isolate(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert "root" in str(isolation_problem.__wrapped__())

    @pytest.mark.parametrize(("required", "outcome"), [("0", "1 skipped"), ("1", "1 failed")])
    def test_the_summary_names_what_is_missing(self, tmp_path: Path, required: str, outcome: str) -> None:
        (tmp_path / "test_it.py").write_text(
            "from tests.servers.missing import need\n\ndef test_it():\n    need('no-such-server', 'write it')\n"
        )
        command = [sys.executable, "-m", "pytest", "-p", "tests.servers.fixtures", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, "--rootdir", str(tmp_path), str(tmp_path)],
            cwd=PROJECT,
            env=os.environ | {REQUIRED: required},
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert outcome in done.stdout
        assert re.search(r"^-+ servers missing .*-+\nno-such-server: ", done.stdout, re.MULTILINE)


class TestSlurm:
    """tests/servers/slurm.py and slurm.sh"""

    pytestmark = pytest.mark.server

    def test_twenty_nodes_are_idle_and_three_are_off(self, shared_slurm: Slurm) -> None:
        nodes = shared_slurm.nodes()
        idle = [name for name, node in nodes.items() if node["state"] == "idle" and not node["state_flags"]]
        assert idle == [f"a100-{number:03d}" for number in range(1, 21)]
        assert {nodes[name]["gres"] for name in idle} == {"gpu:a100:8"}
        assert {name: node["state"] for name, node in nodes.items() if name not in idle} == dict.fromkeys(
            ["off-001", "off-002", "off-003"], "down"
        )
        assert shared_slurm.gpus_used() == 0

    def test_commands_reach_it_from_outside_its_namespace(self, shared_slurm: Slurm) -> None:
        assert "is UP" in shared_slurm.run("scontrol", "ping")
        assert shared_slurm.run("sinfo", "-h", "-o", "%D %T").split("\n")[:2] == ["20 idle", "3 down"]
        with pytest.raises(RuntimeError, match="Invalid node name"):
            shared_slurm.drain("nowhere-001")

    def test_it_listens_on_loopback_alone(self, shared_slurm: Slurm) -> None:
        assert addresses(shared_slurm.tree) == {"127.0.0.1"}
        assert len(shared_slurm.tree.listening()) == 22

    def test_a_wrong_token_is_an_error_and_no_nodes(self, shared_slurm: Slurm) -> None:
        headers = shared_slurm.headers | {"X-SLURM-USER-TOKEN": shared_slurm.token[:-4]}
        answer = httpx.get(f"{shared_slurm.url}/slurm/v0.0.38/nodes", headers=headers, timeout=30, trust_env=False)
        assert answer.status_code == 500
        assert answer.json()["errors"]
        assert answer.json()["nodes"] == []

    def test_another_token_is_as_good(self, shared_slurm: Slurm) -> None:
        headers = shared_slurm.headers | {"X-SLURM-USER-TOKEN": shared_slurm.new_token(60)}
        answer = httpx.get(f"{shared_slurm.url}/slurm/v0.0.38/nodes", headers=headers, timeout=30, trust_env=False)
        assert len(answer.raise_for_status().json()["nodes"]) == 23

    def test_a_job_uses_devices_until_it_is_cancelled(self, slurm: Slurm) -> None:
        job = slurm.submit(nodes=2, gpus=6)
        wait_until(lambda: slurm.gpus_used() == 12, within=30, what="the devices of the job")
        assert slurm.job_state(job) == "RUNNING"
        slurm.cancel(job)
        wait_until(lambda: slurm.gpus_used() == 0, within=30, what="the release of the devices")

    def test_a_killed_node_is_down_and_comes_back(self, slurm: Slurm) -> None:
        slurm.start_job(on="a100-003")
        assert slurm.gpus_used("a100-003") == 8
        slurm.kill_slurmd("a100-003")
        wait_until(lambda: slurm.node("a100-003")["state"] == "down", within=60, what="a100-003 to be down")
        node = slurm.node("a100-003")
        assert node["state_flags"] == ["NOT_RESPONDING"]
        assert node["reason"] == "Not responding"
        assert slurm.gpus_used("a100-003") == 0
        assert {one["state"] for name, one in slurm.nodes().items() if name != "a100-003"} == {"idle"}
        slurm.start_slurmd("a100-003")
        wait_until(lambda: slurm.node("a100-003")["state"] != "down", within=30, what="the return of a100-003")

    def test_a_drained_node_keeps_its_job(self, slurm: Slurm) -> None:
        slurm.start_job(gpus=5, on="a100-007")
        slurm.drain("a100-007")
        node = slurm.node("a100-007")
        assert (node["state"], node["state_flags"]) == ("mixed", ["DRAIN"])
        assert slurm.gpus_used("a100-007") == 5
        slurm.resume("a100-007")
        wait_until(lambda: not slurm.node("a100-007")["state_flags"], within=30, what="the return of a100-007")
        assert slurm.gpus_used("a100-007") == 5

    def test_a_killed_controller_is_an_error_until_it_is_back(self, slurm: Slurm) -> None:
        slurm.start_job(nodes=3)
        slurm.kill_controller()
        answer = slurm.get()
        assert answer.status_code == 500
        assert answer.json()["errors"]
        assert answer.json()["nodes"] == []
        slurm.start_controller()
        wait_until(lambda: slurm.gpus_used() == 24, within=30, what="the job that went on meanwhile")

    def test_a_frozen_controller_is_an_error_until_it_thaws(self, slurm: Slurm) -> None:
        slurm.freeze()
        assert slurm.get().status_code == 500
        slurm.thaw()
        assert len(slurm.nodes()) == 20

    def test_a_frozen_rest_server_does_not_answer_at_all(self, slurm: Slurm) -> None:
        slurm.freeze("slurmrestd")
        with pytest.raises(httpx.ReadTimeout):
            slurm.get(within=0.5)
        slurm.thaw("slurmrestd")
        assert len(slurm.nodes()) == 20

    def test_two_clusters_run_side_by_side(self, start_slurm: Callable[..., Slurm]) -> None:
        small, other = start_slurm(nodes=2), start_slurm(nodes=3, gpus=4)
        small.start_job(gpus=8)
        assert [len(cluster.nodes()) for cluster in (small, other)] == [2, 3]
        assert [cluster.gpus_used() for cluster in (small, other)] == [8, 0]

    def test_accounting_knows_the_devices_of_a_job_and_survives_its_daemon(
        self, start_slurm: Callable[..., Slurm]
    ) -> None:
        cluster = start_slurm(nodes=2, accounting=True)
        (told,) = cluster.get("/clusters", api=ACCOUNTS).raise_for_status().json()["clusters"]
        assert {one["name"]: one["count"] for one in told["tres"] if one["type"] == "gres"} == {
            "gpu": 16,
            "gpu:a100": 16,
        }
        assert addresses(cluster.tree) == {"127.0.0.1"}
        assert len(cluster.tree.listening()) == 5  # the database is not among them
        cluster.kill_accounting()
        assert not cluster.get("/clusters", api=ACCOUNTS).is_success
        job = cluster.start_job(gpus=5)
        cluster.start_accounting()
        wait_until(
            lambda: devices_recorded(cluster, job) == {"gpu": 5, "gpu:a100": 5}, within=30, what="the job's record"
        )

    def test_nothing_is_left_not_even_a_job(self) -> None:
        with slurm_cluster(nodes=2) as cluster:
            cluster.start_job(nodes=2)
            folder = str(cluster.folder)
            assert sum(folder in line for line in command_lines()) >= 4  # controller, two slurmd, job script
        assert_gone(cluster.tree, cluster.url)
        assert not any(folder in line for line in command_lines())


class TestPrometheus:
    """tests/servers/prometheus.py"""

    pytestmark = pytest.mark.server

    def test_it_scrapes_and_notices_death(
        self, victoriametrics: VictoriaMetrics, start_prometheus: Callable[..., Prometheus]
    ) -> None:
        nobody = f"127.0.0.1:{free_port()}"
        scrapes = [Scrape("there", [victoriametrics.address], labels={"room": "east"}), Scrape("nobody", [nobody])]
        prometheus = start_prometheus(*scrapes)
        prometheus.wait_for_target(victoriametrics.address)
        prometheus.wait_for_target(nobody, health="down")
        prometheus.wait_for_value('up{job="there", room="east"}', 1)
        assert prometheus.value('up{job="nobody"}') == 0
        assert prometheus.query("no_such_metric") == []
        (row,) = prometheus.query("vm_app_version")
        assert row["metric"]["room"] == "east"
        assert addresses(prometheus.tree) == {"127.0.0.1"}
        victoriametrics.tree.stop()
        prometheus.wait_for_value('up{job="there"}', 0)
        assert prometheus.query("vm_app_version") == []

    def test_it_presents_a_token_and_evaluates_rules(
        self, shared_influxdb: InfluxDB, start_prometheus: Callable[..., Prometheus]
    ) -> None:
        rules = "groups: [{name: g, rules: [{record: test:up, expr: sum(up)}]}]"
        path = "/api/v2/buckets"  # asks for the token; what it answers with it is no metrics
        with_token = Scrape("with", [shared_influxdb.address], path=path, bearer=shared_influxdb.token)
        without = Scrape("without", [shared_influxdb.address], path=path)
        prometheus = start_prometheus(with_token, without, rules=rules)

        def errors_of_both() -> dict[str, str] | None:
            errors = {target["labels"]["job"]: target["lastError"] for target in prometheus.targets()}
            return errors if len(errors) == 2 and all(errors.values()) else None

        errors = wait_until(errors_of_both, within=30, what="an error of either target")
        prometheus.wait_for_value("test:up", 0)
        assert "401" in errors["without"]
        assert "401" not in errors["with"]

    def test_a_bad_query_raises(self, start_prometheus: Callable[..., Prometheus]) -> None:
        with pytest.raises(httpx.HTTPStatusError, match="400"):
            start_prometheus().query("sum(")

    def test_a_bad_rule_is_told_with_its_log(self, start_prometheus: Callable[..., Prometheus]) -> None:
        with pytest.raises(StartError, match=r"ended with status(.|\n)*could not parse expression"):
            start_prometheus(rules="groups: [{name: g, rules: [{record: r, expr: 'sum('}]}]")

    def test_nothing_is_left(self) -> None:
        with prometheus_server() as server:
            assert server.value("vector(1)") == 1
        assert_gone(server.tree, server.url)


class TestAlertmanager:
    """tests/servers/alertmanager.py"""

    pytestmark = pytest.mark.server

    def test_it_takes_an_alert_and_tells_of_it(self, start_alertmanager: Callable[..., Alertmanager]) -> None:
        with told_server() as told:
            receiver = {"name": "r", "webhook_configs": [{"url": told.url}]}
            route = {"receiver": "r", "group_wait": "0s"}
            server = start_alertmanager({"route": route, "receivers": [receiver]})
            server.post({"alertname": "A", "site": "x"})
            (message,) = wait_until(lambda: told.messages, within=30, what="a message")
            assert (message["receiver"], message["status"]) == ("r", "firing")
            assert server.states() == {("A", "x"): "active"}
            assert addresses(server.tree) == {"127.0.0.1"}

    def test_a_bad_configuration_is_told(self, start_alertmanager: Callable[..., Alertmanager]) -> None:
        with pytest.raises(StartError, match="undefined receiver"):
            start_alertmanager({"route": {"receiver": "nobody"}, "receivers": []})

    def test_nothing_is_left(self) -> None:
        with alertmanager_server({"route": {"receiver": "r"}, "receivers": [{"name": "r"}]}) as server:
            assert server.states() == {}
        assert_gone(server.tree, server.url)


class TestVictoriaMetrics:
    """tests/servers/victoriametrics.py"""

    pytestmark = pytest.mark.server

    def test_it_stores_lines_and_answers_at_once(self, victoriametrics: VictoriaMetrics) -> None:
        victoriametrics.write(f"compute,site=a used=3,online=4 {YESTERDAY}", f"compute,site=b used=5 {YESTERDAY}")
        (row,) = victoriametrics.export('compute_used{site="a"}')
        assert row["metric"] == {"__name__": "compute_used", "site": "a"}
        assert (row["values"], row["timestamps"]) == ([3], [YESTERDAY * 1000])
        assert victoriametrics.points('{__name__=~"compute_.*"}') == 3
        (total,) = victoriametrics.query("sum(compute_used)", at=YESTERDAY)
        assert total["value"][1] == "8"

    def test_the_last_value_of_a_moment_is_the_only_one(self, victoriametrics: VictoriaMetrics) -> None:
        for value in (1, 2):
            victoriametrics.write(f"m v={value} {YESTERDAY}")
        (result,) = victoriametrics.query("count_over_time(m_v[1h])", at=YESTERDAY + 60)
        assert result["value"][1] == "1"

    def test_old_points_are_kept(self, victoriametrics: VictoriaMetrics) -> None:
        victoriametrics.write(f"old v=1 {YESTERDAY - 3 * 365 * 86_400}")
        assert victoriametrics.points("old_v") == 1

    def test_a_range_sees_what_was_written_after_it_was_asked_before(self, victoriametrics: VictoriaMetrics) -> None:
        start = YESTERDAY // 60 * 60

        def values() -> list[str]:
            rows = victoriametrics.query_range("last_over_time(m_v[1h])", start=start, end=start + 120, step="60s")
            return [value for row in rows for _, value in row["values"]]

        victoriametrics.write(f"m v=1 {start}")
        assert values() == ["1", "1", "1"]
        victoriametrics.write(f"m v=2 {start + 60}")
        assert values() == ["1", "2", "2"]

    def test_what_is_deleted_is_gone(self, victoriametrics: VictoriaMetrics) -> None:
        victoriametrics.write(f"m v=1 {YESTERDAY}", f"n v=1 {YESTERDAY}")
        victoriametrics.delete("m_v")
        assert (victoriametrics.points("m_v"), victoriametrics.points("n_v")) == (0, 1)

    def test_nothing_is_left(self) -> None:
        with victoriametrics_server() as server:
            assert addresses(server.tree) == {"127.0.0.1"}
        assert_gone(server.tree, server.url)


class TestMitmproxy:
    """tests/servers/mitmproxy.py"""

    pytestmark = pytest.mark.server

    def test_it_passes_on_and_spoils_what_comes_after_and_nothing_is_left(
        self, victoriametrics: VictoriaMetrics
    ) -> None:
        with mitmproxy_before(victoriametrics.url) as proxy:
            proxy.will("busy", after=1)
            found = [httpx.get(f"{proxy.url}/health", trust_env=False) for _ in range(3)]
            assert [one.status_code for one in found] == [200, 503, 503]
            assert found[0].text == httpx.get(f"{victoriametrics.url}/health", trust_env=False).text
            assert addresses(proxy.tree) == {"127.0.0.1"}
        assert_gone(proxy.tree, proxy.url)


class TestOAuth2:
    """tests/servers/oauth2.py and oauth2/serve.cjs"""

    pytestmark = pytest.mark.server

    def test_it_knows_its_client_and_nothing_is_left(self) -> None:
        with oauth2_server() as server:
            context = ssl.create_default_context(cafile=str(server.ca))
            form = {"grant_type": "client_credentials"}
            with httpx.Client(verify=context, trust_env=False) as client:
                answers = [client.post(f"{server.url}/token", data=form, auth=(CLIENT, it)) for it in (SECRET, "other")]
            assert [one.status_code for one in answers] == [200, 401]
            assert [one["way"] for one in server.asked()] == ["header", "header"]
            assert addresses(server.tree) == {"127.0.0.1"}
        assert_gone(server.tree, server.url)


class TestInfluxDB:
    """tests/servers/influxdb.py, influxdb/build.sh and influxdb/start.sh"""

    def test_the_script_builds_the_version_that_is_started(self) -> None:
        script = (PROJECT / "tests" / "servers" / "influxdb" / "build.sh").read_text()
        assert f"\nversion={VERSION}\n" in script
        assert program_file().name == f"influxd-{VERSION}"

    def test_it_stores_lines_and_reads_them_back(self, influxdb: InfluxDB) -> None:
        lines = [f"compute,site={site} used=1,online=2 {YESTERDAY + second}" for site in "ab" for second in (0, 5)]
        assert influxdb.write(*lines).status_code == 204
        assert influxdb.lines("compute") == 4
        assert influxdb.rows("compute")[0] == {"time": YESTERDAY, "site": "a", "used": 1, "online": 2}
        totals = influxdb.influxql("SELECT sum(used) FROM compute GROUP BY site")
        assert [(row["site"], row["sum"]) for row in totals] == [("a", 2), ("b", 2)]

    def test_the_last_value_of_a_moment_is_the_only_one(self, influxdb: InfluxDB) -> None:
        for value in (1, 2):
            influxdb.write(f"m v={value} {YESTERDAY}")
        assert influxdb.rows("m") == [{"time": YESTERDAY, "v": 2}]

    def test_buckets_do_not_see_each_other(self, influxdb: InfluxDB) -> None:
        influxdb.write(f"m v=1 {YESTERDAY}")
        other = influxdb.new_bucket()
        assert (influxdb.lines("m"), other.lines("m")) == (1, 0)
        other.drop()
        with pytest.raises(RuntimeError, match="database not found"):
            other.lines("m")

    def test_a_bad_line_is_refused(self, influxdb: InfluxDB) -> None:
        answer = influxdb.write(f"m v=1 {YESTERDAY}", "nonsense")
        assert answer.status_code == 400
        assert "unable to parse" in answer.json()["message"]
        assert influxdb.lines("m") == 0

    def test_what_is_older_than_the_bucket_keeps_is_refused(self, influxdb: InfluxDB) -> None:
        short = influxdb.new_bucket(keep_seconds=3600)
        assert short.write(f"m v=1 {YESTERDAY}", f"m v=1 {int(time.time())}").status_code == 422
        assert short.lines("m") == 1
        short.drop()

    def test_a_token_may_be_allowed_to_read_only(self, influxdb: InfluxDB) -> None:
        headers = {"Authorization": f"Token {influxdb.new_token('read')}"}
        url = f"{influxdb.url}/api/v2/write?org={influxdb.org}&bucket={influxdb.bucket}"
        assert httpx.post(url, headers=headers, content=b"m v=1", trust_env=False).status_code == 403

    def test_nothing_is_left(self, start_influxdb: Callable[..., InfluxDB]) -> None:
        server = start_influxdb()
        assert server.lines("m") == 0
        assert addresses(server.tree) == {"127.0.0.1"}
        server.tree.stop()
        assert not server.tree.alive
        assert server.tree.members() == []
        with pytest.raises(httpx.ConnectError):
            server.lines("m")

    def test_it_can_be_frozen(self, start_influxdb: Callable[..., InfluxDB]) -> None:
        server = start_influxdb()
        server.tree.signal_all(signal.SIGSTOP)
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{server.url}/health", timeout=0.5, trust_env=False)
        server.tree.signal_all(signal.SIGCONT)
        assert httpx.get(f"{server.url}/health", timeout=30, trust_env=False).is_success


def command_lines() -> list[str]:
    """The command lines of everything that runs on this machine."""
    lines = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                lines.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return lines
