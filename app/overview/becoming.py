"""The picture that opens the overview: digits that become shoes as their levels are taken from the prior.

It is stored, so that it shows at once and without any data set; `python -m app.overview.becoming FILE` makes it anew.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from app.frame import components
from app.images.mosaic import Cell, Row, table_html
from app.looks.pictures import grey_or_colour, png

ROOT = Path(__file__).resolve().parents[2]
STORED = ROOT / "assets" / "becoming.png"
RUN, SET, SHOWN, LEVELS = "fashionmnist-lite-seed0", "digits", (41, 51), (0, 1, 2)
"""The bundled run, the images of the set that scikit-learn brings, and how many of the lowest levels are replaced."""
SIDE = 28
HEADINGS = ("A digit", "redrawn from all it stored", "its lowest level replaced", "its two lowest replaced: a shoe")


def hero(sentence: str) -> str:
    """The picture, where it is stored, beside a sentence; both HTML."""
    said = f'<p class="lead">{sentence}</p>'
    if not STORED.is_file():
        return said
    with Image.open(STORED) as sheet:
        pixels = np.asarray(sheet.convert("L"))
    rows = []
    for place, number in enumerate(SHOWN):
        line = pixels[place * SIDE : (place + 1) * SIDE]
        cells = [line[None, :, column * SIDE : (column + 1) * SIDE] for column in range(len(HEADINGS))]
        alts = [f"Digit {number}: {heading}" for heading in HEADINGS]
        rows.append(Row("", tuple(Cell(grey_or_colour(one), alt) for one, alt in zip(cells, alts, strict=True))))
    about = (
        f"The model was trained on clothes alone ({components.escape(RUN)}). What a level stored of the image is "
        "replaced, from the lowest on, by what the model expects there."
    )
    return (
        f'<div class="hero"><figure>{table_html(HEADINGS, rows, "becoming", cell=84)}'
        f"<figcaption>{about}</figcaption></figure>{said}</div>"
    )


def write(path: Path) -> None:
    """Make the picture from the weights of the run."""
    from hvae.datasets import load
    from hvae.measuring.noise import noise_key
    from hvae.measuring.reconstructions import reconstruct_repeatedly
    from hvae.runs.checkpoints import load_checkpoint
    from hvae.runs.folders import find_run

    found, images, index = load_checkpoint(find_run(RUN).path), load(SET, "all"), np.array(SHOWN)
    own = images.take(index).images
    walked = reconstruct_repeatedly(
        found.layered("reconstruct"), own, index, preprocessing=found.config.data.preprocessing,
        key=noise_key(images.slug, images.split), seed=0, draws=1, reading="mean",
    )  # fmt: skip
    levels = np.rint(np.clip(walked.pictures()[list(LEVELS)], 0, 1) * 255).astype(np.uint8)
    sheet = np.concatenate([own[None], levels])[:, :, 0]
    pixels = sheet.transpose(1, 2, 0, 3).reshape(len(SHOWN) * SIDE, len(HEADINGS) * SIDE)
    said = PngImagePlugin.PngInfo()
    said.add_text("Source", f"{RUN}, {', '.join(f'{SET}:{number}' for number in SHOWN)}, k = 0 to {LEVELS[-1]}")
    path.write_bytes(png(pixels[None], optimize=True, pnginfo=said))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
