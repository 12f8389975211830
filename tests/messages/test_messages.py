"""Everything that the command line says is said in Chinese too. Red? `make messages` says what is to be written."""

from __future__ import annotations

import ast
import re
from gettext import GNUTranslations
from typing import Any

import pytest
import typer.main
from babel.messages.catalog import Catalog

from suanli.cli import helping
from suanli.cli.main import app
from tests.messages.__main__ import main
from tests.messages.catalogue import MO, PO, Tidy, committed, compiled, unlike, untranslated, updated, written
from tests.messages.gathering import KEYWORDS, SOURCES, everything, of_code, of_help, of_typer

ADVICE = "run `make messages`, translate what it names, run it again, commit suanli/locale"
CHINESE = re.compile("[一-鿿]")
WORDS = {
    "{site}: {reason}",
    "{file}: {sheet}: {told}",
    "{count} ({numbers}{more})",
    "{every!r}: {error}",
    "Value error, {told}",
}
"""Texts of which only places and punctuation are left."""


def test_every_text_is_translated_and_the_catalogue_holds_nothing_else() -> None:
    catalogue = committed()
    assert untranslated(catalogue) == [], ADVICE
    assert {(_id(one.id), one.context) for one in catalogue if one.id} == set(everything()), ADVICE
    assert catalogue.obsolete == {}, ADVICE


def test_translations_have_the_places_of_their_texts() -> None:
    assert unlike(committed()) == []


def test_the_files_are_what_the_command_would_write(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(check=True) == 0, capsys.readouterr().out
    assert PO.read_bytes() == written(updated(committed())), ADVICE
    assert MO.read_bytes() == compiled(committed()), ADVICE


def test_the_compiled_file_gives_the_translations() -> None:
    with MO.open("rb") as file:
        words = GNUTranslations(file)
    for one in committed():
        if one.id:
            assert isinstance(one.id, str)
            told = words.pgettext(one.context, one.id) if one.context else words.gettext(one.id)
            assert told == one.string


def test_nothing_is_gathered_from_nowhere() -> None:
    """Each place that is looked through has what is known to be there."""
    assert len(SOURCES) >= 150
    code = {one.text for one in of_code()}
    assert {"{value!r} is none of {known}", "online-rate", "Field required", "unknown"} <= code
    assert len(code) >= 500
    assert {"The capacity ledger.", "Show this message and exit.", "for a program"} <= {one.text for one in of_help()}
    assert {"Usage: ", "[required]", "No such option: {name}"} <= {one.text for one in of_typer()}
    assert set(KEYWORDS) == {"_", "Message", "of", "several"}


def test_no_text_stands_within_an_f_string_where_it_is_not_gathered() -> None:
    """Babel reads an f-string as one token before Python 3.12: what is said within it would stay English."""
    lost = [
        f"{path.name}:{call.lineno}"
        for path in SOURCES
        for text in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS
    ]
    assert lost == []


def test_the_help_of_every_command_and_of_each_of_its_options_is_gathered() -> None:
    root = typer.main.get_command(app)
    told = {one.text for one in of_help()}
    seen = 0
    for command in _all(root):
        for owner in (command, *command.params):
            for text in filter(None, (getattr(owner, "help", None), getattr(owner, "epilog", None))):
                seen += 1
                assert set(helping.paragraphs(text)) <= told
    assert seen >= 200


def test_chinese_is_chinese_in_full_width_and_commands_stay_as_they_are_typed() -> None:
    for one in committed():
        if not one.id:
            continue
        english, chinese = str(one.id), str(one.string)
        assert CHINESE.search(chinese) or not re.search("[a-z]{4} [a-z]", english) or english in WORDS, english
        assert not re.search(r"[一-鿿] ?[,;!?]|[一-鿿]:(?!//)|[一-鿿]\.(\s|$)", chinese), chinese
        for typed in re.findall(r"`(suanli [^`{]*)`", english):
            assert typed in chinese, (english, chinese)


@pytest.mark.parametrize(
    ("english", "chinese", "missing", "wrong"),
    [
        ("online-rate", "", True, False),
        ("{value!r} is none of {known}", "{value!r} 不是", False, True),
        ("built ", "已建成", False, True),
        ("built ", "已建成 ", False, False),
    ],
)
def test_what_the_checks_find(english: str, chinese: str, missing: bool, wrong: bool) -> None:
    catalogue = Tidy(locale="zh", fuzzy=False)
    for one in committed():
        if one.id:
            catalogue.add(one.id, chinese if one.id == english else one.string, context=one.context)
    assert [said.text for said in untranslated(catalogue)] == [english] * missing
    assert unlike(catalogue) == [english] * wrong


def test_a_guess_counts_as_not_translated_and_what_nobody_says_is_left_out() -> None:
    catalogue = Catalog(locale="zh")
    catalogue.add("online-rate", "上线率", flags=["fuzzy"])
    catalogue.add("said by nobody", "无人说")
    assert "online-rate" in [said.text for said in untranslated(catalogue)]
    assert updated(catalogue).get("online-rate").fuzzy  # type: ignore[union-attr] # it is said
    assert updated(catalogue).get("said by nobody") is None


def test_the_header_names_no_machine_and_no_time() -> None:
    head = PO.read_text(encoding="utf-8").split("\n\n", 1)[0]
    assert not re.search(r"\d{4}-\d\d-\d\d|Babel|Creation|Translator", head)
    assert "fuzzy" not in head


def _id(id_: object) -> object:
    return tuple(id_) if isinstance(id_, list) else id_


def _all(command: Any) -> list[Any]:
    return [command, *(one for inner in getattr(command, "commands", {}).values() for one in _all(inner))]
