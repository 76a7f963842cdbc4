"""The robustness card on the page of runs: limits in words, a figure a family, or the command that measures it."""

from __future__ import annotations

from app.figures import robustness
from app.frame import parts
from app.looks.palette import Look
from hvae.datasets.families import FAMILIES
from hvae.datasets.looks import BLUE
from hvae.report.robustness import SEEN, rows_of
from hvae.runs.measured.cards import read_card
from tests.app.conftest import sound
from tests.synthetic import make_card, make_run


def test_without_a_card_the_page_says_the_command(root, visit):
    make_run(root, "fresh", depth=2, trained=True)
    text = sound(visit("runs", run="fresh", about=parts.ROBUSTNESS))
    assert "fresh has no robustness card yet" in text and "hvae score fresh --card" in text
    make_card(root / "fresh", weights="f" * 64)
    text = sound(visit("runs", run="fresh", about=parts.ROBUSTNESS))
    assert "was made with other weights" in text and "fresh has no robustness card yet" in text
    (root / "fresh" / "card" / "mean.S1.R1.seed0.parquet").write_bytes(b"PAR1 <b>nothing</b>")
    assert "hvae score fresh --card" in sound(visit("runs", run="fresh", about=parts.ROBUSTNESS))


def test_limits_and_a_figure_a_family(root, visit):
    make_card(make_run(root, "first"))
    app = visit("runs", run="first", about=parts.ROBUSTNESS)
    text = sound(app)
    assert "60 changed and 60 other test images of FashionMNIST" in text
    assert "<td>below 0.2 not seen</td><td>not seen up to 0.4</td><td>seen from 0.02 on (H)</td>" in text
    assert "Gaussian noise: below 0.2 not seen by joint" in text
    charts = [chart.proto.id for chart in app.get("plotly_chart")]
    assert len(charts) == len(FAMILIES) and "hvae report first --card" in text


def test_of_several_cards_one_is_chosen_in_the_address(root, visit):
    run = make_run(root, "first")
    make_card(run)
    make_card(run, draws=16)
    asked = "reading mean, S = 1, R = 16"
    text = sound(visit("runs", run="first", about=parts.ROBUSTNESS, card=asked))
    assert f"test images of FashionMNIST, {asked}." in text and "--draws 16" in text
    text = sound(visit("runs", run="first", about=parts.ROBUSTNESS, card="loud"))
    assert "`loud`, which is not available" in text and "R = 1." in text


def test_curves_have_bands_and_cases_have_bars(tmp_path):
    rows = rows_of(read_card(make_card(make_run(tmp_path, "made"))))
    for name in ("blur", "flip"):
        own = rows.query(f"family == {name!r} and shown == 'joint'")
        figure = robustness.curves(FAMILIES[name], {Look("joint", BLUE, "solid", "circle"): own}, SEEN, "title")
        curve = figure.data[-1]
        assert list(curve.y) == own["auroc"].tolist() and curve.line.color in (BLUE, None)
        if FAMILIES[name].names:
            assert len(figure.data) == 1 and list(figure.layout.xaxis.ticktext) == ["left-right", "upside down"]
            assert list(curve.customdata) == ["left-right", "upside down"]
            bars = curve.error_y
            ends = [(y - less, y + more) for y, less, more in zip(curve.y, bars.arrayminus, bars.array, strict=True)]
        else:
            band = figure.data[0]
            assert figure.layout.xaxis.title.text == "standard deviation in pixels" and band.fill == "toself"
            ends = [(low, high) for high, low in zip(band.y[: len(own)], band.y[len(own) :][::-1], strict=True)]
        for (low, high), row in zip(ends, own.itertuples(), strict=True):
            assert abs(low - row.auroc_low) < 1e-12 and abs(high - row.auroc_high) < 1e-12
