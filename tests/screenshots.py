"""Pictures of every page: `make screenshots`, or `python -m tests.screenshots --all FOLDER` to look at all of them.

The pictures of docs/pages.md show the bundled runs at 1440 pixels in the light theme. `HVAE_DATA` says where data sets
are; without them the pages show what they show on a machine that has none.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from app.frame import registry
from tests.browser.conftest import FLAGS, launch

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "assets" / "screenshots"
LARGEST_BYTES = 64_000
HEIGHT = 900
ADDRESSES = {
    "scores": "ood=mnist&ood=notmnist&k=1&score=llr",
    "reconstructions": "image=mnist:0&source=data+set",
    "paradox": "step=2&guess=just+show+me",
    "features": "versus=mnist-lite-seed0",
    "baselines": "ood=digits",
    "compare": "versus=fashionmnist-lite-seed1",
    "map": "ood=mnist",
}
"""What a page is asked to show, where its own choice says less."""

DRAWN = """() => document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"], [data-testid="stSpinner"]')
    && [...document.querySelectorAll('[data-testid="stPlotlyChart"]')]
        .every(chart => chart.querySelector('.js-plotly-plot .main-svg'))
    && [...document.images].every(image => image.complete)"""


def picture(browser: Browser, address: str, width: int, theme: str, whole: bool) -> bytes:
    """A PNG of a page when all of it is drawn; `whole` as long as the page, else as tall as a screenshot may be."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.locator("h1").wait_for()
    page.wait_for_function(DRAWN)
    if whole:
        # The page scrolls inside the app, so that the window has to be as tall as what it shows.
        page.set_viewport_size({"width": width, "height": min(12_000, content_height(page) + 80)})
    # Charts take their width from the layout around them, which may settle after the script has finished.
    page.wait_for_timeout(800)
    page.wait_for_function(DRAWN)
    taken = page.screenshot()
    context.close()
    return taken


def content_height(page: Page) -> int:
    """Pixels from the top of the page to the end of its content."""
    return page.evaluate("Math.ceil(document.querySelector('.stMainBlockContainer').getBoundingClientRect().height)")


def light(png: bytes) -> bytes:
    """The picture with 48 colours, or 24 where they do not fit into `LARGEST_BYTES`: a clone has to stay light."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (48, 24):
        out = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(out, "WEBP", lossless=True, quality=100, method=6)
        if out.tell() < LARGEST_BYTES:
            return out.getvalue()
    raise SystemExit(f"a screenshot is larger than {LARGEST_BYTES:,} bytes with {colours} colours; lower HEIGHT")


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="whole pages, light, dark and 390 px, into a folder")
    parser.add_argument("--only", nargs="*", default=registry.names(), metavar="PAGE", help="some pages")
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="path of the browser")
    arguments = parser.parse_args()
    folder: Path = arguments.all or PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    looks = [("", 1440, "light")]
    if arguments.all:
        looks = [(f"-{width}-{theme}", width, theme) for width in (1440, 390) for theme in ("light", "dark")]
    data = os.environ.get("HVAE_DATA")
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        empty = Path(scratch) / "runs"
        empty.mkdir()
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=list(FLAGS))
        with launch(empty, Path(scratch) / "data", Path(data) if data else None) as dashboard:
            for name in arguments.only:
                for suffix, width, theme in looks:
                    address = f"{dashboard.url}{registry.address(name)}?{ADDRESSES.get(name, '')}"
                    png = picture(browser, address, width, theme, whole=bool(arguments.all))
                    target = folder / f"{name}{suffix}{'.png' if arguments.all else '.webp'}"
                    target.write_bytes(png if arguments.all else light(png))
                    print(f"{target}  {target.stat().st_size / 1000:.0f} kB", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
