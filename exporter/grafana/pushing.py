"""Carries out what was looked at: the folder, the data sources, then board by board, each whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from exporter.grafana import rules
from exporter.grafana.client import Grafana
from exporter.grafana.mark import marked
from exporter.grafana.plan import BoardPlan, Plan, RulesPlan
from suanli import __version__
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, SuanliError
from suanli.model.message import Message, message_of


@dataclass(frozen=True, slots=True)
class Pushed:
    """One thing that was written. version: the board's new one, 0 for what has none; url: below Grafana's."""

    what: Message
    name: str
    version: int = 0
    url: str = ""


def refuse(plan: Plan, *, force: bool) -> None:
    """A Conflict that lists all that stands against this push; before anything is written."""
    by_hand = [] if force else plan.by_hand
    problems = list(plan.problems)
    problems += [Message("the board {uid} was changed by hand: {why}", uid=one.uid, why=one.why) for one in by_hand]
    if (edited := plan.rules_by_hand) and not force:
        problems.append(Message("the alert rules {name} were changed by hand: {why}", name=edited.name, why=edited.why))
    if problems:
        told = Message("nothing was pushed")
        if by_hand or (edited and not force):
            told = Message("nothing was pushed; look at `suanli grafana diff`, and overwrite with --force")
        raise Conflict(reduce(lambda before, one: Message("{before}\n  {one}", before=before, one=one), problems, told))


def push(grafana: Grafana, plan: Plan, *, force: bool = False) -> list[Pushed]:
    """Write what the plan says; nothing where Grafana has it already.

    Raises what `refuse` raises. Where Grafana refuses in the middle, its error also says what was pushed by then: each
    board is whole, and another push goes on from there.
    """
    refuse(plan, force=force)
    done: list[Pushed] = []
    try:
        _carry_out(grafana, plan, done)
    except SuanliError as error:
        raise _interrupted(error, done) from None
    return done


def _carry_out(grafana: Grafana, plan: Plan, done: list[Pushed]) -> None:
    """Step by step; each is noted once it is done."""
    if not plan.folder_found:
        grafana.create_folder(plan.folder.uid, plan.folder.title)
        done.append(Pushed(Message("folder"), plan.folder.title))
    for source in plan.sources:
        if source.state == "new" and source.body is not None:
            grafana.create_data_source(source.body)
            done.append(Pushed(Message("data source"), source.source.uid))
    for board in plan.boards:
        if board.state != "same":
            done.append(_save(grafana, board))  # noqa: PERF401 - where one fails, those before it are noted
    if plan.rules is not None and plan.rules.state != "same":
        done.append(_save_rules(grafana, plan.rules))


def _save(grafana: Grafana, plan: BoardPlan) -> Pushed:
    board: dict[str, Any] = marked(plan.wanted, plan.version + 1)
    if plan.found is not None:
        board |= {"id": plan.found["id"], "version": plan.version}
    answer = grafana.save_board(board, plan.folder, f"suanli {__version__} grafana push")
    return Pushed(Message("board"), plan.uid, int(answer["version"]), str(answer.get("url", "")))


def _save_rules(grafana: Grafana, plan: RulesPlan) -> Pushed:
    """The whole group at once. Last, as it takes more than an editor: boards are there whatever becomes of it."""
    if plan.state == "hidden":
        raise Forbidden(_left_out(plan.why))
    try:
        grafana.save_rule_group(plan.wanted["folderUid"], plan.name, rules.marked(plan.wanted))
    except Forbidden as error:
        raise Forbidden(_left_out(message_of(error))) from None
    kept = grafana.rule_group(plan.wanted["folderUid"], plan.name)
    if kept is None or rules.content(kept) != rules.content(plan.wanted):
        raise Conflict(
            Message("Grafana took the alert rules {name}, but says others now: look at them", name=plan.name)
        )
    return Pushed(Message("alert rules"), plan.name)


def _left_out(why: str) -> Message:
    return Message("{why}; no alert rule was pushed: give the token that, or leave them out with --no-alerts", why=why)


def _interrupted(error: SuanliError, done: list[Pushed]) -> SuanliError:
    """The same error, and with it the same exit code, with what was done before it."""
    parts = [Message("{what} {name}", what=one.what, name=one.name) for one in done] or [Message("nothing")]
    names = reduce(lambda before, one: Message("{before}, {one}", before=before, one=one), parts)
    told = Message("pushed before that: {names}; what is there is whole, and another push goes on from it", names=names)
    if isinstance(error, InputError):
        return InputError([*error.problems, Problem(told)])
    error.args = (Message("{error}\n{told}", error=message_of(error), told=told),)
    return error
