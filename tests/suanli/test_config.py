"""config.yaml: strict, and a mistake ends the command with file, line, key and exit code 2; nothing is changed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from suanli.answers import benchmarks_at
from suanli.config import Config, check_secrets, load_config
from suanli.model.errors import InputError
from suanli.model.secret import SecretRef
from tests.suanli.making import SITES_YAML, ZONE
from tests.suanli.running import REPO, contents, started, suanli

SECRET = "Hunter2-Hunter2"
INFLUX = (
    "sinks:\n  - {{name: influx, kind: influxdb, url: 'http://127.0.0.1:8086', org: o, bucket: b, token: {token}}}\n"
)


def loaded(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/", "")


# ---------------------------------------------------------------- read


def test_the_shipped_config_says_what_the_defaults_are() -> None:
    shipped = load_config(REPO / "config.yaml")
    assert shipped.model_copy(update={"targets": (), "poll": Config().poll}) == Config()
    assert [(one.metric, one.target) for one in shipped.targets] == [("online_ratio", 0.8), ("usage_ratio", 0.55)]
    assert shipped.poll.defaults.of_max_age(60) == 180


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    assert loaded(tmp_path, "") == loaded(tmp_path, "# nothing\n") == Config()


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Config().language = "en"


def test_max_age_is_three_intervals_and_never_less() -> None:
    poll = Config.model_validate({"poll": {"interval": "60s", "max_age": "90s"}}).poll
    assert poll.defaults.of_max_age(60) == 180
    assert poll.defaults.of_max_age(10) == 90


@pytest.mark.parametrize(
    ("day", "names"),
    [
        ("2024-06-30T23:59:59", ["national-2024", "national-2024"]),
        ("2024-07-01T00:00:00", ["national-2024", "national-2024", "mine"]),
        ("2024-07-31T23:59:59", ["national-2024", "national-2024", "mine"]),
        ("2024-08-01T00:00:00", ["national-2024", "national-2024"]),
        ("2023-12-31T23:59:59", []),
    ],
)
def test_benchmarks_stand_from_their_first_day_to_the_day_before_their_end(
    tmp_path: Path, day: str, names: list[str]
) -> None:
    mine = "{name: mine, metric: online_ratio, value: 0.5, from: 2024-07-01, until: 2024-08-01, source: x}"
    config = loaded(tmp_path, f"benchmarks:\n  - {mine}\n")
    at = int(datetime.fromisoformat(day).replace(tzinfo=ZONE).timestamp())
    assert [one.name for one in benchmarks_at(config, at)] == names


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sink: []\n", "config.yaml:1: sink: unknown key; did you mean sinks?"),
        ("poll:\n  intervall: 60s\n", "config.yaml:2: poll.intervall: unknown key; did you mean interval?"),
        ("timezone: Asia/Atlantis\n", "config.yaml:1: timezone: expected a time zone such as Asia/Shanghai"),
        (
            "grafana:\n  url: http://g\n  prometheus: {uid: p, url: 'http://p'}\n",
            "config.yaml:3: grafana.prometheus: expected uid, of a data source that is there, or url",
        ),
        (
            "grafana:\n  url: http://g\n  influxdb: {uid: i, database: d}\n",
            "config.yaml:3: grafana.influxdb: database and token belong to a data source that is to be made",
        ),
        ("grafana:\n  url: http://g?x=1\n", "config.yaml:2: grafana.url: "),
        ("grafana:\n  url: http://g\n  folder: {uid: a b, title: T}\n", "config.yaml:3: grafana.folder.uid: "),
        ("open_reads: true\nread_token: {env: T}\n", "config.yaml:1: open_reads lets everybody read"),
        ("language: fr\n", "config.yaml:1: language: should be 'zh' or 'en'"),
        ("listen: 9105\n", "config.yaml:1: listen: should be a valid string"),
        ("listen: here\n", "config.yaml:1: listen: "),
        ("listen: 127.0.0.1:99999\n", "config.yaml:1: listen: expected a port of at most 65535"),
        ("poll: {concurrency: 0}\n", "config.yaml:1: poll.concurrency: should be greater than or equal to 1"),
        ("targets:\n  - {metric: busy_ratio, target: 0.8}\n", "config.yaml:2: targets[0].metric: should be"),
        ("sinks:\n  - {name: i, kind: influxdb, url: 'http://x'}\n", "config.yaml:2: sinks[0]: a sink of kind"),
        ("sinks:\n  - {name: i, kind: victoriametrics, url: 'http://user:pass@x'}\n", "config.yaml:2: sinks[0].url: "),
        (
            "sinks:\n  - {name: v, kind: victoriametrics, url: 'http://x'}\n  - {name: v, kind: victoriametrics, url: 'http://y'}\n",
            "config.yaml:1: two sinks have the same name",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, told: str) -> None:
    assert refused(tmp_path, text).startswith(told)


TARGETS = {
    "target: 80": "targets[0].target: expected a rate above 0 and below 1, such as 0.8 for 80 %, not 80.0",
    "target: 0": "targets[0].target: expected a rate above 0 and below 1",
    "target: -0.1": "targets[0].target: expected a rate above 0 and below 1",
    "target: 1": "targets[0].target: expected a rate above 0 and below 1",
    "target: .nan": "targets[0].target: expected a rate above 0 and below 1",
    "target: 80%": "targets[0].target: should be a valid number",
    "target: 0.1, band: 0.2": "targets[0]: the band (0.2) is larger than the target (0.1)",
    "target: 0.99, band: 0.02": "targets[0]: target and band come to 1.01: no rate is above 1",
    "target: 0.9, band: -0.02": "targets[0].band: should be greater than or equal to 0",
    "target: 0.9, scope: planet": "targets[0].scope: expected fleet, province:NAME, operator:NAME or site:ID",
    "target: 0.9, scope: 'operator:'": "targets[0].scope: expected fleet, province:NAME, operator:NAME or site:ID",
    "target: 0.9, for: 10": "targets[0].for: a duration needs its unit: write 10s, not 10",
    "target: 0.9, basis: fp8": "targets[0].basis: should be 'fp16', 'fp32' or 'fp64'",
    "target: 0.9, bnad: 0.01": "targets[0].bnad: unknown key; did you mean band?",
}


@pytest.mark.parametrize(("said", "told"), TARGETS.items())
def test_a_target_that_cannot_be_is_told_with_its_line(tmp_path: Path, said: str, told: str) -> None:
    text = f"language: en\ntargets:\n  - {{metric: online_ratio, {said}}}\n"
    assert refused(tmp_path, text).startswith(f"config.yaml:3: {told}")


def test_many_targets_are_read_and_two_of_one_rate_are_not(tmp_path: Path) -> None:
    one = "- {{scope: 'site:s{}', metric: online_ratio, target: 0.9}}"
    text = "\n".join(["targets:", *(one.format(number) for number in range(300))])
    assert len(loaded(tmp_path, text).targets) == 300
    told = refused(tmp_path, f"{text}\n{one.format(7)}\n")
    assert told.startswith("config.yaml:1: two targets of site:s7, online_ratio (fp16)")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"read_token: {SECRET}\n", "config.yaml:1: read_token"),
        (INFLUX.format(token=SECRET), "config.yaml:2: sinks[0].token"),
        (INFLUX.format(token=f"[{SECRET}]"), "config.yaml:2: sinks[0].token"),
        (INFLUX.format(token=f"{{value: {SECRET}}}"), "config.yaml:2: sinks[0].token"),
        (INFLUX.format(token=f"{{env: A, file: {SECRET}}}"), "config.yaml:2: sinks[0].token"),
        (
            f"sinks:\n  - {{name: v, kind: victoriametrics, url: 'http://u:{SECRET}@x'}}\n",
            "config.yaml:2: sinks[0].url",
        ),
    ],
)
def test_a_secret_in_plain_text_is_refused_and_not_printed(tmp_path: Path, text: str, place: str) -> None:
    told = refused(tmp_path, text)
    assert told.startswith(place)
    assert SECRET not in told


def test_secrets_are_found_or_named_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "blank").write_text("  \n", encoding="utf-8")
    (tmp_path / "good").write_text(f"  {SECRET}\n", encoding="utf-8")
    text = INFLUX.format(token="{env: SUANLI_TEST_TOKEN}") + f"read_token: {{file: {tmp_path}/blank}}\n"
    config = loaded(tmp_path, text)
    with pytest.raises(InputError) as caught:
        check_secrets(config, tmp_path / "config.yaml")
    assert [problem.key for problem in caught.value.problems] == ["read_token", "sinks[0].token"]
    assert [problem.line for problem in caught.value.problems] == [3, 2]
    assert "environment variable SUANLI_TEST_TOKEN is not set or is empty" in str(caught.value)
    monkeypatch.setenv("SUANLI_TEST_TOKEN", SECRET)
    good = loaded(tmp_path, text.replace("/blank", "/good"))
    check_secrets(good)
    assert good.read_token is not None
    assert good.read_token.reveal().get_secret_value() == SECRET
    assert SECRET not in repr((good, good.read_token.reveal(), good.model_dump()))
    with pytest.raises(InputError, match=r"cannot read .*/gone: FileNotFoundError"):
        SecretRef(file=f"{tmp_path}/gone").reveal()


# ---------------------------------------------------------------- through the command line

BAD = {
    "unknown key": ("stroe: sqlite:///x.db\n", "config.yaml:1: stroe: unknown key; did you mean store?"),
    "wrong unit": ("poll:\n  interval: 60\n", "config.yaml:2: poll.interval: a duration needs its unit: write 60s"),
    "bad date": (
        "benchmarks:\n  - name: b\n    metric: online_ratio\n    value: 0.5\n    from: 2024-02-30\n    source: x\n",
        "config.yaml:5: benchmarks[0].from: should be a valid date",
    ),
    "duplicate key": ("language: en\nlanguage: zh\n", "config.yaml:2: language: this key is written twice"),
    "bad YAML": ("poll: {interval: 60s\n", "config.yaml:2: is not valid YAML"),
    "not UTF-8": ("language: \udcff\n", "config.yaml: is not UTF-8 (byte 10)"),
    "plain secret": (INFLUX.format(token=SECRET), "config.yaml:2: sinks[0].token: a secret is not written in a file"),
    "missing file": (None, "config.yaml: cannot be read: No such file or directory"),
}


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD.keys())
def test_a_bad_config_ends_with_2_and_changes_nothing(tmp_path: Path, text: str | None, told: str) -> None:
    (tmp_path / "sites.yaml").write_text(SITES_YAML, encoding="utf-8")
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    if text is not None:
        (tmp_path / "config.yaml").write_bytes(text.encode(errors="surrogateescape"))
    changed = tmp_path / "more.yaml"
    changed.write_text(SITES_YAML.replace("wh-", "new-"), encoding="utf-8")
    before = contents(tmp_path)
    ended = started(tmp_path, "--config", "config.yaml", "apply", "more.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert f"suanli: {told}" in ended.err
    assert SECRET not in ended.err
    assert contents(tmp_path) == before


def test_a_missing_secret_ends_serve_and_config_check_with_2(tmp_path: Path) -> None:
    text = INFLUX.format(token="{env: SUANLI_NO_SUCH}") + "listen: 127.0.0.1:0\n"
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    for words in (["config", "check"], ["serve"]):
        ended = started(tmp_path, *words)
        assert (ended.code, ended.out) == (2, "")
        assert "secret missing: environment variable SUANLI_NO_SUCH is not set or is empty" in ended.err
    assert suanli(tmp_path, "config", "check", SUANLI_NO_SUCH=SECRET).code == 0
