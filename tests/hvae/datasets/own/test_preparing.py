"""Scans and photographs: what is done to them before a model sees them, and what it cannot know of them."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from hvae.datasets import layout, load
from hvae.datasets.own.doubts import doubts, of_image
from hvae.datasets.own.outside import Named, Picture, collect, read_picture
from hvae.datasets.own.preparing import SCAN, STEPS, Treatment, steps_of, usual_fit
from hvae.errors import DataError
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.verdicts.choice import PIXELS
from hvae.verdicts.judge import Judge
from hvae.verdicts.rule import rule

# What a pen does for each digit, in hundredths of the sheet.
STROKES = (
    [(50, 15), (30, 25), (25, 50), (30, 75), (50, 85), (70, 75), (75, 50), (70, 25), (50, 15)],
    [(40, 30), (55, 15), (55, 85)],
    [(28, 30), (40, 16), (60, 16), (70, 30), (62, 48), (28, 84), (74, 84)],
    [(28, 22), (48, 14), (66, 24), (62, 42), (45, 48), (64, 54), (70, 70), (55, 84), (28, 78)],
    [(60, 85), (60, 15), (25, 62), (78, 62)],
    [(70, 16), (34, 16), (30, 46), (54, 42), (70, 56), (66, 76), (48, 86), (28, 78)],
    [(64, 16), (42, 34), (30, 60), (38, 82), (58, 84), (68, 68), (58, 54), (34, 62)],
    [(26, 18), (74, 18), (46, 86)],
    [(50, 48), (32, 36), (34, 20), (50, 14), (66, 20), (68, 36), (50, 48), (30, 62), (32, 80), (50, 86), (68, 80),
     (70, 62), (50, 48)],
    [(68, 36), (52, 46), (34, 38), (34, 22), (52, 14), (68, 24), (68, 40), (60, 86)],
)  # fmt: skip
HOW = Treatment((1, 28, 28), "extend", like="mnist")
AS_SCAN = Treatment((1, 28, 28), "extend", steps=STEPS, like="mnist")


def png(pixels: np.ndarray | Image.Image) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def scan(digit: int, width: int = 10) -> bytes:
    """A digit in dark ink somewhere on slightly grey paper, lit from one side, with the grain of a scanner."""
    generator = np.random.default_rng(digit)
    sheet = Image.new("L", (200, 200), 225)
    across, down = generator.integers(20, 70, 2)
    points = [(across + x, down + y) for x, y in STROKES[digit]]
    pen = ImageDraw.Draw(sheet)
    pen.line(points, fill=40, width=width, joint="curve")
    for x, y in points:
        pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=40)
    light = np.linspace(-12, 12, 200) + generator.normal(0, 3, (200, 200))
    values = np.asarray(sheet.filter(ImageFilter.GaussianBlur(1))) + light
    return png(np.clip(values, 0, 255).round().astype(np.uint8))


@pytest.fixture(scope="module")
def digits_judge() -> Judge:
    run = find_run("mnist-lite-seed0")
    return Judge(run, rule(catalogue(run)), accelerator="cpu")


def test_ten_scanned_digits_raise_hardly_an_alarm_once_they_are_prepared(digits_judge: Judge) -> None:
    sheets = [scan(digit) for digit in range(10)]
    raw = [read_picture(sheet, "raw", HOW) for sheet in sheets]
    prepared = [read_picture(sheet, "scan", AS_SCAN) for sheet in sheets]
    assert all([one.kind for one in picture.caveats] == ["light-border"] for picture in raw)
    assert not any(picture.caveats for picture in prepared)
    alarms = [digits_judge(np.stack([one.image for one in some]), 0.05)["ood"].sum() for some in (raw, prepared)]
    assert alarms[0] >= 9 and alarms[1] <= 1


def test_a_prepared_scan_lies_as_the_training_images_do() -> None:
    picture = read_picture(scan(3), "three", AS_SCAN)
    ink = picture.image[0] > 127
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    assert 18 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    mass = picture.image[0].astype(float)
    middle = [float(np.average(np.arange(28), weights=mass.sum(axis=1 - axis))) for axis in (0, 1)]
    np.testing.assert_allclose(middle, 13.5, atol=0.75)
    assert (picture.image[0, 0] == 0).all() and picture.image.max() == 255
    assert picture.changes[:4] == (
        "inverted (light border)", "background levelled", "cropped to the ink", "centred as the training images are"
    )  # fmt: skip


def test_light_on_black_stays_so_as_a_scan() -> None:
    image = load("digits", "all").images[0]
    picture = read_picture(png(image[0]), "digit", AS_SCAN)
    assert "inverted" not in " ".join(picture.changes) and np.median(picture.image) == 0


@pytest.mark.parametrize(
    ("pixels", "how", "kinds"),
    [
        (np.zeros((50, 50), np.uint8), HOW, ["one-value"]),
        (np.full((50, 50), 255, np.uint8), AS_SCAN, ["one-value"]),
        (np.full((50, 50, 3), 90, np.uint8), Treatment((3, 32, 32), like="cifar10"), ["one-value"]),
        (np.tile(np.arange(0, 200, 2, dtype=np.uint8), (50, 1)), HOW, ["aspect"]),
        (np.tile(np.arange(0, 200, 2, dtype=np.uint8), (50, 1)), Treatment((1, 28, 28), like="folder:mine"), []),
    ],
)
def test_what_cannot_be_known_is_said_by_kind(pixels: np.ndarray, how: Treatment, kinds: list[str]) -> None:
    assert [one.kind for one in read_picture(png(pixels), "x", how).caveats] == kinds


def test_a_colour_photograph_is_squeezed_and_a_small_one_loses_its_colours() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    for side, kind in ((300, "photograph"), (28, "colour-lost")):
        photo = np.asarray(Image.fromarray(colours).resize((side, side)))
        found = [one.kind for one in doubts(photo, (side, side), np.zeros((1, 28, 28), np.uint8), HOW)]
        assert kind in found
    assert not doubts(photo, (28, 28), np.moveaxis(photo, 2, 0), Treatment((3, 28, 28), like="cifar10"))


def test_black_ink_on_nothing_lies_on_white_and_nothing_at_all_is_blank() -> None:
    picture = Image.new("RGBA", (60, 60))
    assert "one-value" in [one.kind for one in read_picture(png(picture), "nothing", HOW).caveats]
    ImageDraw.Draw(picture).line([10, 10, 50, 50], fill=(0, 0, 0, 255), width=6)
    plain, scanned = (read_picture(png(picture), "ink", how) for how in (HOW, AS_SCAN))
    assert plain.changes[0] == scanned.changes[0] == "alpha composited on white"
    assert [one.kind for one in plain.caveats] == ["light-border"] and not scanned.caveats
    assert plain.image[0, 14, 14] == 0 and scanned.image.max() == 255 and scanned.image[0, 0, 0] == 0
    ImageDraw.Draw(picture).line([10, 50, 50, 10], fill=(255, 255, 255, 255), width=6)
    assert read_picture(png(picture), "both", HOW).changes[0] == "alpha composited on black", "it shows there"


def test_arrays_are_doubted_by_their_pixels_alone(digits_judge: Judge) -> None:
    frame = digits_judge(np.stack([np.zeros((1, 28, 28), np.uint8), load("digits", "all").images[0]]), 0.05)
    assert frame["caveats"].iloc[0].startswith("one-value: ") and frame["caveats"].iloc[1] == ""
    assert not of_image(load("digits", "all").images[0], HOW)


def test_no_blank_image_passes_and_its_pixels_are_named(digits_judge: Judge) -> None:
    values = (0, 20, 60, 128, 255)
    frame = digits_judge(np.stack([np.full((1, 28, 28), value, np.uint8) for value in values]), 0.05)
    assert frame["ood"].all() and PIXELS in set(frame["decided_by"])
    assert any("in its pixels" in said for said in frame["verdict"])


def test_single_files_may_have_a_treatment_of_their_own_and_others_be_passed_over() -> None:
    files = [Named(f"{digit}.png", scan(digit)) for digit in range(4)]
    whole = list(collect(files, HOW, chosen={2: AS_SCAN}))
    assert [isinstance(one, Picture) and "cropped to the ink" in one.changes for one in whole] == [
        False,
        False,
        True,
        False,
    ]
    (third,) = collect(files, HOW, chosen={2: AS_SCAN}, only=range(2, 3))
    assert isinstance(third, Picture) and (third.image == whole[2].image).all()


def test_steps_and_fits_have_names() -> None:
    assert steps_of([SCAN]) == STEPS and steps_of(["crop", "auto-invert"]) == ("auto-invert", "crop")
    with pytest.raises(DataError, match="cannot be prepared by 'crob'"):
        steps_of(["crob"])
    assert [usual_fit(name) for name in ("mnist", "mnist-as-32x32-colour", "folder:x", "")] == ["extend", *["pad"] * 3]
    assert layout("mnist").by_mass and not layout("folder:mnist").light_on_dark


def photograph(seed: int) -> Image.Image:
    """A smooth scene in colour, of the aspect of a camera."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    scene = np.asarray(Image.fromarray(small).resize((400, 300), Image.Resampling.BICUBIC)).astype(float)
    return Image.fromarray(np.clip(scene + generator.normal(0, 8, scene.shape), 0, 255).astype(np.uint8))


def screenshot(seed: int) -> Image.Image:
    """A window with a bar, a margin and lines of words, dark in every other one."""
    generator = np.random.default_rng(seed)
    ground, ink = ((30, 30, 34), (220, 220, 220)) if seed % 2 else ((255, 255, 255), (30, 30, 30))
    shot = Image.new("RGB", (640, 400), ground)
    pen = ImageDraw.Draw(shot)
    pen.rectangle([0, 0, 640, 30], fill=(40, 90, 160))
    for y in range(45, 390, 11):
        x = 130
        while (end := x + int(generator.integers(10, 45))) < 620:
            pen.rectangle([x, y, end, y + 4], fill=ink)
            x = end + 5
    return shot


def test_photographs_and_screenshots_do_not_pass_the_clothing_model() -> None:
    run = find_run("fashionmnist-lite-seed0")
    judge = Judge(run, rule(catalogue(run)), accelerator="cpu")
    how = Treatment((1, 28, 28), usual_fit("fashionmnist"), like="fashionmnist")
    pictures = [read_picture(png(make(seed)), "x", how) for make in (photograph, screenshot) for seed in range(8)]
    frame = judge(np.stack([one.image for one in pictures]), 0.05, [one.caveats for one in pictures])
    assert (~frame["ood"]).sum() <= 2
    assert (frame["caveats"] != "").all()
