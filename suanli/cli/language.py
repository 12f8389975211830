"""The language that the command line speaks, one for the whole run: docs/decisions/0015-language.md.

`_`, `of` and `several` say something at once, in this language; `in_words` says a Message or an error that was raised.
msgid is the English text in the code, and suanli/locale holds the others: `make messages`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from gettext import NullTranslations, bindtextdomain, textdomain, translation
from pathlib import Path
from typing import Any

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message, message_of

DOMAIN = "suanli"
LOCALE = Path(__file__).parents[1] / "locale"
LANGUAGES = ("zh", "en")
_SAID = re.compile(rb"^language:\s*[\"']?(zh|en)\b", re.MULTILINE)
_LOOKED_AT = 2**20
"""Bytes of a configuration that are looked through for its language."""


class _Spoken:
    """What is spoken now."""

    language = "en"
    words: NullTranslations = NullTranslations()


def speak(language: str) -> None:
    """From now on, this language: zh or en. gettext's own domain is set too, for what libraries say by it."""
    _Spoken.language = language
    _Spoken.words = translation(DOMAIN, LOCALE, [language], fallback=True)
    textdomain(DOMAIN)
    bindtextdomain(DOMAIN, str(LOCALE))
    os.environ["LANGUAGE"] = language


def spoken() -> str:
    """zh or en."""
    return _Spoken.language


def _(text: str) -> str:
    """This text, as it is said in the language spoken."""
    return _Spoken.words.gettext(text)


def of(context: str, text: str) -> str:
    """This text where it stands for what `context` names: one English word may be several in Chinese."""
    return _Spoken.words.pgettext(context, text)


def several(one: str, more: str, count: int) -> str:
    """The text for so many, with {count} filled in."""
    return _Spoken.words.ngettext(one, more, count).format(count=count)


def in_words(told: object) -> str:
    """A message, a problem or an error as a person reads it; everything else as str."""
    if isinstance(told, Message):
        return _filled(told) if told.values else _(told.template)
    if isinstance(told, Problem):
        return told.with_message(in_words(told.message))
    if isinstance(told, InputError):
        return "\n".join(in_words(problem) for problem in told.problems)
    return in_words(message_of(told)) if isinstance(told, Exception) else str(told)


def _filled(message: Message) -> str:
    values = {name: _value(value) for name, value in message.values.items()}
    return _(message.template).format(**values)


def _value(value: Any) -> Any:
    return in_words(value) if isinstance(value, Message | Problem) else value


def chosen(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """zh or en for a command line in this environment: --lang, else the configuration's, else the locale's.

    The command line is looked through before it is parsed, and the file before it is read, so that help, and what is
    wrong with either, are told in the same language as all that follows.
    """
    asked = _after("--lang", words)
    if asked in LANGUAGES:
        return str(asked)
    file = _after("--config", words) or environment.get("SUANLI_CONFIG") or "config.yaml"
    return _said_in(Path(file)) or of_locale(environment)


def of_locale(environment: Mapping[str, str]) -> str:
    """zh where LC_ALL, else LC_MESSAGES, else LANG names a Chinese one."""
    named = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "zh" if named.startswith("zh") else "en"


def _after(option: str, words: Sequence[str]) -> str | None:
    """The value of a global option, as --option VALUE or --option=VALUE."""
    for place, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option:
            return words[place + 1] if place + 1 < len(words) else None
    return None


def _said_in(path: Path) -> str | None:
    """The language that a configuration names; None where there is no such file, or it names none."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            found = _SAID.search(file.read(_LOOKED_AT))
    except (OSError, ValueError):
        return None
    return found[1].decode() if found else None
