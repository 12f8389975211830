"""YAML files read into strict models: every mistake is told with file, line, key and what was expected."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from suanli.model.errors import InputError, Problem
from suanli.model.findings import plain
from suanli.model.message import Message

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[int | str, ...]
MAX_BYTES = 32 * 2**20
# libyaml reads thousands of sites ten times as fast; it is in most builds of PyYAML, not in all.
_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):  # type: ignore[misc] # which of the two it is depends on how PyYAML was built
    """A date that does not exist (2024-02-30) stays text, so that the model refuses it with its line."""


def _date_or_text(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date_or_text)


class YamlFile:
    """One parsed file: its data, and the line of every key in it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self.root = yaml.compose(text, Loader=_Loader)
            self.problems = _twice(self.root, name) if self.root else []
            self.data: Any = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(_syntax(error, name)) from None

    @classmethod
    def read(cls, path: Path) -> YamlFile:
        """The file at `path`; unreadable, too large or not UTF-8 is an InputError."""
        try:
            if path.stat().st_size > MAX_BYTES:
                raise InputError(Problem(Message("larger than {most} MiB", most=MAX_BYTES >> 20), str(path)))
            return cls(str(path), path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(Problem(Message("cannot be read: {why}", why=error.strerror), str(path))) from None
        except UnicodeDecodeError as error:
            raise InputError(Problem(Message("is not UTF-8 (byte {start})", start=error.start), str(path))) from None

    def problem(self, loc: Loc, message: str) -> Problem:
        """What is wrong at this place of the data, with its line."""
        return Problem(message, self.name, self.line(loc), dotted(loc))

    def line(self, loc: Loc) -> int | None:
        """The line of the deepest part of `loc` that is in the file."""
        node, line = self.root, None
        for part in loc:
            child = _child(node, part)
            if child is None:
                break
            line, node = child
        return line or (node.start_mark.line + 1 if node else None)

    def load(self, model: type[Model]) -> Model:
        """The file as this model; an InputError lists everything that is wrong with it."""
        if self.problems:
            raise InputError(self.problems)
        if not isinstance(self.data, dict):
            raise InputError(Problem(Message("expected a mapping of keys to values"), self.name, 1))
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise InputError(self.told(error, model)) from None

    def told(self, error: ValidationError, model: type[BaseModel], at: Loc = ()) -> list[Problem]:
        """pydantic's findings as problems with lines; `at` is where the model's data stands in the file."""
        details = error.errors(include_url=False, include_input=False)
        found = [self._problem(detail, model, at) for detail in details]
        # A value that fits no member of a union is told by each of them: once is enough.
        return list({problem.key: problem for problem in reversed(found)}.values())[::-1]

    def _problem(self, detail: ErrorDetails, model: type[BaseModel], at: Loc) -> Problem:
        loc = at + tuple(part for part in detail["loc"] if _in_data(part))
        if detail["type"] == "extra_forbidden":
            return self.problem(loc, unknown_key(str(loc[-1]), _siblings(model, detail["loc"])))
        return self.problem(loc, plain(detail))


def unknown_key(key: str, known: list[str]) -> str:
    """The message for a key that nobody reads."""
    return Message("unknown key; {hint}", hint=key_hint(key, known))


def key_hint(key: str, known: list[str]) -> str:
    """Which key was probably meant, or which there are."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if close:
        return Message("did you mean {nearest}?", nearest=close[0])
    return Message("known here: {known}", known=", ".join(known))


def dotted(loc: Loc) -> str:
    """sites[0].pools[1].id"""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


def _in_data(part: int | str) -> bool:
    """pydantic also puts names of union members and validators into `loc`; those are no keys of the file."""
    return isinstance(part, int) or (not any(mark in part for mark in ("[", "(")) and part not in {"date", "datetime"})


def _siblings(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys known beside the unknown one at `loc`, found by walking the models."""
    here: Any = model
    for part in loc[:-1]:
        if isinstance(part, str) and (found := _field_model(here, part)):
            here = found
    return sorted(field.alias or name for name, field in here.model_fields.items())


def _field_model(model: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return next((kind for kind in _types(field.annotation) if issubclass(kind, BaseModel)), None)
    return None


def _types(annotation: Any) -> list[type]:
    inner = getattr(annotation, "__args__", ())
    return [kind for arg in inner for kind in _types(arg)] if inner else [annotation] * isinstance(annotation, type)


def _child(node: Any, part: int | str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line + 1, node.value[part]
    if isinstance(node, yaml.MappingNode):
        return next((_at(key, value) for key, value in node.value if key.value == str(part)), None)
    return None


def _at(key: yaml.Node, value: yaml.Node) -> tuple[int, yaml.Node]:
    return key.start_mark.line + 1, value


def _twice(node: yaml.Node, name: str) -> list[Problem]:
    """Keys written twice: YAML would silently take the last."""
    found: list[Problem] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):  # other keys are refused when the data is made
                if key.value in seen:
                    found.append(
                        Problem(Message("this key is written twice"), name, key.start_mark.line + 1, key.value)
                    )
                seen.add(key.value)
            found += _twice(value, name)
    elif isinstance(node, yaml.SequenceNode):
        found += [problem for value in node.value for problem in _twice(value, name)]
    return found


def _syntax(error: Exception, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error)
    return Problem(Message("is not valid YAML: {text}", text=text), name, mark.line + 1 if mark else None)
