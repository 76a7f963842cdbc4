"""The page that explains the hierarchy, from the entry point, on tiny models with random weights."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.how_it_works import controls as examples
from app.how_it_works import terms as how_terms
from app.how_it_works.diagram import NOTES, diagram, spoken
from app.how_it_works.switches import Switches, computed_with
from app.how_it_works.terms import Terms
from hvae.datasets import load
from hvae.runs.folders import find_run
from hvae.runs.score_tables import read_table
from tests.app.conftest import sound
from tests.synthetic import make_run, make_tables


def terms(app: AppTest) -> list[list[str]]:
    """The rows of the sum as text."""
    table = next(one.proto.body for one in app.get("html") if "log p(x|z)</th>" in one.proto.body)
    body = table.split("<tbody>")[1]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def press(app: AppTest, label: str) -> AppTest:
    return app.button[[button.label for button in app.button].index(label)].click().run()


def test_switches_change_the_picture_and_the_sum_and_agree_with_the_score_table(root: Path, visit) -> None:
    from hvae.measuring.measure import score
    from hvae.runs.settings import Setting

    run = make_run(root, "clothes", trained=True)
    path = score(run, load("digits", "all"), Setting(seed=0), accelerator="cpu", devices=1)
    table = read_table(path)
    app = visit("how_it_works", example="digits:7", layers="pqq", data="digits", ood=["glyphs"])
    text = sound(app)
    assert not app.warning and not app.error
    assert "Digits (scikit-learn) 7: the same in the score table" in text
    assert "Sample 1 of the model" in text, "the model's own set is not on this machine"
    assert "is higher than that of" in text and "All images of the data sets" in text
    # The last cell of a row is the unfamiliar image; L>1 and LLR>1 of the sum are those of the table.
    rows = terms(app)
    assert [row[0] for row in rows] == [
        "log p(x|z)",
        *(f"+ log r<sub>{layer}</sub>" for layer in (1, 2, 3)),
        "= L → L<sup>&gt;1</sup>",
        "LLR<sup>&gt;1</sup> = L − L<sup>&gt;1</sup>",
    ]
    assert rows[1][2].endswith("skipped</span>") and "skipped" not in rows[2][2]
    shown = [float(re.findall(r"[−\d.]+", rows[row][2])[-1].replace("−", "-")) for row in (4, 5)]
    np.testing.assert_allclose(shown, [table.bound(1)[7], table.bound(0)[7] - table.bound(1)[7]], rtol=1e-4)
    before = next(one.proto.body for one in app.get("html") if "mosaic switched" in one.proto.body)

    turn(app, 2, "prior", "ppq")
    assert terms(app)[-1][0].startswith("LLR<sup>&gt;2</sup>")
    assert before not in [one.proto.body for one in app.get("html")]
    turn(app, 1, "q (image)", "qpq")
    assert "A mixed proposal: z<sub>2</sub> comes from the prior" in sound(app)
    turn(app, 2, "q (image)", "qqq")
    assert len(terms(app)) == 5
    assert "layers=qqq" in app.code[-1].value and "example=digits:7" in app.code[-1].value
    assert "hvae reconstruct clothes --data digits --split all --first 7 --count 1 --seed 0" in app.code[0].value
    press(app, "Resample")
    assert "another value in the score table" in sound(app)


def test_any_depth_and_colour(root: Path, visit) -> None:
    make_run(root, "deep", 10, (3, 32, 32), trained=True, data="cifar10", family="bidirectional")
    make_run(root, "flat", depth=1, trained=True, data="digits")
    app = visit("how_it_works", run="deep", layers="pqpqqqqqqq", example="sample:2")
    text = sound(app)
    assert not app.warning
    assert "Sample 2 of the model" in text and "Digits (scikit-learn) as 32x32 colour 0" in text
    assert "BU and TD" in text and "each z has two halves" in text
    assert len(terms(app)) == 10 + 3
    turn(app, 9, "prior", "pqpqqqqqpq")
    assert "skipped" in terms(app)[9][1]
    app.selectbox(key="run").select("flat").run()
    assert app.text_input(key="layers").value == "q"
    assert "A model of one layer" in sound(app)
    turn(app, 1, "prior", "p")
    assert "the same picture" in app.info[0].value


def turn(app: AppTest, layer: int, to: str, made: str) -> None:
    """Turn the switch of a layer, which makes another choice of all of them."""
    app.segmented_control(key=f"_z{layer}").set_value(to).run()
    assert app.text_input(key="layers").value == made


@pytest.mark.parametrize("state", ["no run", "tables only"])
def test_without_a_model_the_diagram_and_the_equations_are_there(state: str, root: Path, visit) -> None:
    if state == "tables only":
        make_tables(make_run(root, "bare"), ("fashionmnist", "mnist"), n=40, parts=False)
    app = visit("how_it_works", layers="qpp", example="mnist:0")
    text = sound(app)
    assert 'class="hierarchy"' in text and "L<sup>&lt;2</sup>" in text
    assert text.count("(eq. ") == 3 and r"\mathrm{LLR}^{>k}" in app.latex[2].value
    turn(app, 1, "prior", "ppp")
    turn(app, 3, "q (image)", "ppq")
    if state == "no run":
        assert "No run was found" in sound(app)
    else:
        said = sound(app)
        assert "bare: bundled without its weights, which would have to be" in said and "hvae runs check bare" in said
        assert "LLR<sup>&gt;2</sup>" in sound(app), "the means of the stored tables are shown"


def test_an_address_with_nonsense_is_said(root: Path, visit) -> None:
    make_run(root, "clothes", trained=True)
    app = visit("how_it_works", layers="qx", example="digits:99999", seed="-1")
    said = " ".join(one.value for one in app.warning)
    assert "`qx`" in said and "`digits:99999`" in said and "seed" in said
    sound(app)


def test_the_page_opens_at_its_beginning_with_the_pictures_first_and_one_way_to_set_a_layer(root: Path, visit) -> None:
    make_run(root, "clothes", trained=True)
    app = visit("how_it_works")
    text = sound(app)
    assert "layers=qqq" in app.code[-1].value and "With every level from the image, the model rebuilds both" in text
    assert [one.label for one in app.segmented_control] == ["z₃ from", "z₂ from", "z₁ from"]
    assert {one.label for one in app.button} == {"Inspect an image", "Resample"}
    assert not any("qqq" in one.options for one in app.selectbox)
    bodies = [one.proto.body for one in app.get("html")]
    drawn = [next(at for at, body in enumerate(bodies) if part in body) for part in ("mosaic switched", '"hierarchy"')]
    assert drawn == sorted(drawn)


def test_what_is_computed_together() -> None:
    assert set(computed_with("pq")) == {"qq", "qp", "pq", "pp"} and computed_with("p" * 9) == ("q" * 9, "p" * 9)
    assert computed_with("q" * 9) == ("q" * 9,)
    assert "z<sub>1</sub> to z<sub>5</sub> come" in Switches("pppppqqqqq").meaning


@pytest.mark.parametrize(
    ("layers", "forgotten", "kept", "symbol"),
    [
        ("qqq", 0, None, "L"),
        ("pqq", 1, None, "L<sup>&gt;1</sup>"),
        ("ppp", 3, None, "L<sup>&gt;3</sup>"),
        ("qqp", None, 2, "L<sup>&lt;3</sup>"),
        ("qpp", None, 1, "L<sup>&lt;2</sup>"),
        ("qpq", None, None, "L<sub>mixed</sub>"),
        ("pqp", None, None, "L<sub>mixed</sub>"),
    ],
)
def test_a_choice_knows_its_bound(layers: str, forgotten: int | None, kept: int | None, symbol: str) -> None:
    now = Switches(layers)
    assert (now.forgotten, now.kept, now.symbol) == (forgotten, kept, symbol)
    assert symbol in now.meaning or not symbol.strip("L") or "mixed" in now.meaning


def test_the_diagram_says_in_words_what_it_shows() -> None:
    assert spoken(Switches("pq")) == (
        "A model of two layers. On the way up the image gives z1 and z2. On the way down: z2 copied from the way up, "
        "z1 from the prior, then the rebuilt image. The bound adds log p(x|z) and log r2; skipped: log r1."
    )
    assert "z2 copied from the way up, z1 one half copied" in spoken(Switches("qq"), "bidirectional")
    assert "gives d1 and d2" in spoken(Switches("qq"), "ladder")
    ladder = diagram(Switches("pq"), "ladder")
    assert "d<sub>1</sub>" in ladder and "draws nothing" in ladder and "handed over" not in ladder
    drawn = diagram(Switches("qpp"))
    # What q says of layers 2 and 3 is used by nobody; colour never stands alone.
    assert drawn.count('class="node unused"') == 2
    assert drawn.count('class="node p"><em>p</em>') == 2 and drawn.count('class="node q"><em>q</em>') == 2


def test_a_family_that_is_new_has_a_diagram_too() -> None:
    """A stage joins by one file and one line; what the page can say of the known families is no condition."""
    assert "z1 taken from the image" in spoken(Switches("qp"), "new")
    assert diagram(Switches("qp"), "new").count("z1") == diagram(Switches("qp")).count("z1")


@pytest.mark.parametrize("family", ["ladder", "top-down"])
def test_a_family_whose_way_up_draws_nothing_gathers_features(family: str) -> None:
    said, drawn = spoken(Switches("qp"), family), diagram(Switches("qp"), family)
    assert "On the way up the image gives d1 and d2" in said and "z1 inferred from the layers above" in said
    assert "d<sub>1</sub>" in drawn and "merged" in drawn and NOTES[family].startswith("A ")


def test_a_familiar_image_stands_beside_an_unfamiliar_one(root: Path) -> None:
    run = find_run(str(make_run(root, "clothes")))
    sets = ["mnist", "digits", "fashionmnist"]
    assert examples.pair("digits:3", run, sets) == ("fashionmnist:0", "digits:3")
    assert examples.pair("fashionmnist:4", run, sets) == ("fashionmnist:4", "mnist:0")
    assert examples.pair("digits:3", run, sets[:2]) == ("sample:1", "digits:3")
    assert examples.pair("sample:2", run, sets[:2]) == ("sample:2", "mnist:0")
    for key in ("digits:1797", "digits:-1", "digits:007", "digits:²", "digits", "svhn:0", "digits:99999999"):
        assert not examples.is_image(key, ["digits"], run)
    assert examples.is_image("digits:1796", ["digits"], run)


def test_words_follow_the_numbers() -> None:
    def walked(before: float, after: float) -> dict[str, Terms]:
        picture = np.zeros((1, 2, 2), np.float32)
        full = Terms(picture, before, np.array([-3.0, -2.0]))
        none = np.array([np.nan, np.nan])
        return {"qq": full, "pq": Terms(picture, after, np.array([np.nan, -2.0])), "pp": Terms(picture, after, none)}

    both = [walked(-160, -170), walked(-80, -300)]
    assert "B is turned into something the model knows" in how_terms.what_to_see(("A", "B"), both, Switches("pq"))
    assert "not much further" in how_terms.what_to_see(("A", "B"), both[::-1], Switches("pq"))
    assert "comes out as the likelier" in how_terms.what_to_see(("A", "B"), both, Switches("qq"))
    assert "no sign" in how_terms.what_to_see(("A", "B"), both[::-1], Switches("qq"))
    assert "the same picture" in how_terms.what_to_see(("A", "B"), both, Switches("pp"))
    mixed = [{"qq": one["qq"], "qp": one["pq"]} for one in (walked(-160, -150), walked(-80, -81))]
    said = how_terms.what_to_see(("A", "B"), mixed, Switches("qp"))
    assert said.startswith("Log p(x|z) rises by 10.0 nats for A and falls by 1.0 nats for B.") and "price" in said
    frame = how_terms.numbers(("A", "B"), both)
    assert pd.isna(frame["log r1"][1]) and frame["sum"][1] == pytest.approx(-172)
    said = how_terms.agreement(("A", "B"), (-172, -302), (-172.0, None), Switches("pq"))
    assert said == "L<sup>&gt;1</sup> of A: the same in the score table (−172.00 nats)."


def test_the_latent_lab_changes_a_latent_and_says_what_answers(root: Path, visit) -> None:
    from hvae.measuring.measure import score
    from hvae.runs.settings import Setting

    run = make_run(root, "clothes", trained=True, data="digits")
    table = read_table(score(run, load("digits", "all"), Setting(seed=0), accelerator="cpu", devices=1))
    app = visit("how_it_works", example="digits:3", lab="exchange", z="z2", giver="digits:3")
    text = sound(app)
    assert not app.warning and "With z<sub>2</sub> of Digits (scikit-learn) 3, in nats" in text
    rows = lab_rows(app)
    assert [row[0] for row in rows] == ["as it is", "z₂", "z₂ to z₃", "every z"]
    # Its own latents change nothing, and as it is its numbers are those of the score table.
    assert all(row[1:] == rows[0][1:] for row in rows)
    shown = numbers(rows[0])
    bounds = [float(table.bound(k)[3]) for k in range(4)]
    wanted = [float(table.column("log_px")[3]), bounds[0], *(bounds[0] - bound for bound in bounds[1:])]
    np.testing.assert_allclose(shown, wanted, rtol=1e-4)
    assert "The joint score is fitted to images that are not scored" in text
    app.selectbox(key="giver-menu").set_value("glyphs:0").run()
    assert len({tuple(row[1:]) for row in lab_rows(app)}) == 4
    app.selectbox(key="lab").select("prior").run()
    assert len(lab_rows(app)) == 6 and "from its prior" in sound(app)
    app.selectbox(key="lab").select("traverse").run()
    app.selectbox(key="coordinate").select("1").run()
    assert [row[0] for row in lab_rows(app)] == ["−3", "−2", "−1", "as it is", "+1", "+2", "+3"]
    np.testing.assert_allclose(numbers(lab_rows(app)[3]), shown, rtol=1e-5)
    assert all(part in app.code[-1].value for part in ("lab=traverse", "z=z2", "coordinate=1"))


def lab_rows(app: AppTest) -> list[list[str]]:
    """The rows of the table of the latent lab."""
    table = next(one.proto.body for one in app.get("html") if ">variant</th>" in one.proto.body)
    body = table.split("<tbody>")[1].split("</tbody>")[0]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("</tr>")[:-1]]


def numbers(row: list[str]) -> list[float]:
    """The cells of a row of the latent lab behind its name."""
    return [float(cell.replace("−", "-")) for cell in row[1:]]
