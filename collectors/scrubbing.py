"""Takes out of answers what tells whose they are, so that they can be shown: hosts, people, secrets, serial numbers.

Two rounds. `learn` finds the words, by the keys they stand at; then each is replaced wherever it stands, so that what
joined two answers still does. Counts, models and states stay. What no key and no look tells is not found: a person
reads the result before it is shown to others.
"""

from __future__ import annotations

import csv
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from collectors.sensitive import LOOKS, URL_HOST, WORD, kind_of, labels, parameters, plain
from collectors.standins import STAND_IN, StandIns, is_public, lowered
from suanli.model.secret import forms_of

_HOST = re.compile(r"([A-Za-z0-9._-]+)(:\d+)?", re.ASCII)
_AFTER = re.compile(r"(?:[:/]\d+)?", re.ASCII)
_WHOLE = ("token", "text")
"""All that stands below such a key is masked, as nothing in it is meant to be read by us."""
_SHORTEST_TOKEN = 6


class Scrubber:
    """secrets: replaced in whatever form they come. known: other words that are known beforehand, with their kinds."""

    def __init__(self, secrets: Iterable[str] = (), known: Mapping[str, str] | None = None) -> None:
        self.stand_ins = StandIns()
        self._words: dict[str, str] = {}  # as `WORD` finds them -> their kinds
        self._phrases: dict[str, str] = {form: "token" for secret in secrets if secret for form in forms_of(secret)}
        self._pattern: re.Pattern[str] | None = None
        self._done: dict[str, str] = {}
        for word, kind in (known or {}).items():
            self._learn_word(kind, word)

    # ------------------------------------------------------------ learning

    def learn(self, value: Any, key: str = "", listed: str = "") -> None:
        """The words of a JSON value that stands at this key, in a list that is called `listed`."""
        for kind, text in _leaves(value, key, listed):
            self.stand_ins.take(text)
            if (inner := _json_in(text)) is not None and not kind:
                self.learn(inner)
            elif kind != "text":
                self._learn_leaf(kind, text)

    def learn_text(self, text: str) -> None:
        """The words of an answer that is no JSON: a table by its header, else by the names that values stand at."""
        self.stand_ins.take(text)
        self._learn_leaf("", text)
        for key, value in (*labels(text), *_cells(text)):
            if kind := kind_of(key, "nodes" if plain(key) == "name" else ""):
                self._learn_leaf(kind, value)

    def _learn_leaf(self, kind: str, text: str) -> None:
        for host in URL_HOST.findall(text):
            self._learn_word("host", host)
        for key, value in parameters(text):
            if kind_of(key) == "token":
                self._learn_word("token", value)
        if kind and not self._told_by_looks(kind, text):
            found = _HOST.fullmatch(text)
            self._learn_word(kind, found[1] if found and kind != "token" else text)

    def _learn_word(self, kind: str, word: str) -> None:
        """One that is too short to be told from others is replaced only where it stands at its key."""
        short = len(word) < (_SHORTEST_TOKEN if kind == "token" else 2)
        if short or word.isdecimal() or is_public(word) or LOOKS.fullmatch(word):
            return
        if WORD.fullmatch(word) and not LOOKS.search(word):
            self._words.setdefault(lowered(word), kind)
            if kind == "host":
                self._learn_domain(word)
        elif word.strip():
            self._phrases.setdefault(word, kind)
        self._pattern = None
        self._done.clear()

    def _learn_domain(self, host: str) -> None:
        first, _, domain = host.partition(".")
        if "." in domain and not is_public(domain):
            self._words.setdefault(lowered(domain), "host")
            if len(first) > 1 and not first.isdecimal() and not is_public(first):
                self._words.setdefault(lowered(first), "host")

    # ------------------------------------------------------------ replacing

    def value(self, value: Any, key: str = "", listed: str = "") -> Any:
        """A JSON value without what tells whose it is."""
        return _mapped(value, key, listed, "", self._leaf, self.text)

    def _leaf(self, kind: str, text: str) -> str:
        if not kind:
            inner = _json_in(text)
            return self.text(text) if inner is None else orjson.dumps(self.value(inner)).decode()
        if not text.strip() or is_public(text) or (kind == "token" and text.isdecimal()):
            return text
        return self.stand_ins.word(kind, text) if kind in _WHOLE else self._named(kind, text)

    def _named(self, kind: str, text: str) -> str:
        """All of it, but for a port, or where its looks tell what it is."""
        if self._told_by_looks(kind, text):
            return self.text(text)
        found = _HOST.fullmatch(text)
        word, port = (found[1], found[2] or "") if found else (text, "")
        return text if is_public(word) else self.stand_ins.word(kind, word) + port

    @staticmethod
    def _told_by_looks(kind: str, text: str) -> bool:
        return "://" in text or _is_address(text) or (kind == "id" and LOOKS.search(text) is not None)

    def text(self, text: str) -> str:
        """Any text without the words that were learnt, and without what looks like an address, a mail or a token."""
        if text not in self._done:  # keys and states come again and again
            self._done[text] = self._replaced(text)
        return self._done[text]

    def _replaced(self, text: str) -> str:
        if self._phrases:
            text = self._known().sub(lambda found: self.stand_ins.word(self._phrases[found[0]], found[0]), text)
        return WORD.sub(self._spans, LOOKS.sub(self._look, text))

    def _known(self) -> re.Pattern[str]:
        if self._pattern is None:
            longest = sorted(self._phrases, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(phrase) for phrase in longest))
        return self._pattern

    def _look(self, found: re.Match[str]) -> str:
        kind, word = found.lastgroup or "", found[0]
        if kind == "ipv6" and not _is_ipv6(word):
            return word
        by_kind: dict[str, Callable[[str], str]] = {
            "mail": self.stand_ins.mail,
            "mac": self.stand_ins.mac,
            "uuid": self.stand_ins.id,
            "hex": self.stand_ins.id,
            "ipv6": self.stand_ins.ipv6,
            "ipv4": self.stand_ins.ipv4,
        }
        if kind in by_kind:
            return by_kind[kind](word)
        return word if STAND_IN.fullmatch(word) else self.stand_ins.word("token", word)

    def _spans(self, found: re.Match[str]) -> str:
        """The longest learnt words among the word and its parts, from the left."""
        parts = re.split(r"([._-]+)", found[0])
        done, at = [], 0
        while at < len(parts):
            for end in range(len(parts), at, -2):
                span = "".join(parts[at:end])
                if (stand_in := self._stand_in(span)) is not None:
                    break
            else:
                end, stand_in = at + 1, parts[at]
            done += [stand_in, *parts[end : end + 1]]
            at = end + 1
        return "".join(filter(None, done))

    def _stand_in(self, word: str) -> str | None:
        if STAND_IN.fullmatch(word):
            return word
        kind = self._words.get(lowered(word))
        return None if kind is None else self.stand_ins.word(kind, word)


def _leaves(value: Any, key: str, listed: str, whole: str = "") -> Iterator[tuple[str, str]]:
    """Each text with the kind of what it is."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield "", name
            yield from _leaves(inner, *_inside(name, listed, whole))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key, plain(key), whole)
    elif isinstance(value, str):
        yield whole or kind_of(key, listed), value


def _mapped(
    value: Any, key: str, listed: str, whole: str, leaf: Callable[[str, str], str], name_of: Callable[[str], str]
) -> Any:
    """The same walk, with each text replaced."""
    if isinstance(value, dict):
        return {name_of(name): _mapped(at, *_inside(name, listed, whole), leaf, name_of) for name, at in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, key, plain(key), whole, leaf, name_of) for inner in value]
    return leaf(whole or kind_of(key, listed), value) if isinstance(value, str) else value


def _inside(name: str, listed: str, whole: str) -> tuple[str, str, str]:
    """The key of what stands at this name, what it is listed as, and as what all of it is masked."""
    kind = kind_of(name, listed)
    return name, listed, whole or (kind if kind in _WHOLE else "")


def _json_in(text: str) -> Any:
    """What a text that is itself JSON says; None of any other."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _cells(text: str) -> Iterator[tuple[str, str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and "," in lines[0]:
        for row in csv.DictReader(lines):
            yield from ((key, cell) for key, cell in row.items() if key and isinstance(cell, str))


def _is_address(text: str) -> bool:
    """An address, a mail or a serial number, perhaps with a port or the length of a network's prefix."""
    found = LOOKS.match(text)
    if found is None or _AFTER.fullmatch(text[found.end() :]) is None:
        return False
    return found.lastgroup != "ipv6" or _is_ipv6(found[0])


def _is_ipv6(word: str) -> bool:
    try:
        return bool(ipaddress.IPv6Address(word))
    except ValueError:
        return False
