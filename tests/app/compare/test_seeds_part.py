"""Seeds on Compare, Overview and Scores: one row for all of them, and the images that all miss."""

from __future__ import annotations

import re
from pathlib import Path

from hvae import stats
from hvae.runs.score_tables import ScoreTable, read_table, write_table
from tests.app.conftest import html_of, sound
from tests.synthetic import make_run, make_tables


def test_seeds_are_one_row_and_what_all_miss_is_shown(root: Path, visit) -> None:
    areas = []
    for seed in range(2):
        run = make_run(root, f"lite-seed{seed}", seed=seed, depth=2)
        for path in make_tables(run, ("fashionmnist", "mnist"), n=60, seed=seed):
            table = read_table(path)
            path.unlink()
            write_table(run, ScoreTable(table.frame, table.metadata.model_copy(update={"seed": 0})))
        own, other = (
            read_table(run / f"scores/{one}.test.mean.S1.R1.seed0.parquet") for one in ("fashionmnist", "mnist")
        )
        areas.append(stats.auroc(*(one.bound(0) - one.bound(1) for one in (own, other))).value)
    mean, spread = sum(areas) / 2, abs(areas[0] - areas[1]) / 2**0.5
    said = f"{mean:.3f} ± {spread:.3f}".replace("0.", ".")
    text = sound(
        visit("compare", run="lite-seed0", versus="lite-seed1", ood=["mnist"], by="Over seeds", score="llr", k="1")
    )
    assert "lite x 2 seeds" in text and said in text
    count = re.search(r"<strong>(\d+) of 60 images of MNIST</strong> are missed by every seed", text)
    assert count is not None and int(count[1]) < 60
    asked = {"run": "lite-seed0", "ood": ["mnist"], "score": "llr", "k": "1", "among": "mnist"}
    gallery = sound(visit("gallery", **asked, verdict="passes every seed"))
    assert f"{count[1]} images of MNIST, passed by every seed" in gallery
    app = visit("scores", run="lite-seed0", ood=["mnist"], score="llr", k="1")
    assert "The same over 2 seeds: mean ± spread" in [one.label for one in app.expander]
    app.session_state["scores-seeds"] = True
    assert said in html_of(app.run())
    app = visit("overview", run="lite-seed0", ood=["mnist"])
    app.session_state["overview-seeds"] = True
    assert said in html_of(app.run())
