"""The Score images page in a browser: a whole folder is taken, and every file in it is answered for."""

import html
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

import hvae
from hvae.datasets.own.outside import Picture, collect
from tests.app.conftest import judging_run
from tests.browser.conftest import PATIENCE, ROOT, Visit, launch
from tests.browser.plots import spot_of, wait_for_chart
from tests.hvae.commands import invoke
from tests.hvae.datasets.own.test_preparing import AS_SCAN, photograph, png, scan, screenshot

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE)


def test_a_folder_is_scored_with_what_lies_below_it(chromium: str, visit: Callable[..., Visit], tmp_path: Path) -> None:
    judging_run(tmp_path / "runs", "clothes")
    (tmp_path / "mine" / "deeper").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("one.png", "two.png", "deeper/three.png"):
        Image.fromarray(rng.integers(0, 256, (28, 28), np.uint8)).save(tmp_path / "mine" / name)
    (tmp_path / "mine" / "broken.png").write_bytes(b"<html>")
    with launch(tmp_path / "runs", tmp_path / "data") as dashboard:
        visited = visit(dashboard, "/score_images?run=clothes&pictures=folder")
        page = visited.page
        visited.drop(tmp_path / "mine")
        page.get_by_role("button", name="Score them").click()
        expect(page.get_by_text(re.compile("of 3 images raises? an alarm at"))).to_be_visible()
        expect(page.get_by_text("mine.zip/broken.png").last).to_be_visible()
        expect(page.get_by_role("button", name="mine.zip through clothes, done")).to_be_visible()
        visited.settle()
        wait_for_chart(page, "uploaded-marks")
        assert {"mine.zip/deeper/three.png", "mine.zip/one.png"} <= set(marks_of(page))
        spot = spot_of(page, "uploaded-marks", *marks_of(page)["mine.zip/two.png"])
        page.mouse.move(spot["x"] - 40, spot["y"] - 30)
        page.mouse.move(spot["x"], spot["y"], steps=5)
        shown = page.locator(".hovered")
        expect(shown).to_be_visible()
        assert shown.evaluate("box => box.style.backgroundImage").startswith('url("data:image/webp')
        visited.sound()


def marks_of(page: Page) -> dict[str, tuple[int, int]]:
    """Trace and point of each image by its name, in the figure of all of them."""
    data = page.locator(".st-key-uploaded-marks .js-plotly-plot").evaluate("plot => plot.data.map(one => one.text)")
    return {name: (trace, point) for trace, names in enumerate(data) for point, name in enumerate(names or ())}


def product(seed: int) -> Image.Image:
    """A coloured thing on white."""
    picture = Image.new("RGB", (320, 320), "white")
    colour = tuple(np.random.default_rng(seed).integers(20, 200, 3).tolist())
    ImageDraw.Draw(picture).rounded_rectangle([60 + 9 * seed, 70, 250, 260 - 7 * seed], 30 + 5 * seed, fill=colour)
    return picture


def mixed(folder: Path) -> None:
    """42 files as people have them: 39 are images, of which 10 are scans of digits."""
    cross = Image.new("RGBA", (90, 90))
    ImageDraw.Draw(cross).line([20, 20, 70, 70], fill=(0, 0, 0, 255), width=8)
    small = np.asarray(Image.open(io.BytesIO(scan(4))).resize((28, 28)))
    files = {
        **{f"scan {digit}.png": scan(digit) for digit in range(10)},
        **{f"photo {seed}.png": png(photograph(seed)) for seed in range(8)},
        **{f"screen {seed}.PNG": png(screenshot(seed)) for seed in range(8)},
        **{f"product {seed}.png": png(product(seed)) for seed in range(5)},
        **{f"blank {value}.png": png(np.full((50, 50), value, np.uint8)) for value in (0, 128, 255)},
        "nothing.png": png(Image.new("RGBA", (50, 50))),
        "ink.png": png(cross),
        "cut.png": png(photograph(9))[:-2_000],
        "head alone.png": scan(1)[:60],
        "list.txt": b"bread, milk",
        "no suffix": scan(7),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Image.fromarray((255 - small).astype(np.uint16) * 257).save(folder / "white is 0.tif", tiffinfo={262: 0})
    Image.fromarray((small < 128).astype(np.uint8)).save(folder / "zero one.png")


def downloaded(page: Page, click: Callable[[], None], path: Path) -> Path:
    with page.expect_download() as download:
        click()
    download.value.save_as(path)
    return path


def rows_of(report: str) -> dict[str, tuple[bool, list[str]]]:
    """Whether each image of a report raises an alarm, and its cells."""
    found = {}
    for kind, row in re.findall(r'<tr class="(alarm|)">(.*?)</tr>', report, re.DOTALL):
        cells = [html.unescape(one) for one in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]
        if cells[0].startswith("<img"):
            found[re.sub("</?b>", "", cells[1])] = kind == "alarm", cells
    return found


def test_42_mixed_files_are_judged_alike_everywhere(
    chromium: str, visit: Callable[..., Visit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    mixed(Path("mine"))
    assert len(list(Path("mine").iterdir())) == 42
    result = invoke("score", "mnist-lite-seed0", "--images", "mine", "--prepare", "scan", "--device", "cpu", "--json")
    assert result.exit_code == 4, result.output
    (record,) = json.loads(result.stdout)
    pictures = [one for one in collect([Path("mine")], AS_SCAN) if isinstance(one, Picture)]
    frame = hvae.load("mnist-lite-seed0").judge(np.stack([one.image for one in pictures]))
    with launch(ROOT / "assets" / "runs", tmp_path / "data") as dashboard:
        visited = visit(dashboard, "/score_images?run=mnist-lite-seed0&pictures=folder&prepare=scan")
        page = visited.page
        page.locator("input[type=file]").set_input_files(tmp_path / "mine")
        page.get_by_role("button", name="Score them").click()
        expect(page.get_by_text("of 39 images raise an alarm").first).to_be_visible(timeout=6 * PATIENCE)
        visited.settle()
        table = downloaded(page, page.locator('[class*="st-key-verdicts-csv"] button').first.click, tmp_path / "t.csv")
        saved = downloaded(page, page.get_by_role("button", name="Download report").click, tmp_path / "r.html")
        expect(page.locator("body")).to_contain_text(record["conclusion"])
        visited.sound()
    report, csv = saved.read_text(), pd.read_csv(table, keep_default_na=False).set_index("name")
    shown = rows_of(report)
    assert len(record["images"]) == len(csv) == len(shown) == len(frame) == 39
    for image, picture, api in zip(record["images"], pictures, frame.itertuples(), strict=True):
        name = image["image"]
        row, (alarm, cells) = csv.loc[name], shown[name]
        assert picture.name == name and image["p"] == pytest.approx(api.p) == pytest.approx(row["p"])
        assert image["ood"] == api.ood == (row["alarm"] == "True" or row["alarm"] is np.True_) == alarm
        assert image["verdict"] == api.verdict == row["verdict"] and image["verdict"] in cells
        assert image["caveats"] == row["caveats"] and ", ".join(re.findall("([a-z-]+): ", image["caveats"])) in cells
        assert image["changes"] == row["changes"] and image["changes"] in cells
    refused = {one["image"]: one["reason"] for one in record["refused"]}
    assert set(refused) == {"mine/cut.png", "mine/head alone.png", "mine/list.txt"}
    assert record["conclusion"] in html.unescape(report)
    assert all(text in html.unescape(report) for pair in refused.items() for text in pair)
    quiet = [image["image"] for image in record["images"] if not image["ood"]]
    scans = [name for name in quiet if "scan" in name or "no suffix" in name]
    assert len(scans) >= 9 and not [name for name in quiet if re.search("photo|screen|product|blank|nothing", name)]
    doubted = {image["image"] for image in record["images"] if image["caveats"]}
    assert {"mine/blank 0.png", "mine/blank 255.png", "mine/nothing.png", "mine/zero one.png"} <= doubted
