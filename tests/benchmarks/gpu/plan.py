"""What is done in which order, for how long, and what of it is done already: apart from any GPU."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DONE, FAILED, BEGUN, WAITING = "done", "failed", "begun", "not measured"
RESULTS = "results.json"
LEAST_SHARE = 0.25
"""Of the time a task is given, below which it is not begun."""


class TimeIsUp(Exception):
    """What a task raises where its time is over before it is done; a further call goes on with it."""


@dataclass(frozen=True)
class Task:
    """A piece of work with its share of the time."""

    name: str
    seconds: float
    """In a call of eight minutes."""
    work: Callable[[float], list[dict[str, Any]]]
    """What it does until a moment of `time.monotonic`, and the rows that come of it."""
    ready: Callable[[], str] = lambda: ""
    """Why it cannot be done in this call, empty where it can."""


@dataclass
class State:
    """What came of each task, kept in files after every one of them."""

    paths: Sequence[Path]
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, paths: Sequence[Path], before: Path | None = None) -> State:
        """That of an earlier call which left it at one of the paths, or elsewhere."""
        for one in (*paths, before):
            if one is not None and one.exists():
                held = json.loads(one.read_text())
                return cls(paths, held["tasks"], held["about"])
        return cls(paths)

    def note(
        self, name: str, state: str, said: str = "", rows: Sequence[dict[str, Any]] = (), seconds: float = 0
    ) -> None:
        """Keep what came of a task; the rows of an earlier call stay where there are no new ones."""
        before = self.tasks.get(name, {})
        self.tasks[name] = {
            "state": state,
            "said": said,
            "seconds": round(before.get("seconds", 0) + seconds, 1),
            "rows": list(rows) or before.get("rows", []),
        }
        for path in self.paths:
            part = path.with_name(f".{path.name}.part")
            part.write_text(json.dumps({"about": self.about, "tasks": self.tasks}, indent=1))
            part.replace(path)

    def is_done(self, name: str) -> bool:
        return self.tasks.get(name, {}).get("state") == DONE

    def rows(self, name: str) -> list[dict[str, Any]]:
        return self.tasks.get(name, {}).get("rows", [])


def carry_out(
    tasks: Sequence[Task],
    state: State,
    until: float,
    clock: Callable[[], float] = time.monotonic,
    tell: Callable[[str], None] = print,
) -> None:
    """Every task that is not done, in order, each with its share of the time that is left; a failure stops no other."""
    left = []
    for task in tasks:
        if state.is_done(task.name):
            continue
        if why := task.ready():
            # What was begun before is no less begun.
            known = state.tasks.get(task.name, {}).get("state", WAITING)
            state.note(task.name, known, why)
        else:
            left.append(task)
    while left:
        task, now = left[0], clock()
        given = min((until - now) * task.seconds / sum(one.seconds for one in left), until - now)
        left = left[1:]
        if given < LEAST_SHARE * task.seconds:
            known = state.tasks.get(task.name, {}).get("state", WAITING)
            state.note(task.name, known, "no time was left: call again")
            continue
        tell(f"{task.name}: {given:.0f} s")
        try:
            rows, found, said = task.work(now + given), DONE, ""
        except TimeIsUp as error:
            rows, found, said = [], BEGUN, str(error) or "its time was over: call again"
        # Whatever it is, the rest is to be measured all the same, on a machine that is there only now.
        except Exception as error:
            rows, found, said = (
                [],
                FAILED,
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            )
        state.note(task.name, found, said, rows, clock() - now)
        tell(f"{task.name}: {found} {said}")


def page(state: State) -> str:
    """The rows of every task as tables in Markdown."""
    lines = [", ".join(f"{name} {value}" for name, value in state.about.items()), ""]
    for name, held in state.tasks.items():
        lines += [
            f"## {name}",
            "",
            f"{held['state']} after {held['seconds']} s{': ' * bool(held['said'])}{held['said']}",
            "",
        ]
        if rows := held["rows"]:
            titles = list(dict.fromkeys(title for row in rows for title in row))
            lines += [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
            lines += [f"| {' | '.join(_shown(row.get(title, '')) for title in titles)} |" for row in rows] + [""]
    return "\n".join(lines)


def _shown(value: object) -> str:
    return (
        f"{value:,.4g}"
        if isinstance(value, float) and abs(value) < 1000
        else f"{value:,.0f}"
        if isinstance(value, int | float)
        else str(value)
    )
