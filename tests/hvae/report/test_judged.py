"""The report of judged images: what comes first, what is escaped, and that it fits into an e-mail."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from lightning_fabric import Fabric

from hvae.datasets import LOOSE, content_index
from hvae.measuring.reconstructions import reconstruct_repeatedly
from hvae.measuring.scorer import Scorer
from hvae.report.judged.document import MOST_ALARMS, JudgedImages, document, most_unusual, thumbnail
from hvae.report.judged.where import Where, diverging, through_scale, where
from hvae.runs.checkpoints import load_checkpoint
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.verdicts.asked import Settings
from tests.synthetic import make_run

HOSTILE = "<img src=x onerror=alert(1)>"


def judged(n: int = 1_000, side: int = 32) -> JudgedImages:
    random = np.random.default_rng(0)
    pictures = [thumbnail(random.integers(0, 256, (3, side, side), dtype=np.uint8)) for _ in range(10)]
    p = (np.arange(n)[::-1] + 1) / (n + 1)
    frame = pd.DataFrame({"name": [f"{HOSTILE} {number}" for number in range(n)], "p": p, "alarm": p <= 0.05})
    frame = frame.assign(verdict=np.where(frame["alarm"], "unusual", "no alarm"), caveats="", differs_at="r_1")
    frame.loc[n - 1, "caveats"] = "blank: all pixels are alike"
    frame["joint: log p"], frame["joint: r_1"] = 1.5, 3.0
    shown = {"name": ("name", "%s"), "verdict": ("verdict", "%s"), "p": ("p", "%.4f")}
    return JudgedImages(
        "a_run", "Look at them.", ["The budget is 5 %."], "It catches 90 % of MNIST.", frame,
        pictures * (n // 10), shown, ["joint: log p", "joint: r_1"], {"alpha": 0.05, "note": HOSTILE}, ["few"],
        [("x.png", HOSTILE)],
    )  # fmt: skip


def test_a_report_of_a_thousand_images_is_read_from_the_top_and_fits_into_an_e_mail() -> None:
    found = judged()
    text = document(found, datetime(2026, 3, 7))
    assert 500_000 < len(text.encode()) < 2_000_000
    wanted = (
        "7 March 2026",
        "Look at them.",
        "The budget is 5&nbsp;%.",
        "It catches 90&nbsp;%",
        "not proven to be fine",
    )
    wanted += (
        "1 image doubtful before any verdict: blank",
        "12 most unusual of 50 alarms",
        "of 1,000 images",
        "x.png",
        "How it was made",
    )
    places = [text.index(one) for one in wanted]
    assert places == sorted(places)
    assert "<img src=x" not in text and "&lt;img src=x" in text and "http" not in text and "<script" not in text
    articles = text.split("<article>")[1:]
    assert len(articles) == MOST_ALARMS and "onerror=alert(1)&gt; 999" in articles[0]
    bars = [int(one) for one in re.findall(r"width:(\d+)%", articles[0])]
    assert bars == [50, 100]
    shown = int(text.split(" of 1,000 images</h2>")[0].rsplit(">", 1)[1].replace(",", ""))
    assert text.count("<tr") == shown + 6 and shown > 400


def test_what_does_not_fit_is_counted_and_maps_of_large_colour_images_fit() -> None:
    found = judged(4_000, side=64)
    rows = most_unusual(found.frame)
    random = np.random.default_rng(1)
    maps = {row: random.normal(scale=4, size=(64, 64)) for row in rows}
    text = document(replace(found, where=Where(maps, k=2, most=25.0, draws=16)))
    assert len(text.encode()) < 2_000_000 and "of 4,000 images" in text and "as many as fit" in text
    assert text.count("<figure>") == text.count("<figcaption>") == MOST_ALARMS == len(rows)
    assert "z<sub>1</sub> to z<sub>2</sub> from the prior (k = 2), the mean of 16 draws, in nats" in text
    assert "\N{MINUS SIGN}25 nats: predicted better" in text and "25 nats or more: the image was needed" in text
    total = f"{maps[rows[0]].sum():+,.1f} nats".replace("-", "\N{MINUS SIGN}")
    assert f"<figcaption>{total}</figcaption>" in text.split("<article>")[1]
    assert "http" not in text and "<script" not in text


def test_the_table_is_in_order_and_says_doubts_by_kind_and_an_alarm_by_its_name() -> None:
    found = judged(100)
    # All have one p, as nearly all alarms of a strange set have: the last is furthest out.
    frame = found.frame.assign(p=0.0007, T=-np.arange(100.0), tags="", note="")
    doubts = [f"bits: of {n} bits; if not, save it with 8; aspect: another than 28 x 28" for n in (10, 12)]
    frame.loc[[98, 99], "caveats"] = doubts
    frame.loc[99, ["tags", "note"]] = HOSTILE, "first\nsecond"
    shown = found.shown | {"doubts": ("caveats", "%s")}
    text = document(replace(found, frame=frame, shown=shown))
    listed, table = text.split("of 100 images</h2>")
    assert "2 images doubtful before any verdict: bits: such as: of 10 bits; if not, save it with 8</li>" in listed
    first, *others = re.findall(r'<tr class="(alarm|)">(.*?)</tr>', table, re.DOTALL)
    for said in (listed, table):
        assert (found := re.findall(r"\)&gt; (\d+)</b>", said)) == ["99", "98", "97", "96", "95"], found
    noted = f"<small>{html.escape(HOSTILE)}</small><small>first\nsecond</small>"
    assert f"<b>{html.escape(HOSTILE)} 99</b>{noted}</td>" in first[1] and "<td>bits, aspect</td>" in first[1]
    assert all(("<b>" in row) == (kind == "alarm") for kind, row in (first, *others))


def test_no_map_leaves_no_box_and_missing_weights_are_one_sentence() -> None:
    found = judged(100)
    assert "<figure" not in document(found) and "from the prior" not in document(found)
    settings = Settings(
        run="gone", setting=Setting(), source="", image_shape=(1, 28, 28), fit="pad", invert=False, score="llr",
        depth=2, statistic="rank",
    )  # fmt: skip
    images = {0: np.zeros((1, 28, 28), np.uint8)}
    why = "Where in the image the evidence lies is not shown: the weights of gone are not here."
    lost = where(None, settings, images)
    assert lost.missing == why
    text = document(replace(found, where=lost))
    assert text.count(why) == 1 and "<figure" not in text
    flow = settings.model_copy(update={"depth": 0, "score": "bound"})
    for nothing in (where(None, flow, images), where(None, settings, {})):
        assert not nothing.maps and not nothing.missing


def test_the_scale_is_diverging_and_clips() -> None:
    colours = diverging().astype(int)
    assert colours.shape == (256, 3)
    middle = through_scale(np.array([[0.0, -99.0, 99.0]]), -7, 7, diverging())[0].astype(int)
    assert np.ptp(middle[0]) < 8 and middle[0].min() > 240, "what changes nothing is nearly white"
    assert middle[1].tolist() == colours[0].tolist() and middle[2].tolist() == colours[-1].tolist()
    assert colours[0, 2] > colours[0, 0] and colours[-1, 0] > colours[-1, 2], "violet below, orange above"


def test_maps_are_of_the_noise_that_judged(tmp_path: Path) -> None:
    path = make_run(tmp_path, "toy", depth=2, trained=True)
    run, images = find_run("toy", [tmp_path]), np.random.default_rng(2).integers(0, 256, (3, 1, 28, 28), np.uint8)
    index, found = np.array([content_index(one) for one in images]), []
    for how in (Setting(draws=2), Setting(draws=2, noise=2)):
        settings = Settings(
            run="toy", setting=how, source="", image_shape=(1, 28, 28), fit="pad", invert=False, score="llr",
            depth=2, statistic="rank",
        )  # fmt: skip
        walked = reconstruct_repeatedly(
            load_checkpoint(path).layered("reconstruct"), images, index, preprocessing="binarise", key=LOOSE,
            draws=2, noise=how.noise,
        )  # fmt: skip
        scorer = Scorer(path, how, Fabric(accelerator="cpu", devices=1))
        means = dict(zip(scorer.columns, scorer.values(images, LOOSE, index).mean(0).T, strict=True))
        # Random weights: values of 10^6 nats, in which fp32 holds five digits.
        np.testing.assert_allclose(walked.bounds.mean(0)[1], means["L>1"], rtol=1e-5)
        found.append(where(run, settings, dict(enumerate(images))).maps)
        for row, lost in found[-1].items():
            np.testing.assert_array_equal(lost, walked.maps("log p(x|z) lost")[1, row])
    assert all(not np.array_equal(found[0][row], found[1][row]) for row in range(3))
