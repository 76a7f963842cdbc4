"""Charts as Plotly has drawn them: waiting for one, where its marks are on the screen, and pressing them."""

from typing import Any

from playwright.sync_api import Page

PLOT = "document.querySelector(`[class*='st-key-${key}'] .js-plotly-plot`)"
PLACE = f"""key => {{
    const plot = {PLOT}; plot.scrollIntoView({{block: 'center'}});
    const box = plot.getBoundingClientRect(), {{xaxis, yaxis}} = plot._fullLayout;
    return {{x: box.left + xaxis._offset, y: box.top + yaxis._offset, w: xaxis._length, h: yaxis._length}};
}}"""
SPOT = f"""([key, trace, point]) => {{
    const plot = {PLOT}; plot.scrollIntoView({{block: 'center'}});
    const one = plot._fullData[trace], box = plot.getBoundingClientRect();
    const across = plot._fullLayout[one.xaxis.replace('x', 'xaxis')];
    const up = plot._fullLayout[one.yaxis.replace('y', 'yaxis')];
    return {{x: box.left + across._offset + across.d2p(one.x[point]),
             y: box.top + up._offset + up.d2p(one.y[point])}};
}}"""


def wait_for_chart(page: Page, key: str, holds: str = "true") -> None:
    """Wait until the chart with this key is drawn, and `holds` (an expression on `plot`) is true of it."""
    page.wait_for_function(
        f"""key => {{
            const plot = {PLOT};
            return plot?.querySelector('.main-svg') && plot._fullLayout?.xaxis && plot._fullData?.length && ({holds});
        }}""",
        arg=key,
    )


def standing(page: Page, find: str, asked: Any = None) -> Any:
    """What a function finds in the page as soon as it finds the same three frames in a row: a place come to rest."""
    return page.evaluate(
        f"""asked => new Promise(done => {{
            let last = null, alike = 0;
            const look = () => {{
                const now = ({find})(asked), words = JSON.stringify(now);
                alike = words === last ? alike + 1 : 1;
                last = words;
                alike < 3 ? requestAnimationFrame(look) : done(now);
            }};
            look();
        }})""",
        asked,
    )


def spot_of(page: Page, key: str, trace: int, point: int) -> dict[str, float]:
    """Where plotly says that a point of a trace is, once it is in view."""
    return standing(page, SPOT, [key, trace, point])


def click_at(page: Page, key: str, trace: int, spot: dict[str, float]) -> None:
    """Click a place where a mark of this trace is, once plotly has found one there: it takes the click for that."""
    page.mouse.move(spot["x"], spot["y"])
    under = f"([key, trace]) => {PLOT}._hoverdata?.some(mark => mark.curveNumber === trace)"
    page.wait_for_function(under, arg=[key, trace])
    page.mouse.click(spot["x"], spot["y"])


def click_point(page: Page, key: str, trace: int, point: int) -> None:
    """Click a point of a trace."""
    click_at(page, key, trace, spot_of(page, key, trace, point))


def draw(page: Page, key: str, corners: list[tuple[float, float]]) -> None:
    """Drag through points of a chart that are given as shares of its width and height."""
    box = standing(page, PLACE, key)
    for number, (across, down) in enumerate(corners):
        page.mouse.move(box["x"] + across * box["w"], box["y"] + down * box["h"], steps=8)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
