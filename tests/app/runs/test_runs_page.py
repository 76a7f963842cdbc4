"""The runs page: states, learning curves, score tables, commands, imports, and a run that disappears."""

import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from app.figures import learning
from app.frame import parts
from app.runs import imports
from app.runs.curves import progress
from app.runs.imports import Outcome, bring
from app.runs.tables import listed
from app.server import access
from hvae.files import run_lock
from hvae.runs.folders import find_run
from hvae.runs.score_tables import METADATA_KEY
from hvae.runs.states import run_state
from tests.app.conftest import sound
from tests.synthetic import make_run, make_tables


def test_no_run_at_all(root, visit):
    text = sound(visit("runs", run="lost", quantity="?"))
    assert "No run was found" in text and "hvae train fashionmnist-lite --seed 0" in text and "`lost`" in text


def test_every_state_and_a_run_deleted_while_open(root, visit):
    make_tables(make_run(root, "alone"), ("fashionmnist", "mnist"), n=20, parts=False)
    (root / "alone" / "scores" / "mnist.test.mean.S1.R1.seed0.parquet").write_bytes(b"PAR1 nothing")
    (root / "alone" / "scores" / "digits.all.mean.S1.R1.seed0.parquet").write_bytes(b"PAR1 <b>nothing</b>")
    make_run(root, "live", depth=5)
    (root / "broken").mkdir()
    (root / "broken" / "config.json").write_text('{"schema_version": 1, "<script>alert(1)</script>": 0}')
    with run_lock(root / "live"):
        text = sound(visit("runs", run="live"))
        for state in ("tables only", "training now", "damaged"):
            assert f">{state}</span>" in text
        assert "<script>" not in text and "model.safetensors is missing" in text
        app = visit("runs", run="live", versus="alone", about=parts.LEARNING, quantity="active units")
        text = sound(app)
    assert "live is being trained: 4 of 4 epochs done; 480 images/s" in text
    assert "ELBO, higher = better. live: best at epoch" in text and "; alone: best" in text
    assert "quantity=active+units" in text, "the link to copy spells the quantity out"
    app.segmented_control(key="about").set_value(parts.TABLES).run()
    assert "live has no scores yet." in sound(app)
    shutil.rmtree(root / "live")
    text = sound(app.run())
    assert "The run `live` is gone" in text
    app.selectbox(key="run").select("alone").run()
    text = sound(app)
    assert text.count(">cannot be used</span>") == 2 and "is no readable parquet file" in text
    assert "hvae score alone --data mnist --split test" in text
    app.selectbox(key="run").select("broken").run()
    assert "broken is damaged" in sound(app)


def test_what_an_import_did_is_said_once(root, visit, monkeypatch):
    make_run(root, "first")
    app = visit("runs", about=parts.IMPORT)
    asked: list[tuple] = []

    def answered(source: Path, name: str, options=()) -> Outcome:
        asked.append((source, name))
        return Outcome(None, ("<b>evil.sh</b> is no file of a run",)) if name else Outcome("first", ("a note",))

    monkeypatch.setattr(imports, "bring", answered)
    app.text_input(key="_path_name").set_value("../x")
    path = next(one for one in app.text_input if one.label.startswith("Folder"))
    path.set_value("/some/run")
    button = next(one for one in app.button if one.label == "Import from path")
    text = sound(button.click().run())
    assert asked == [(Path("/some/run"), "../x")]
    assert "nothing of it was kept" in text and any("evil.sh" in one.value for one in app.code)
    app.text_input(key="_path_name").set_value("")
    button = next(one for one in app.button if one.label == "Import from path")
    assert "Imported as `first`" in sound(button.click().run())
    assert "Imported" not in sound(app.run())


def test_only_this_computer_may_name_paths(root, visit, monkeypatch):
    make_run(root, "first")
    monkeypatch.setattr(access, "may_name_paths", lambda: False)
    app = visit("runs", about=parts.IMPORT)
    assert "it opens no paths" in sound(app)
    assert not any(one.label.startswith("Folder") for one in app.text_input)


def test_an_import_runs_in_a_process_of_its_own(root, tmp_path):
    source = make_run(tmp_path / "elsewhere", "passed-on")
    assert bring(source, "").run == "passed-on"
    refused = bring(source, "-x/../y")
    assert refused.run is None and "is no name for a run" in refused.lines[0]
    assert [path.name for path in root.iterdir()] == ["passed-on"]


def test_progress_in_words(root):
    run = make_run(root, "live")
    table = pd.read_csv(run / "history.csv")
    table.iloc[:2].to_csv(run / "history.csv", index=False)
    now = (run / "history.csv").stat().st_mtime + 20
    entry = find_run("live")
    said = progress(entry, run_state(entry), now)
    # 390 steps of 128 images at 480 images/s, twice, less the 20 seconds since.
    assert said == "live is being trained: 2 of 4 epochs done; 480 images/s, about 0:03:08 left; updated 20 s ago."
    (run / "history.csv").unlink()
    assert "0 of 4 epochs done; updated" in progress(entry, run_state(entry), time.time())


def test_score_tables_are_listed_with_what_is_wrong(root, visit):
    run = make_run(root, "a run")
    other, empty, older = make_tables(run, ("mnist",), n=20, draws=(1, 2, 4))
    make_run(root, "a run", trained=True)
    (sound_one,) = make_tables(run, ("digits",), n=20, parts=False)
    empty.write_bytes(b"")
    content = pq.read_table(older)
    metadata = content.schema.metadata[METADATA_KEY].replace(b'"schema_version":3', b'"schema_version":1')
    pq.write_table(content.replace_schema_metadata({METADATA_KEY: metadata}), older)
    rows = listed(find_run("a run")).set_index("file")
    good = rows.loc[sound_one.name]
    assert (good["problem"], good["images"], good["data"], good["split"]) == ("", 20, "digits", "all")
    assert rows.loc[other.name, "problem"].endswith("made with other weights than the run has now: score it again")
    assert rows.loc[other.name, "command"].endswith("--data mnist --split test --reading mean --samples 1 --draws 1")
    assert "no readable parquet" in rows.loc[empty.name, "problem"]
    assert rows.loc[empty.name, "command"].endswith("--samples 1 --draws 2")
    assert "of the older schema 1" in rows.loc[older.name, "problem"]
    assert rows.loc[older.name, "command"] == "hvae runs upgrade 'a run'"
    text = sound(visit("runs", about=parts.TABLES))
    assert text.count(">cannot be used</span>") == len(rows) - 1 and "hvae runs upgrade 'a run'" in text
    assert "of the older schema 1" in sound(visit("runs")), "every part of the page names what cannot be used"


def test_curves_are_thinned_and_keep_both_ends():
    history = pd.DataFrame({"epoch": np.arange(1, 5001), "elbo": np.linspace(-400, -200, 5000)})
    history["log_ratio_1"] = -3.0
    history["log_ratio_10"] = -1.0
    thin = learning.thinned(history)
    assert len(thin) == learning.MOST_POINTS
    assert thin["epoch"].iloc[0] == 1 and thin["epoch"].iloc[-1] == 5000
    figure = learning.strips({"a": history}, "KL", "title")
    assert list(learning.rows_of({"a": history}, "KL")) == ["log_ratio_1", "log_ratio_10"]
    assert [trace.y[0] for trace in figure.data] == [3.0, 1.0]
    assert learning.rows_of({"a": history}, "active units") == {}
    assert len(learning.table({"a": history, "b": history})) == 10_000, "the numbers are never thinned"
    (curve,) = learning.elbo({"long-" * 20 + "&amp;": history}, "title", "ELBO").data
    assert curve.name == "long-long-long-long-…long-long-&amp;, validation images", "or the legend hides the figure"
    assert "long-" * 20 in curve.hovertemplate
