"""Notes on images: kept whole or not at all, bounded, and never believed as they come."""

from __future__ import annotations

import json

import pytest

from hvae.errors import DataError
from hvae.runs import notes
from hvae.runs.importing import import_run
from hvae.runs.notes import NOTES_FILE, noted, read_notes, table, write_note
from tests.hvae.commands import succeed
from tests.synthetic import make_run, make_tables

MARKUP = "<img src=x onerror=alert(1)> **bold**\nsecond $line$"


def test_notes_are_kept_changed_and_taken_away(tmp_path):
    assert read_notes(tmp_path) == {}
    write_note(tmp_path, "mnist", 7, f"  {MARKUP} ", ["<b>odd</b>", " odd ", "odd", ""])
    write_note(tmp_path, "mnist", 10, "later", [])
    found = read_notes(tmp_path)["mnist:7"]
    assert (found.text, found.tags) == (MARKUP, ("<b>odd</b>", "odd")) and found.changed.endswith("Z")
    assert list(table(read_notes(tmp_path))["image"]) == ["mnist:7", "mnist:10"]
    write_note(tmp_path, "mnist", 7, " ", [" "])
    assert set(read_notes(tmp_path)) == {"mnist:10"}
    frame = table(read_notes(tmp_path))[["image"]]
    assert list(noted(frame, read_notes(tmp_path), ["mnist:10"])["note"]) == ["later"]
    assert noted(frame, read_notes(tmp_path), ["mnist:11"]) is frame


@pytest.mark.parametrize(
    ("text", "tags", "words"),
    [
        ("x" * 10_001, [], "it has 10,001 characters, at most 10,000"),
        ("", ["t" * 41], f"the tag '{'t' * 20}…' has 41 characters, at most 40 fit, so shorten it"),
        ("", [str(n) for n in range(13)], "it has 13 tags, at most 12 fit, so remove some"),
        ("a\x07b", [], "its text holds a char"),
        ("\u202egnp.exe", ["t" * 41, "a\tb"], r"its text .* \(U\+202E\), so type it anew; the tag .*; a tag .*U\+0009"),
        ("", ["a,b"], "the tag 'a,b' holds a comma"),
    ],
)
def test_what_cannot_be_kept_is_said_in_words_and_changes_nothing(tmp_path, text, tags, words):
    write_note(tmp_path, "mnist", 1, "kept", [])
    with pytest.raises(DataError, match=f"^this note cannot be kept: {words}") as said:
        write_note(tmp_path, "mnist", 1, text, tags)
    assert "String" not in str(said.value) and str(said.value).isprintable()
    with pytest.raises(DataError, match="keeps no note on such an image"):
        write_note(tmp_path, "../mnist", 1, "kept", [])
    assert read_notes(tmp_path)["mnist:1"].text == "kept"


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"schema_version":2,"notes":{}}', b'{"schema_version":1,"notes":{"a/b:1":{"text":"x"}}}', b"\xff"],
)
def test_a_damaged_file_is_refused_and_not_overwritten(tmp_path, content):
    (tmp_path / NOTES_FILE).write_bytes(content)
    for act in (lambda: read_notes(tmp_path), lambda: write_note(tmp_path, "mnist", 1, "x", [])):
        with pytest.raises(DataError, match="is damaged"):
            act()
    assert (tmp_path / NOTES_FILE).read_bytes() == content


def test_there_is_an_end_to_notes(tmp_path, monkeypatch):
    monkeypatch.setattr(notes, "MAXIMUM_BYTES", 300)
    write_note(tmp_path, "mnist", 1, "x", [])
    with pytest.raises(DataError, match="no room"):
        write_note(tmp_path, "mnist", 2, "x" * 300, [])
    (tmp_path / NOTES_FILE).write_text(json.dumps({"notes": {}}) + " " * 300)
    with pytest.raises(DataError, match="more than the"):
        read_notes(tmp_path)


def test_notes_travel_with_report_bundle_and_import(tmp_path, monkeypatch):
    monkeypatch.setenv("HVAE_RUNS", str(tmp_path))
    run = make_run(tmp_path, "noted")
    make_tables(run, ("fashionmnist", "mnist"), n=30)
    write_note(run, "mnist", 3, "a 7 | with 5 % ink", ["seven"])
    assert (
        "mnist:3,seven,a 7 | with 5 % ink" in succeed("report", "noted", "--table", "notes", "--format", "csv").stdout
    )
    assert r"a 7 | with 5 \% ink" in succeed("report", "noted", "--table", "notes", "--format", "latex").stdout
    succeed("runs", "bundle", "noted", tmp_path / "passed-on", "--without-weights")
    imported = import_run(tmp_path / "passed-on", tmp_path / "elsewhere", "again")
    assert read_notes(imported) == read_notes(run)
