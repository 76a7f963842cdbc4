"""The report of judged images: what comes first, what is escaped, and that it fits into an e-mail."""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np
import pandas as pd

from hvae.report.judged.document import MOST_ALARMS, JudgedImages, document, thumbnail

HOSTILE = "<img src=x onerror=alert(1)>"


def judged(n: int = 1_000) -> JudgedImages:
    random = np.random.default_rng(0)
    pictures = [thumbnail(random.integers(0, 256, (3, 32, 32), dtype=np.uint8)) for _ in range(10)]
    p = (np.arange(n)[::-1] + 1) / (n + 1)
    frame = pd.DataFrame({"name": [f"{HOSTILE} {number}" for number in range(n)], "p": p, "alarm": p <= 0.05})
    frame = frame.assign(verdict=np.where(frame["alarm"], "unusual", "no alarm"), caveats="", differs_at="r_1")
    frame.loc[n - 1, "caveats"] = "blank: all pixels are alike"
    frame["joint: log p"], frame["joint: r_1"] = 1.5, 3.0
    shown = {"name": ("name", "%s"), "verdict": ("verdict", "%s"), "p": ("p", "%.4f")}
    return JudgedImages(
        "a_run", "Look at them.", "The budget is 5 %.", "It catches 90 % of MNIST.", frame, pictures * (n // 10), shown,
        ["joint: log p", "joint: r_1"], {"alpha": 0.05, "note": HOSTILE}, ["few"], [("x.png", HOSTILE)],
    )  # fmt: skip


def test_a_report_of_a_thousand_images_is_read_from_the_top_and_fits_into_an_e_mail() -> None:
    found = judged()
    text = document(found, datetime(2026, 3, 7))
    assert 500_000 < len(text.encode()) < 2_000_000
    wanted = ("7 March 2026", "Look at them.", "The budget is 5 %.", "It catches 90 %", "not proven to be fine")
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


def test_what_does_not_fit_is_counted() -> None:
    found = judged(4_000)
    text = document(found)
    assert len(text.encode()) < 2_000_000 and "of 4,000 images" in text and "as many as fit" in text
