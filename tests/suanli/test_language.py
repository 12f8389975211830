"""Which language is spoken, and that all that a person reads is in it."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import typer.main
from hypothesis import given
from hypothesis import strategies as st
from rich.prompt import IntPrompt

from suanli.cli import helping
from suanli.cli.asking_for import _in_words
from suanli.cli.language import LANGUAGES, chosen, in_words, of_locale, speak, spoken
from suanli.cli.main import app
from suanli.model.errors import Forbidden, InputError, Problem
from suanli.model.message import Message, message_of
from tests.suanli.running import REPO, contents, suanli

CHINESE = re.compile("[一-鿿]")
ZH = {"LANG": "zh_CN.UTF-8"}
SITE = """
sites:
  - id: wh-1
    name: 武汉一号
    province: 湖北
    operator: Alpha
    status: operational
    pools:
      - {id: a100, model: nvidia-a100-sxm4-80gb, capacity: [{from: 2024-01-01, stage: built, devices: 100, source: x}]}
"""


@pytest.fixture(autouse=True)
def _english_again() -> object:
    yield
    speak("en")


@pytest.mark.parametrize(
    ("words", "file", "environment", "language"),
    [
        ("", None, {}, "en"),
        ("", None, {"LANG": "C.UTF-8"}, "en"),
        ("", None, {"LANG": "de_DE.UTF-8"}, "en"),
        ("", None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("", None, {"LANG": "zh"}, "zh"),
        ("", None, {"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ("", None, {"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ("", None, {"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, "en"),
        ("", None, {"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh_CN"}, "zh"),
        ("", "language: en\n", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("", 'listen: x\nlanguage: "zh" # spoken\n', {}, "zh"),
        ("", "# language: zh\n", {}, "en"),
        ("", "sinks: [\nlanguage: zh\n", {}, "zh"),
        ("", "language: fr\n", {"LANG": "zh_CN.UTF-8"}, "zh"),
        ("--lang en rates", "language: zh\n", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("--lang=zh --help", "language: en\n", {}, "zh"),
        ("--lang", "language: zh\n", {}, "zh"),
        ("--lang fr", "language: zh\n", {}, "zh"),
        ("--config none.yaml", "language: zh\n", {}, "en"),
        ("--config .", "language: zh\n", {}, "en"),
        ("--config=config.yaml", "language: zh\n", {"SUANLI_CONFIG": "none.yaml"}, "zh"),
        ("", "language: zh\n", {"SUANLI_CONFIG": "none.yaml"}, "en"),
    ],
)
def test_the_order_of_who_says_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    file: str | None,
    environment: dict[str, str],
    language: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if file is not None:
        (tmp_path / "config.yaml").write_text(file, encoding="utf-8")
    assert chosen(words.split(), environment) == language


@given(st.lists(st.text(max_size=12), max_size=5), st.dictionaries(st.sampled_from(["LC_ALL", "LANG"]), st.text()))
def test_whatever_is_written_a_language_is_chosen(words: list[str], environment: dict[str, str]) -> None:
    assert chosen(words, environment) in LANGUAGES
    assert of_locale(environment) in LANGUAGES


def test_a_configuration_that_nobody_could_read_breaks_no_help(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe{{{\nlanguage: zh\nsinks: [")
    helped = suanli(tmp_path, "--help")
    assert (helped.code, helped.err) == (0, "")
    assert "容量台账。" in helped.out
    broken = suanli(tmp_path, "config", "check")
    assert broken.code == 2
    assert broken.err.startswith("suanli: config.yaml: 不是 UTF-8（第 0 字节）")


def test_a_file_in_another_style_is_obeyed_once_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("{language: zh}\n", encoding="utf-8")
    assert suanli(tmp_path, "config", "check").out.startswith("正常：")


def _commands() -> list[list[str]]:
    found: list[list[str]] = [[]]

    def walk(command: object, path: list[str]) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            found.append([*path, name])
            walk(inner, [*path, name])

    walk(typer.main.get_command(app), [])
    return found


def _plain(screen: str) -> str:
    return re.sub(r"[\s│╭╮╰╯─]+", "", screen)


def test_the_help_of_every_command_is_all_in_chinese(tmp_path: Path) -> None:
    """No paragraph is left in English, nor cut off by the width of the terminal."""
    commands = _commands()
    assert len(commands) >= 40
    english = set(helping.texts(typer.main.get_command(app)))
    for words in commands:
        helped = suanli(tmp_path, "--lang", "zh", *words, "--help", COLUMNS="80")
        assert helped.code == 0
        shown = _plain(helped.out)
        assert shown.startswith("用法："), words
        assert "…" not in shown, words
        assert [text for text in english if len(text) > 12 and _plain(text) in shown] == [], words
        assert not re.search("Usage|Options|Commands|Arguments|required|default", shown), words


def test_help_is_in_english_again_in_the_same_process(tmp_path: Path) -> None:
    assert "用法" in suanli(tmp_path, "--lang", "zh", "capacity", "--help").out
    helped = suanli(tmp_path, "--lang", "en", "capacity", "--help")
    assert "Usage:" in helped.out
    assert "Options" in helped.out
    assert not CHINESE.search(helped.out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rates", "--no"], "没有选项 --no（是否指 --json, --mean, --to）"),
        (["nope"], "没有命令 'nope'。"),
        (["rate"], "没有命令 'rate'。是否指 'rates'？"),
        (["--lang", "fr", "version"], "'--lang' 的值无效：'fr' 不是 'zh', 'en' 之一。"),
        (["capacity", "add", "a/b"], "缺少选项 '--from'。"),
        (["collect"], "缺少参数 'site'。"),
        (["version", "more"], "多余的参数（more）"),
        (["rates", "--at"], "选项 '--at' 需要一个值。"),
        (["rates", "--json=1"], "选项 '--json' 不带值。"),
        (["quarantine", "list", "--limit", "x"], "'--limit' 的值无效：应为整数"),
        (["quarantine", "list", "--limit", "0"], "'--limit' 的值无效：应大于或等于 1"),
    ],
)
def test_what_typer_complains_about_is_told_in_chinese(tmp_path: Path, words: list[str], told: str) -> None:
    ended = suanli(tmp_path, *words, **ZH, COLUMNS="120")
    assert ended.code == 2
    assert told in ended.err
    assert "错误" in ended.err
    assert not CHINESE.search(suanli(tmp_path, *words, COLUMNS="120").err)


def test_a_complaint_that_is_not_known_stays_as_it_is() -> None:
    speak("zh")
    assert helping.complaint("the moon is full") == "the moon is full"


ERRORS: list[tuple[list[str], int, str, str]] = [
    (
        ["rates", "--at", "soon"], 2,
        "--at: 'soon' is no date or time such as 2026-11-24T08:00, 2026-11-24 or 2026-11",
        "--at: 'soon' 不是日期或时刻，写法如 2026-11-24T08:00、2026-11-24 或 2026-11",
    ),
    (
        ["site", "show", "wh-9"], 2,
        "no site 'wh-9'; registered: none yet (suanli apply)", "没有站点 'wh-9'；已登记：尚无（suanli apply）",
    ),
    (
        ["capacity", "add", "wh-1/a", "--from", "2024-01-01", "--stage", "bilt", "--source", "x", "--devices", "1"], 2,
        "--stage: should be 'planned', 'built' or 'retired'", "--stage: 应为 'planned', 'built' or 'retired'",
    ),
    (
        ["token", "create", "--owner", "x", "--scope", "read", "--expires", "9"], 2,
        "--expires: expected a duration such as 60s, 10m, 1h or 90d", "--expires: 应为时长，如 60s、10m、1h 或 90d",
    ),
    (
        ["apply", "none.yaml"], 2,
        "none.yaml: cannot be read: No such file or directory", "none.yaml: 无法读取：No such file or directory",
    ),
    (
        ["token", "create", "--owner", "", "--scope", "read"], 2,
        "--owner: String should have at least 1 character", "--owner: 文本至少 1 个字符",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "english", "chinese"), ERRORS, ids=[" ".join(row[0][:2]) for row in ERRORS])
def test_errors_are_told_in_both_languages(
    tmp_path: Path, words: list[str], code: int, english: str, chinese: str
) -> None:
    for environment, told in (({}, english), (ZH, chinese)):
        ended = suanli(tmp_path, *words, **environment)
        assert ended.code == code
        assert ended.err.startswith(f"suanli: {told}"), ended.err


def test_what_a_file_gets_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("langage: zh\nlisten: 1:99999\n", encoding="utf-8")
    assert suanli(tmp_path, "config", "check", **ZH).err.splitlines() == [
        "suanli: config.yaml:2: listen: 端口最大 65535",
        "config.yaml:1: langage: 未知的键；是否指 language？",
    ]


def test_changes_are_told_in_both_languages_and_json_is_one(tmp_path: Path) -> None:
    (tmp_path / "sites.yaml").write_text(SITE, encoding="utf-8")
    tried = suanli(tmp_path, "apply", "sites.yaml", "--dry-run", **ZH)
    assert tried.out.splitlines() == [
        "+ 站点 wh-1（武汉一号）",
        "+ 资源池 wh-1/a100（nvidia-a100-sxm4-80gb）",
        "+ 容量 wh-1/a100：built 100 台，自 2024-01-01 起（x）",
    ]
    assert tried.err == "将作 3 处变更\n"
    words = ("apply", "sites.yaml", "--dry-run", "--json")
    both = [_timeless(suanli(tmp_path, "--lang", one, *words).out) for one in LANGUAGES]
    assert both[0] == both[1]
    assert not re.search("站点|台", both[0])
    assert suanli(tmp_path, "apply", "sites.yaml").out.startswith("+ site wh-1 (武汉一号)\n")


@pytest.mark.parametrize(
    "words",
    [
        ["site", "list"], ["pool", "list"], ["capacity", "list"], ["capacity", "submissions"],
        ["site", "history", "wh-1"],
        ["rates", "--at", "2025-01-01"], ["rates", "explain", "--at", "2025-01-01", "--as-of", "2026-01-01"],
        ["history", "--from", "2025-01-01", "--to", "2025-01-02"], ["funnel", "--at", "2025-01-01"],
        ["benchmarks", "--at", "2025-01-01"], ["targets", "--at", "2025-01-01"], ["maintenance", "list"],
        ["disagreements", "--at", "2025-01-01"], ["quarantine", "list"], ["token", "list"], ["audit"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_what_is_printed_is_translated_and_json_never_changes(applied: Path, words: list[str]) -> None:
    shown = {one: suanli(applied, "--lang", one, *words) for one in LANGUAGES}
    assert [ended.code for ended in shown.values()] == [0, 0]
    assert CHINESE.search(shown["zh"].out.replace("武汉一号", "").replace("湖北", "") + shown["zh"].err)
    both = [_timeless(suanli(applied, "--lang", one, *words, "--json").out) for one in LANGUAGES]
    assert both[0] == both[1]


def _timeless(text: str) -> str:
    """Without the moment at which it was asked."""
    return re.sub(r'"(as_of|to|from|at|excluded_ratio)": ("[^"]*"|[\d.]+)', "", text)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applied")
    (folder / "sites.yaml").write_text(SITE, encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0
    return folder


def test_speaking_writes_nothing(tmp_path: Path) -> None:
    before = contents(tmp_path)
    suanli(tmp_path, "--lang", "zh", "--help")
    assert contents(tmp_path) == before


def test_a_message_is_its_english_and_its_values_are_told_too() -> None:
    inner = Message("none yet (suanli apply)")
    message = Message("no site {id!r}; registered: {known}", id="{x}", known=inner)
    assert (message, isinstance(message, str)) == ("no site '{x}'; registered: none yet (suanli apply)", True)
    speak("zh")
    assert in_words(message) == "没有站点 '{x}'；已登记：尚无（suanli apply）"
    error = InputError([Problem(message, "sites.yaml", 3, "id"), Problem("plain {x}")])
    assert in_words(error) == f"sites.yaml:3: id: {in_words(message)}\nplain {{x}}"
    assert str(error) == f"sites.yaml:3: id: {message}\nplain {{x}}"
    assert in_words(Forbidden(inner)) == "尚无（suanli apply）"
    assert in_words(OSError(2, "No such file")) == str(OSError(2, "No such file"))
    assert message_of(ValueError("a", "b")) == "('a', 'b')"


def test_braces_in_a_message_without_values_stay() -> None:
    message = Message("expected one of {env: NAME} and {file: path}")
    speak("zh")
    assert in_words(message) == "{env: NAME} 与 {file: path} 应恰好给出一个"


def test_nothing_is_translated_on_import() -> None:
    """A module that was imported before a language was chosen says all of it in the language chosen afterwards."""
    code = (
        "import pkgutil, importlib, suanli.cli, suanli.cli.language as it\n"
        "def fail(*_): raise SystemExit('translated on import')\n"
        "it._Spoken.words.gettext = it._Spoken.words.pgettext = it._Spoken.words.ngettext = fail\n"
        "for found in pkgutil.iter_modules(suanli.cli.__path__): importlib.import_module('suanli.cli.' + found.name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert spoken() == "en"


def test_typer_still_says_what_is_exchanged() -> None:
    """The words and complaints that we know are in Typer's source: another version may say it otherwise."""
    folder = Path(typer.main.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    for text in chain(helping.RICH_WORDS.values(), helping.METAVARS, [helping.USAGE]):
        assert text in source, text


def test_prompts_complain_in_the_language_spoken() -> None:
    speak("zh")
    assert _in_words(IntPrompt).validate_error_message == "请输入整数"
    assert _in_words(IntPrompt).illegal_choice_message == "请选择所列选项之一"
    assert "请" not in IntPrompt.validate_error_message
