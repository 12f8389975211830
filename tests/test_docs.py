"""The documents are true: shown commands are run and their output compared, and what is named exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from suanli.cli.main import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
SHOWN = [path for path in DOCUMENTS if CONSOLE.search(path.read_text(encoding="utf-8"))]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def commands() -> set[str]:
    """Every command of the program, in full: `site list`."""
    group = typer.main.get_command(app)
    found: set[str] = set()
    for name, command in group.commands.items():  # type: ignore[attr-defined] # a group has commands
        found |= {f"{name} {inner}" for inner in getattr(command, "commands", {})}
        found |= {name} if getattr(command, "invoke_without_command", True) else set()
    return found


def test_there_are_documents_and_shown_commands() -> None:
    assert len(DOCUMENTS) >= 12
    assert {path.name for path in SHOWN} >= {"README.md", "README.zh.md"}
    assert len(commands()) >= 12


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_shown_commands_print_what_is_shown(path: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "examples", tmp_path / "docs" / "examples")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "suanli"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m suanli "$@"\n')
    program.chmod(0o755)
    for block in CONSOLE.findall(path.read_text(encoding="utf-8")):
        for command, output in _shown(block):
            assert _lines(_run(command, tmp_path)) == _lines(output), command


def _shown(block: str) -> list[tuple[str, str]]:
    parts = re.split(r"^\$ (.*)$", block, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def _run(command: str, folder: Path) -> str:
    ours = {"PYTHONPATH": str(ROOT), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    environment = {**os.environ, **ours}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)  # noqa: S602 - our own document
    assert done.returncode == 0, done.stderr
    return done.stdout


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [command for command in sorted(commands()) if f"`suanli {command}`" not in text] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_no_command_that_does_not_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`suanli (?:--[a-z]+(?: [a-z./]+)? )*([a-z]+)(?: ([a-z]+))?", text)
    known = commands() | {command.split()[0] for command in commands()}
    assert [pair for pair in named if pair[0] not in known and " ".join(pair) not in known] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_each_guarantee_names_a_test_that_exists() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    tests = [
        re.findall(r"`(tests/[\w/]+\.py)`", row) for row in rows if "---" not in row and not row.startswith("| when")
    ]
    assert len(tests) >= 8
    assert all(tests)
    assert [name for row in tests for name in row if not (ROOT / name).exists()] == []
