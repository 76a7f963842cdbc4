"""What visitors write: notes on images and saved views, shown as text, kept on disk, refused on a read-only server."""

from __future__ import annotations

import json
from pathlib import Path

from streamlit.testing.v1 import AppTest

from app.saved import store
from hvae.runs.notes import read_notes, write_note
from tests.app.conftest import html_of, sound

TAG = "<b onclick=x>odd</b>"


def test_a_note_is_kept_shown_as_text_and_survives_a_new_session(clothes: Path, visit) -> None:
    app: AppTest = visit("scores", ood=["mnist"], image="fashionmnist:4", aspect="Notes")
    key = "note-clothes-fashionmnist-4"
    app.text_area(key=f"{key}-text").set_value("<script>1</script> a shoe")
    app.text_input(key=f"{key}-tags").set_value(f"{TAG}, shoe")
    pressed(app, "Save note")
    sound(app)
    assert read_notes(clothes)["fashionmnist:4"].tags == (TAG, "shoe")
    assert "Note: " in html_of(visit("scores", image="fashionmnist:4", aspect="Why")), "also beside another section"
    shown = html_of(visit("scores", image="fashionmnist:4", aspect="Notes"))
    assert "&lt;b onclick=x&gt;odd&lt;/b&gt;" in shown and "&lt;script&gt;1&lt;/script&gt; a shoe" in shown
    assert "<script>" not in shown and TAG not in shown
    assert "&lt;script&gt;" not in html_of(visit("scores", image="fashionmnist:5", aspect="Notes"))
    app = visit("scores", image="fashionmnist:5", aspect="Notes")
    for long, kept in (("&🦊" * 5000, True), ("x" * 10_001, False)):
        app.text_area(key="note-clothes-fashionmnist-5-text").set_value(long)
        pressed(app, "Save note")
        assert (read_notes(clothes).pop("fashionmnist:5").text == long) == kept
        assert any("10,000 characters" in one.value for one in app.error) != kept, "what is not kept is said"
    write_note(clothes, "fashionmnist", 5, "", [])
    notes = visit("runs", run="clothes", about="Notes")
    assert list(notes.dataframe[0].value["image"]) == ["fashionmnist:4"]


def test_a_read_only_server_shows_notes_and_views_and_says_why_none_is_added(
    clothes: Path, visit, tmp_path, monkeypatch
) -> None:
    (tmp_path / "limits.toml").write_text("read_only = true")
    monkeypatch.setenv("HVAE_LIMITS", str(tmp_path / "limits.toml"))
    write_note(clothes, "fashionmnist", 4, "seen before", [])
    app = visit("scores", image="fashionmnist:4", aspect="Notes")
    assert "seen before" in sound(app) and "No notes can be added" in sound(app)
    assert not any(one.label in ("Save note", "Save view") for one in app.button)


def test_views_are_saved_listed_and_say_what_is_gone(clothes: Path, visit) -> None:
    store.write("<i>mine</i>", store.View(page="scores", query="run=clothes&k=1&ood=mnist"))
    store.write("of old", store.View(page="compare", query="run=lost&versus=clothes"))
    assert list(store.read()) == ["<i>mine</i>", "of old"] and store.read()["of old"].runs == ["lost", "clothes"]
    app = visit("overview")
    app.session_state["saved-views"] = True
    app.run()
    text = sound(app)
    assert 'href="scores?run=clothes&amp;k=1&amp;ood=mnist"' in text and "&lt;i&gt;mine&lt;/i&gt;" in text
    assert "Gone: `lost`" in text and "Gone: `clothes`" not in text
    for name, why in (("", "it has no name yet, so type one first"), ("a\u202eb", "be seen")):
        app.text_input(key="save-view-name").set_value(name)
        pressed(app, "Save view")
        assert why in app.warning[0].value and "String" not in app.warning[0].value
    app.text_input(key="save-view-name").set_value("now")
    pressed(app, "Save view")
    assert not app.warning
    assert store.read()["now"].page == "overview" and "run=clothes" in store.read()["now"].query
    app.button(key="remove-view-1").click().run()
    assert list(store.read()) == ["<i>mine</i>", "now"]
    (clothes.parent / "views.json").write_text(json.dumps({"schema_version": 1, "views": {"x": {"page": "../x"}}}))
    assert "views.json is damaged" in "".join(one.value for one in app.run().error)


def pressed(app: AppTest, label: str) -> None:
    next(one for one in app.button if one.label == label).click().run()
