"""What the overview says first is true of every bundled run, and its picture is what the bundled weights give."""

import re

import pytest

from app.looks.wording import lowered
from app.overview import becoming, tables
from app.overview.sentence import sentence
from app.reading import loading
from app.reading.view import GUESSING, TELLS
from app.sidebar import sets_of
from hvae import stats
from hvae.runs.folders import BUNDLED_RUNS, RunEntry, find_runs
from hvae.scores import everything

SOON = ("cifar10-biva-lite-seed0", "fashionmnist-lite-seed0", "fashionmnist-vae8-seed1", "fashionmnist-vib-seed0")
RUNS = [
    pytest.param(run, id=run.name, marks=() if run.name in SOON else pytest.mark.slow)
    for run in find_runs()
    if run.path.parent == BUNDLED_RUNS
]


@pytest.mark.parametrize("run", RUNS)
def test_the_sentence_is_true_of_every_bundled_run(run: RunEntry) -> None:
    found = loading.catalogue(run)
    own, _, scored = sets_of(run)
    setting = found.settings(own)[0]
    entry = found.find(own, setting)
    assert entry is not None
    about = entry.metadata
    kinds = [one for one in everything(about.depth, about.preprocessing, about.task) if not one.model_free]
    views, _ = tables.given(found, own, [slug for slug in scored if slug != own], setting, kinds)
    said = sentence(views, tables.bounds(views))
    areas = {
        (one.measure.symbol, other.slug): 100 * stats.auroc(one.inside.scores, other.scores).value
        for one in views
        for other in one.outside
    }
    for symbol, pairs in re.findall(r"(LLR<sup>&gt;\d+</sup>|joint)[^;.]*?(\d+) of 100 pairs", said):
        near = [value for (name, _), value in areas.items() if name == symbol and abs(value - int(pairs)) <= 0.51]
        assert near, said
    for tells in re.findall(r"tells the two apart in (\d+)", said):
        assert int(tells) >= 100 * TELLS, said
    for fails in re.findall(r"fails there \((\d+)", said):
        assert int(fails) <= 100 * GUESSING, said
    for short in re.findall(r"ranks only (\d+)", said):
        assert 100 * GUESSING <= int(short) <= 100 * TELLS, said
    for best, name in re.findall(r"at best (\d+) of 100, by (.+)\)", said):
        slug, *_ = tables.nearest(tables.bounds(views)) or ("",)
        most = max(value for (_, other), value in areas.items() if other == slug)
        assert abs(most - int(best)) <= 0.51 and int(best) <= 100 * TELLS, (said, name)
    for best, pairs in re.findall(r"best score on these images, ([^<,(]+), tells the two apart in (\d+)", said):
        (title,) = {one.measure.score.title for one in views if lowered(one.measure.score.title) == best}
        of_it = [areas[one.measure.symbol, other.slug] for one in views for other in one.outside
                 if one.measure.score.title == title]  # fmt: skip
        assert any(abs(value - int(pairs)) <= 0.51 for value in of_it), said
    if "more likely than" in said and "none of the chosen" not in said:
        assert "tells the two apart" in said, "what fails, and which score tells them apart, or that none does"


def test_the_picture_that_opens_the_overview_stands_beside_the_sentence(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(becoming, "STORED", tmp_path / "becoming.png")
    assert becoming.hero("so it is") == '<p class="lead">so it is</p>'
    becoming.write(tmp_path / "becoming.png")
    drawn = becoming.hero("so it is")
    assert drawn.count("<img") == len(becoming.SHOWN) * len(becoming.HEADINGS) and "so it is" in drawn
    if (becoming.ROOT / "assets" / "becoming.png").is_file():
        assert (tmp_path / "becoming.png").read_bytes() == (becoming.ROOT / "assets" / "becoming.png").read_bytes()
