"""What is shipped for running Suanli: docker-compose.yml, Dockerfile, Kubernetes, systemd. No container runs here.

Every file is read by the program that will read it, and what the compose file starts is started by the same programs of
Debian's, with the same arguments and files; only addresses and folders are this machine's.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from suanli.config import load_config
from tests.servers.influxdb import InfluxDB
from tests.servers.missing import need
from tests.servers.processes import answers, free_port, fresh_folder, running, wait_until

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PUBLISHED = {"suanli": "127.0.0.1:9105:9105", "grafana": "127.0.0.1:3000:3000"}
SERVICES = {"suanli", "influxdb", "prometheus", "alertmanager", "grafana"}
DEBIAN = "apt-get install --no-install-recommends {} (or .ci/install-servers.sh)"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def run(*command: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def written() -> dict[str, Any]:
    """docker-compose.yml as it is written."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """docker-compose.yml as docker-compose reads it, in a copy whose secrets are made by the documented script."""
    program = need("docker-compose", DEBIAN.format("docker-compose"))
    folder = tmp_path_factory.mktemp("compose")
    shutil.copy(ROOT / "docker-compose.yml", folder)
    shutil.copytree(DEPLOY / "compose", folder / "deploy/compose", ignore=shutil.ignore_patterns("secrets"))
    run("sh", "deploy/compose/secrets.sh", cwd=folder)
    found: dict[str, Any] = yaml.safe_load(run(program, "config", cwd=folder))
    return found


def tracked() -> set[str]:
    return set(run("git", "ls-files").splitlines())


def test_compose_reads_the_file_as_it_is_meant(composed: dict[str, Any]) -> None:
    assert set(composed["services"]) == SERVICES == set(written()["services"])
    assert {name: one["ports"] for name, one in composed["services"].items() if "ports" in one} == {
        name: [f"{port}/tcp"] for name, port in PUBLISHED.items()
    }
    assert composed["networks"]["inside"]["internal"] is True
    outside = {name for name, one in composed["services"].items() if "outside" in one["networks"]}
    assert outside == set(PUBLISHED)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_can_do_little(composed: dict[str, Any], name: str) -> None:
    one = composed["services"][name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert one["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    assert int(one["user"].split(":")[0]) > 0
    assert "network_mode" not in one
    assert "privileged" not in one
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", one["image"]), "a whole version"
    checked = "healthcheck" in one or (name == "suanli" and "HEALTHCHECK" in DOCKERFILE)
    assert checked


def test_what_waits_waits_for_health(composed: dict[str, Any]) -> None:
    waits = {name: one.get("depends_on", {}) for name, one in composed["services"].items()}
    assert set(waits["suanli"]) == {"influxdb"}
    assert set(waits["prometheus"]) == {"suanli"}
    assert set(waits["grafana"]) == {"influxdb", "prometheus"}
    assert {how["condition"] for one in waits.values() for how in one.values()} == {"service_healthy"}


def test_each_mounted_file_is_there_and_committed() -> None:
    mounts = [one for service in written()["services"].values() for one in service["volumes"]]
    files = [one.split(":") for one in mounts if one.startswith(".")]
    assert len(files) >= 5
    for source, _, mode in files:
        path = source.removeprefix("./")
        assert mode == "ro"
        assert any(name == path or name.startswith(f"{path}/") for name in tracked()), path
    named = {one.split(":")[0] for one in mounts if not one.startswith(".")}
    assert named == set(written()["volumes"])


def test_no_secret_is_in_any_file() -> None:
    for service in written()["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("TOKEN|PASSWORD|SECRET", name):
                assert value.startswith("/run/secrets/"), name
    for secret in written()["secrets"].values():
        path = secret["file"].removeprefix("./")
        assert path not in tracked()
        run("git", "check-ignore", path)
    shown = [name for name in tracked() if name.startswith("deploy/")]
    assert len(shown) >= 12
    for name in [*shown, "docker-compose.yml", "Dockerfile"]:
        assert not re.search(r"[0-9a-f]{32}|BEGIN [A-Z ]*PRIVATE", (ROOT / name).read_text(encoding="utf-8")), name


def test_secrets_are_made_once_each_another(tmp_path: Path) -> None:
    shutil.copy(DEPLOY / "compose/secrets.sh", tmp_path)
    run("sh", "secrets.sh", cwd=tmp_path)
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(written()["secrets"])
    assert len(set(made.values())) == 3
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in made.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "secrets").iterdir()} == {0o444}
    run("sh", "secrets.sh", cwd=tmp_path)
    assert {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()} == made


def test_prometheus_and_alertmanager_take_their_files() -> None:
    promtool = need("promtool", DEBIAN.format("prometheus"))
    amtool = need("amtool", DEBIAN.format("prometheus-alertmanager"))
    assert "SUCCESS" in run(promtool, "check", "config", "deploy/compose/prometheus.yml")
    assert "SUCCESS" in run(amtool, "check-config", "deploy/compose/alertmanager.yml")


def arguments(service: str, **replaced: str) -> list[str]:
    """The compose file's command, with these words replaced."""
    found: list[str] = []
    for word in written()["services"][service]["command"]:
        for before, after in replaced.items():
            word = word.replace(before, after)
        found.append(word)
    return found


@contextmanager
def demonstration(folder: Path, influx: InfluxDB) -> Iterator[str]:
    """The compose file's suanli, as a process of this Python; its address."""
    (folder / "influx_token").write_text(influx.token)
    settings = (DEPLOY / "compose/demo.yaml").read_text(encoding="utf-8")
    here = {
        "influxdb:8086": influx.address,
        "bucket: suanli,": f"bucket: {influx.bucket},",
        "/run/secrets/": f"{folder}/",
    }
    for before, after in here.items():
        assert before in settings
        settings = settings.replace(before, after)
    (folder / "demo.yaml").write_text(settings, encoding="utf-8")
    port = free_port()
    places = {"0.0.0.0:9105": f"0.0.0.0:{port}", "/etc/suanli/": f"{folder}/", "/data/": f"{folder}/"}
    command = [sys.executable, "-m", "suanli", *arguments("suanli", **places)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (folder / "suanli.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
    assert code == 0, (folder / "suanli.log").read_text()


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    program = need("prometheus-alertmanager", DEBIAN.format("prometheus-alertmanager"))
    address = f"127.0.0.1:{free_port()}"
    file = str(DEPLOY / "compose/alertmanager.yml")
    places = {"0.0.0.0:9093": address, "=/alertmanager": f"={folder}", "/etc/alertmanager/alertmanager.yml": file}
    command = [program, *arguments("alertmanager", **places)]
    with running("alertmanager", command, folder=folder, ready=lambda: answers(f"http://{address}/-/healthy")):
        yield address


@contextmanager
def prometheus(folder: Path, suanli: str, told: str) -> Iterator[str]:
    program = need("prometheus", DEBIAN.format("prometheus"))
    text = (DEPLOY / "compose/prometheus.yml").read_text(encoding="utf-8")
    here = {
        "suanli:9105": suanli,
        "alertmanager:9093": told,
        "/etc/suanli/provisioning": f"{ROOT}/dashboards/provisioning",
    }
    for before, after in here.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "prometheus.yml").write_text(text.replace("scrape_interval: 15s", "scrape_interval: 1s"))
    address = f"127.0.0.1:{free_port()}"
    places = {"0.0.0.0:9090": address, "=/prometheus": f"={folder}/data", "/etc/prometheus": str(folder)}
    command = [program, *arguments("prometheus", **places)]
    with running("prometheus", command, folder=folder, ready=lambda: answers(f"http://{address}/-/healthy")):
        yield address


def test_the_compose_files_parts_work_together(influxdb: InfluxDB, tmp_path: Path) -> None:
    """The demonstration is pushed to a real InfluxDB 2.7 and scraped by a real Prometheus with its Alertmanager."""
    assert influxdb.org == written()["services"]["influxdb"]["environment"]["DOCKER_INFLUXDB_INIT_ORG"]
    with (
        fresh_folder("alertmanager") as one,
        fresh_folder("prometheus") as two,
        demonstration(tmp_path, influxdb) as suanli,
        alertmanager(one) as told,
        prometheus(two, suanli, told) as asked,
    ):

        def get(path: str, **parameters: str) -> Any:
            return httpx.get(f"http://{asked}{path}", params=parameters, timeout=10, trust_env=False).json()["data"]

        query = {"query": 'suanli_fleet_built_pflops{basis="fp16"}'}
        rows = wait_until(lambda: get("/api/v1/query", **query)["result"], within=60, what="a scrape")
        assert float(rows[0]["value"][1]) > 2200
        wait_until(lambda: get("/api/v1/alertmanagers")["activeAlertmanagers"], within=30, what="the Alertmanager")
        wait_until(lambda: influxdb.lines("compute") > 0, within=30, what="points in InfluxDB")
        _healthy(suanli)
        page = httpx.get(f"http://{suanli}/", timeout=10, trust_env=False)
        assert (page.status_code, page.headers["content-type"].split(";")[0]) == (200, "text/html")


def _healthy(address: str) -> None:
    """The image's own health check, asked of another port."""
    match = re.search(r"CMD (\[\"python\", .*\])$", DOCKERFILE, re.MULTILINE)
    assert match
    program, *rest = json.loads(match[1])
    assert program == "python"
    run(sys.executable, *(one.replace("127.0.0.1:9105", address) for one in rest))


def test_the_image_is_made_of_what_is_sent_and_runs_as_nobody() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    copies = [shlex.split(one)[:-1] for one in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)]
    for source in (word for copy in copies for word in copy):
        assert any(fnmatch(source, pattern) or source.startswith(f"{pattern}/") for pattern in sent), source
        assert (ROOT / source).exists()
    packages = {"suanli", "collectors", "exporter", "dashboards"}
    assert packages <= {word for copy in copies for word in copy}
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-bookworm", one) for one in bases)
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert not re.search("apt-get|pip install|gcc", last)
    assert 'ENTRYPOINT ["suanli"]' in last
    assert "org.opencontainers.image.revision" in last


def test_kubernetes_takes_the_manifests(tmp_path: Path) -> None:
    kubectl = need("kubectl", "the client of Kubernetes, 1.21 or later")
    made = {
        folder: list(yaml.safe_load_all(run(kubectl, "kustomize", str(DEPLOY / folder))))
        for folder in ("kubernetes", "kubernetes-prometheus-operator")
    }
    kinds = {folder: sorted(one["kind"] for one in found) for folder, found in made.items()}
    plain = ["ConfigMap", "Namespace", "NetworkPolicy", "Service", "StatefulSet"]
    assert kinds == {"kubernetes": plain, "kubernetes-prometheus-operator": sorted([*plain, "ServiceMonitor"])}
    by_kind = {one["kind"]: one for one in made["kubernetes"]}
    file = tmp_path / "config.yaml"
    file.write_text(by_kind["ConfigMap"]["data"]["config.yaml"], encoding="utf-8")
    config = load_config(file)
    pod = by_kind["StatefulSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert re.search(r":\d+\.\d+\.\d+$", container["image"])
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (pod["securityContext"]["runAsUser"], pod["automountServiceAccountToken"]) == (10001, False)
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    assert config.read_token is not None
    assert str(config.read_token.file).startswith(mounts["secrets"])
    assert all(sink.token and str(sink.token.file).startswith(mounts["secrets"]) for sink in config.sinks)
    assert container["args"][:2] == ["--config", f"{mounts['config']}/config.yaml"]
    assert config.address[1] == container["ports"][0]["containerPort"]
    assert not any(one["kind"] == "Secret" for found in made.values() for one in found)


def test_systemd_takes_the_unit_and_finds_it_well_confined(tmp_path: Path) -> None:
    analyze = need("systemd-analyze", DEBIAN.format("systemd"))
    text = (DEPLOY / "systemd/suanli.service").read_text(encoding="utf-8")
    assert text.count("/opt/suanli/bin/suanli") >= 2
    unit = tmp_path / "suanli.service"
    unit.write_text(text.replace("/opt/suanli/bin/suanli", "/bin/true"), encoding="utf-8")
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
    run(analyze, "security", "--offline=yes", "--threshold=20", str(unit))


SHELL = {
    "sh deploy/compose/secrets.sh": "test_secrets_are_made_once_each_another",
    "docker compose up --detach --build": "test_the_compose_files_parts_work_together",
    "cat deploy/compose/secrets/grafana_password": "test_secrets_are_made_once_each_another",
    "kubectl create namespace suanli": "test_kubernetes_takes_the_manifests",
    "kubectl create secret generic suanli --namespace suanli --from-file=read_token --from-file=influx_token": (
        "test_kubernetes_takes_the_manifests"
    ),
    "kubectl apply -k deploy/kubernetes": "test_kubernetes_takes_the_manifests",
    "python3 -m venv /opt/suanli": "test_systemd_takes_the_unit_and_finds_it_well_confined",
    "/opt/suanli/bin/pip install -r requirements/run.txt .": "test_systemd_takes_the_unit_and_finds_it_well_confined",
    "install -m 0644 deploy/systemd/suanli.service /etc/systemd/system/suanli.service": (
        "test_systemd_takes_the_unit_and_finds_it_well_confined"
    ),
    "systemctl daemon-reload": "test_systemd_takes_the_unit_and_finds_it_well_confined",
    "systemctl enable --now suanli.service": "test_systemd_takes_the_unit_and_finds_it_well_confined",
}
"""What docs/deployment.md has a person type that changes a machine, and the test of what it leads to."""


ELSEWHERE = ("suanli grafana ", "suanli token create ", "suanli push ")
"""Proven in tests/exporter/test_grafana_push.py and tests/test_push.py."""


def test_the_document_shows_no_command_that_nothing_proves() -> None:
    text = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    shown = [line for block in blocks for line in block.splitlines()]
    assert [one for one in shown if not one.startswith(ELSEWHERE)] == list(SHELL)
    assert all(test in globals() for test in SHELL.values())


def test_the_secret_that_is_shown_is_the_one_that_is_mounted(tmp_path: Path) -> None:
    """Made by kubectl itself, without a cluster, it has the keys that the configuration names as files."""
    kubectl = need("kubectl", "the client of Kubernetes, 1.21 or later")
    (command,) = [one for one in SHELL if "create secret" in one]
    for name in ("read_token", "influx_token"):
        (tmp_path / name).write_text("x")
    made = yaml.safe_load(run(kubectl, *command.split()[1:], "--dry-run=client", "-o", "yaml", cwd=tmp_path))
    config = (DEPLOY / "kubernetes/config.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"/run/secrets/suanli/(\w+)", config))
    assert (made["metadata"]["name"], set(made["data"])) == ("suanli", named)
