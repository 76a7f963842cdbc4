"""What reaches a terminal, and how a command that is stopped ends."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
import typer
from rich.table import Table
from typer.testing import CliRunner

from hvae.cli.terminal import INTERRUPTED, FriendlyGroup, interruptible, say, show, strict_json, unwritable
from hvae.cli.training import going_on
from hvae.files import WriteError
from tests.hvae.commands import fail, invoke, succeed
from tests.synthetic import make_run

NASTY = "a\x1b]0;owned\x07\x9b31m[/red]\u202e\r\udcff"


def is_tame(text: str) -> bool:
    return all(one.isprintable() or one in "\n\t" for one in text)


def test_names_are_shown_tame(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one\n{NASTY}")
    table = Table(NASTY[:-1])
    table.add_row(NASTY[:-1])
    show(table)
    printed = capsys.readouterr().out
    assert is_tame(printed) and "owned" in printed and "[/red]" in printed
    assert json.loads(text := strict_json({NASTY[:-1]: 1})) == {NASTY[:-1]: 1} and is_tame(text)


def test_commands_show_them_tame(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    monkeypatch.setattr("hvae.runs.folders.BUNDLED_RUNS", tmp_path / "nowhere")
    make_run(tmp_path, "a\x1b[31mred[dim]")
    said = succeed("runs", "list").output
    assert is_tame(said) and "[dim]" in said.replace("\n", "")
    assert is_tame(fail("runs", "check", "\x1b[31m"))
    monkeypatch.setattr("hvae.runs.shards.shards_of", lambda _: {"t": [tmp_path / "folder" / "shard"]})
    monkeypatch.setattr("hvae.runs.shards.merge", lambda run, *_: (tmp_path / "folder").mkdir() or run / "t")
    monkeypatch.setattr("hvae.cli.scoring.tables.summary", lambda _: "")
    assert is_tame(succeed("merge", "a\x1b[31mred[dim]").output)
    assert is_tame(invoke("runs", "list", "--\x1b[31m").output.replace("\x1b[", ""))


def test_being_terminated_ends_as_ctrl_c_does() -> None:
    app = typer.Typer(cls=FriendlyGroup)

    @app.callback()
    def root() -> None: ...

    @app.command()
    def wait() -> None:
        with interruptible("continue so"):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    before = signal.getsignal(signal.SIGTERM)
    result = CliRunner().invoke(app, ["wait"])
    assert result.exit_code == INTERRUPTED and result.stderr == "stopped; continue so\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_hint_after_a_full_disk_fits_what_is_there(tmp_path) -> None:
    for there, then in ((False, "run the same command again"), (True, "continue with: hvae train x --resume")):
        if there:
            (tmp_path / "resume.safetensors").touch()
        with pytest.raises(WriteError, match=then), unwritable(lambda: going_on(tmp_path, "hvae train x --resume")):
            raise WriteError("could not write it: No space left on device; free some space")


def test_a_scoring_that_filled_the_disk_says_what_is_kept(tmp_path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise WriteError("could not write a chunk: No space left on device; free some space")

    monkeypatch.setattr("hvae.measuring.measure.score", full)
    run = make_run(tmp_path, "run", depth=2, trained=True)
    said = fail("score", run, "--data", "digits", "--device", "cpu")
    assert "free some space; finished chunks are kept: run the same command again to continue" in said
