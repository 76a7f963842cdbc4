"""Numbers in words, rounded alike."""

import math
import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from hvae.datasets import is_known
from hvae.errors import DataError
from hvae.runs.catalogue import TableEntry
from hvae.runs.images.sources import locate
from hvae.stats import Estimate


def rate(value: float | None) -> str:
    """A number in [0, 1] with three decimals, `.964` as in the paper; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.3f}"
    return text[1:] if text.startswith("0.") else text


def estimate(one: Estimate) -> str:
    """A rate with its interval in HTML."""
    return f'{rate(one.value)} <span class="interval">[{rate(one.low)}, {rate(one.high)}]</span>'


def percent(share: float) -> str:
    """A share as a percentage with one decimal, on one line."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def bits(value: float | None) -> str:
    """Bits per dimension with three decimals; a dash where there is none."""
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def asked_for(slug: str, run: Path) -> str:
    """How a command names a set that a run has scored; one's own by its path, `folder:PATH` where none holds."""
    if is_known(slug) or ":" in slug:
        return shlex.quote(slug)
    try:
        return shlex.quote(locate(run, slug).place)
    except DataError:
        return "folder:PATH"


def score_command(run: str, entry: TableEntry) -> str:
    """The command that writes a score table."""
    data = asked_for(entry.slug, entry.path.parent.parent)
    return f"hvae score {shlex.quote(run)} --data {data} --split {entry.split} {entry.setting.options}"


def nats(value: float, digits: int = 1) -> str:
    """A number of nats with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "−")


def signed(value: float, digits: int = 1) -> str:
    """A difference with its sign."""
    return f"{'+' if value > 0 else ''}{nats(value, digits)}"


def significant(value: float, digits: int = 3) -> str:
    """A number to so many digits, large ones whole (`16,929`, never `1.69e+04`); a dash where there is none."""
    if not math.isfinite(value):
        return "–"
    large = abs(round(value)) >= 10**digits
    return (f"{value:,.0f}" if large else f"{value:.{digits}g}").replace("-", "−")


def per_layer(values: Sequence[float]) -> str:
    """Numbers of the layers, the lowest first, in HTML; of a deep model four and the top, all on hovering."""
    spoken = [significant(value) for value in values]
    text = " / ".join(spoken) or "–"
    return f'<span title="{text}">{" / ".join([*spoken[:4], "…", spoken[-1]])}</span>' if len(spoken) > 5 else text


def quoted(text: str) -> str:
    """A value of the address made safe to quote: short, no markup."""
    return re.sub(r"[^\w .:>=-]", "?", text)[:60]


def shortened(name: str, most: int = 32) -> str:
    """A name with its middle left out where it is long."""
    return name if len(name) <= most else f"{name[: most - 12]}…{name[-11:]}"


def literal(text: object) -> str:
    """Text from outside for a place that renders Markdown: no link, picture, formula or directive comes of it."""
    return re.sub(r"([\\`*\[\]<$])", r"\\\1", str(text))


def listed(options: Iterable[object], most: int = 12) -> str:
    """Options as code, the first `most` of them."""
    shown = [f"`{option}`" for option in options]
    return ", ".join(shown[:most]) + (" ..." if len(shown) > most else "")


def spoken(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def lowered(label: str) -> str:
    """The label of a control inside a sentence."""
    return label if label[:2].isupper() or label.startswith("Run") else label[0].lower() + label[1:]


def subscript(number: int) -> str:
    """A number below the line: ₁₀."""
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
