"""What the buttons of a chart save: the drawing as SVG, read back into numbers, and the table of what it shows."""

import re
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from playwright.sync_api import Page

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Saved:
    """A drawing and the table beside it."""

    svg: ElementTree.Element
    table: pd.DataFrame

    def paths(self, kind: str) -> list[np.ndarray]:
        """Corners `(n, 2)` of each path inside an element of a class, in the units that the ticks of the axes say."""
        corner = _numbers(next(one for one in self._of("xy") if "transform" in one.attrib).get("transform", ""))
        drawn = [_corners(path.get("d", "")) for one in self._of(kind) for path in one.iter(f"{SVG}path")]
        return [np.column_stack([self._units(axis, one[:, axis] + corner[axis]) for axis in (0, 1)]) for one in drawn]

    def said(self, axis: int) -> list[str]:
        """What the ticks of an axis say (0 across, 1 up)."""
        return ["".join(one.itertext()) for one in self._ticks(axis)]

    def _units(self, axis: int, places: np.ndarray) -> np.ndarray:
        """Values at places along an axis; numbers of the ticks where they are names."""
        said = self.said(axis)
        plain = all(re.fullmatch(r"[\d.]+%?", one) for one in said)
        values = [float(one.rstrip("%")) / (100 if "%" in one else 1) for one in said] if plain else range(len(said))
        at = [_numbers(one.get("transform", ""))[axis] for one in self._ticks(axis)]
        return np.polyval(np.polyfit(at, values, 1), places)

    def _ticks(self, axis: int) -> list[ElementTree.Element]:
        return [one for tick in self._of("xy"[axis] + "tick") for one in tick.iter(f"{SVG}text")]

    def _of(self, kind: str) -> list[ElementTree.Element]:
        return [one for one in self.svg.iter() if kind in one.get("class", "").split()]


def saved(page: Page, key: str) -> Saved:
    """Press the button of a chart that saves it, and that of the table beside it."""
    inside = page.locator(f"[class*='st-key-{key}']")
    inside.locator(".js-plotly-plot").hover()
    with page.expect_download() as drawing:
        inside.locator(".modebar-btn").click()
    page.locator(f"[class*='st-key-{key}'][class*='-numbers'] summary").click()
    with page.expect_download() as table:
        # By the keyboard: what opens above moves it, and a mouse that is let go elsewhere presses nothing.
        beside = page.locator(f"[class*='st-key-{key}'][class*='-table']")
        beside.get_by_role("button", name="Download CSV").press("Enter")
    return Saved(ElementTree.parse(drawing.value.path()).getroot(), pd.read_csv(table.value.path()))


def _numbers(text: str) -> list[float]:
    return [float(one) for one in re.findall(r"-?[\d.]+", text)]


def _corners(path: str) -> np.ndarray:
    """Where a path of straight lines goes."""
    x, y, places = 0.0, 0.0, []
    for kind, numbers in re.findall(r"([MLHV])([^A-Z]*)", path):
        given = _numbers(numbers)
        x, y = given if kind in "ML" else (given[0], y) if kind == "H" else (x, given[0])
        places.append((x, y))
    return np.array(places)
