"""Jobs of the page that judges one's own images, as they lie on disk."""

import io

import numpy as np
import pandas as pd
from PIL import Image

from app.server import judgements
from hvae.runs.catalogue import catalogue
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.verdicts.asked import JudgedBy, Settings

HOSTILE = "</script><img src=x onerror=alert(1)>.png"
SETTINGS = Settings(
    run="clothes", setting=Setting(), source="2 files", image_shape=(1, 28, 28), fit="pad", invert=False, score="llr",
    depth=2, statistic="rank",
)  # fmt: skip
JOB = "abcdefghijkl"


def png(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((28, 28), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def scored(n: int = 3) -> tuple[pd.DataFrame, np.ndarray]:
    """What a batch looks like: the first image is further out than any, the others raise no alarm."""
    p = np.array([1 / 81, *np.linspace(0.5, 0.9, n - 1)])
    frame = pd.DataFrame(
        {"name": [HOSTILE, *(f"=image {i}" for i in range(1, n))], "changes": "", "elbo": -300.0, "iw": -300.0}
        | {"L>1": -400.0, "L>2": -500.0, "log_px": -250.0, "log_ratio_1": -30.0, "log_ratio_2": -20.0}
        | {"LLR>1": 100.0, "LLR>2": 200.0, "rank>1": p, "rank>2": p, "differs_at": 1}
        | {"p": p, "p_low": p / 2, "p_high": np.minimum(1, p * 2)}
    )
    return frame, np.arange(n * 784).reshape(n, 1, 28, 28).astype(np.uint8)


def weights() -> str:
    """Of the run that can judge."""
    return catalogue(find_run("clothes")).entries[0].metadata.weights_sha256


def kept(complete: bool = True, **settings: object) -> None:
    folder = judgements.create(JOB, SETTINGS.model_copy(update={"n_calibration": 80} | settings), lambda _: False)
    judgements.add(folder, 0, *scored())
    judgements.keep(folder, "refused", [("<b>notes</b>.txt", "not an image")])
    if complete:
        judgements.keep(folder, "outcome", {"complete": True})


def further(n: int = 2) -> None:
    """A job of two runs that was interrupted while the second, which knows every image, judged the n-th image."""
    kept(also=(JudgedBy(run="a <b>run</b>", setting=Setting(), n_calibration=80),), complete=False)
    frame, _ = scored(n)
    judgements.add(judgements.folder(JOB), 0, frame.drop(columns=["name", "changes"]).assign(p=0.95), place=0)


def many(n: int) -> np.ndarray:
    """A job of n images; their p-values."""
    frame, _ = scored(n)
    p = np.random.default_rng(0).permutation(n) / n + 0.5 / n
    folder = judgements.create(JOB, SETTINGS.model_copy(update={"n_calibration": 80}), lambda _: False)
    judgements.add(folder, 0, frame.assign(p=p), np.zeros((n, 1, 28, 28), np.uint8))
    judgements.keep(folder, "outcome", {"complete": True})
    return p
