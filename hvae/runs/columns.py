"""The columns a score table may have: what each holds, its unit, and the command that makes it. Imports no torch."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from hvae.datasets.held import Names
from hvae.errors import TableError

KEYS = ("example", "label")
"""Columns of whole numbers that every table begins with; a table of one's own images has `name` behind them."""
NAME = "name"
LARGEST_ERROR = float(np.finfo(np.float16).max)
"""65,504 nats: what is stored of a standard error that is larger, so that none becomes infinite."""

_SCORE = "hvae score {run} --data {data} --split {split}"
_ALSO = f"{_SCORE} --limit {{images}} --also"
_PIXELS = "hvae data measure {data} --split {split} --run {run}"


@dataclass(frozen=True)
class Column:
    """A statistic of one image: its unit, its meaning with the equation, and the command that makes it."""

    name: str
    """As in the table; `{k}`, `{l}` and `{layer}` stand for a number from 1."""
    unit: str
    meaning: str
    command: str
    """Template with `{run}`, `{data}`, `{split}`, and `{images}`, how many the table has."""
    partial: bool = False
    """Whether some images of a table may have none: not a number."""

    def matches(self, name: str) -> bool:
        """Whether a column of a table is this one, or its standard error over the draws."""
        pattern = re.sub(r"\\\{\w+\\\}", r"[1-9][0-9]{0,2}", re.escape(self.name))
        return re.fullmatch(rf"{pattern}(_se)?", name) is not None


MODEL_COLUMNS = (
    Column("elbo", "nats", "the ELBO, Havtorn et al. (2021), eq. 1; log p(x) where it is exact", _SCORE),
    Column("iw", "nats", "the importance-weighted bound L_S, eq. 9; the ELBO at S = 1", _SCORE),
    Column("L>{k}", "nats", "the bound L^{>k} with the k lowest latents from the prior, eq. 5", _SCORE),
    Column("log_px", "nats", "log p(x|z) under the posterior; log p(x) of a model without latents", _SCORE),
    Column("log_pz", "nats", "log p(z) of a flow: the density of what the image is mapped to", _SCORE),
    Column("log_det", "nats", "log|det dz/dx| of a flow, x in whole values: the volume's share of log p(x)", _SCORE),
    Column("log_ratio_{layer}", "nats", "log p(z_l|.) - log q(z_l|.); its negative mean is the KL of layer l", _SCORE),
)
"""What one sweep through a hierarchy gives; a density without layers has the ELBO, L_S and `log_px`."""

CLASSIFIER_COLUMNS = (
    Column("log_p_{label}", "nats", "log p(y|x) of a class, the first of which is 1", _SCORE),
    Column("odin", "nats", "-log of ODIN's confidence, Liang et al. (2018), eqs 1 and 2", _SCORE),
    Column("mahalanobis", "nats", "half the squared distance of the features to the nearest class", _SCORE),
    Column("rate", "nats", "log q(z|x) - log m(z), what the code of the image takes; Alemi et al. (2018)", _SCORE),
    Column("outlier_logit", "nats", "log-odds of an outlier", _SCORE),
    Column("known_log_p", "nats", "log-probability of the likeliest class beside one of outliers", _SCORE),
    Column("exposed_log_p", "nats", "that of a classifier exposed to outliers", _SCORE),
    Column("calibrated_log_p", "nats", "that of a classifier calibrated on outliers", _SCORE),
)
"""What the heads of a classifier give, each its own."""
FURTHER_COLUMNS = (
    Column(
        "L<{l}",
        "nats",
        "the bound L^{<l}, the l lowest latents from q, the others from the prior",
        f"{_ALSO} complementary",
    ),
    Column("path_error", "1", "|x - E[x|z]|, every z at the mean of q; values in 0 to 1", f"{_ALSO} lpath"),
    Column("path_mean_{layer}", "1", "|mu| of q(z_l|.), every z at the mean of q", f"{_ALSO} lpath"),
    Column("path_sd_{layer}", "1", "|sigma| of q(z_l|.), every z at the mean of q", f"{_ALSO} lpath"),
    Column(
        "regret", "nats", "what an encoder fitted to the image alone gains, Xiao et al. (2020)", f"{_ALSO} regret", True
    ),
)
"""What `hvae score --also` adds to a table; tables are whole without."""

PIXEL_COLUMNS = (
    Column("input_entropy", "nats", "H, the sum of the binary entropies of the grey values", _PIXELS),
    Column("grey_share", "1", "share of values that are neither 0 nor 255", _PIXELS),
    Column("zlib_bytes", "bytes", "size of the values compressed by zlib, level 9", _PIXELS),
    Column("png_bytes", "bytes", "size as an optimised PNG", _PIXELS),
    Column("mean", "1", "mean value, 0 to 1", _PIXELS),
    Column("sd", "1", "standard deviation of the values, 0 to .5", _PIXELS),
    Column("total_variation", "1", "mean absolute difference of neighbouring values, 0 to 1", _PIXELS),
    Column("ink", "1", "share of values of at least 128", _PIXELS),
    Column("sharpness", "1", "variance of the Laplacian (Pech-Pacheco et al., 2000), values in 0 to 1", _PIXELS),
)
"""What the pixels alone say; the same for every model, so stored once an image set."""

PAIR_COLUMNS = (
    Column(
        "ppca_log_density",
        "nats",
        "log density of the values / 255 under a probabilistic PCA of the reference part (Tipping & Bishop, 1999)",
        _PIXELS,
    ),
)
"""What the pixels say beside those of a reference part, stored once for each two sets."""

_COMPANIONS = {
    "seed": "a further run whose config differs in training.seed alone (hvae train PRESET --seed N)",
    "background": "a run of that model and data but for data.mutation (hvae train PRESET --set data.mutation=0.3)",
}
"""Other runs whose columns may stand beside those of a table, and how to get one."""

COLUMNS = (*MODEL_COLUMNS, *FURTHER_COLUMNS, *CLASSIFIER_COLUMNS, *PIXEL_COLUMNS, *PAIR_COLUMNS)

# The same few hundred names are asked for again and again, by every score of every table.
_known = lru_cache(maxsize=4096)


@_known
def find(name: str) -> Column | None:
    """The declaration of a column, or of the one whose standard error it is; None where nothing declares it."""
    return next((column for column in COLUMNS if column.matches(name)), None)


def of_run(name: str) -> tuple[str, str]:
    """(which other run a column is of, its name there): `iw@seed1` is `iw` of `seed1`; a table's own run is empty."""
    column, _, companion = name.partition("@")
    return companion, column


def companion_in_words(mark: str) -> str | None:
    """What another run, such as `seed1`, has to be, and how to get it; None where columns know no such run."""
    return _COMPANIONS.get(mark.rstrip("0123456789"))


def is_model_column(name: str) -> bool:
    """Whether a column is a statistic that a model gives, or the standard error of one."""
    return is_sweep_column(name) or is_further_column(name)


@_known
def is_sweep_column(name: str) -> bool:
    """Whether a column is a statistic that every table of a kind of model has, or the standard error of one."""
    return any(column.matches(name) for column in MODEL_COLUMNS)


@_known
def is_further_column(name: str) -> bool:
    """Whether a column is one that some tables have besides, or the standard error of one."""
    return any(column.matches(name) for column in FURTHER_COLUMNS)


def is_partial(name: str) -> bool:
    """Whether some images of a table may lack a column that the table has."""
    return (column := find(name)) is not None and column.partial


@_known
def is_pixel_column(name: str) -> bool:
    """Whether a column is joined from the statistics of the image set rather than stored in each table."""
    return any(column.matches(name) for column in PIXEL_COLUMNS)


def is_standard_error(name: str) -> bool:
    """Whether a column of a table is the standard error, over the draws, of another one."""
    return name.endswith("_se")


@_known
def is_pair_column(name: str) -> bool:
    """Whether a column is joined from the statistics of the image set beside a reference part."""
    return any(column.matches(name) for column in PAIR_COLUMNS)


def column_type(name: str, halves: bool = True) -> pa.DataType:
    """As a table stores it: whole numbers for `KEYS`, text for `NAME`, floats for statistics, `halves` for errors."""
    if name in KEYS:
        return pa.int32()
    if name == NAME:
        return pa.string()
    return pa.float16() if halves and is_standard_error(name) else pa.float32()


def halved(errors: np.ndarray) -> np.ndarray:
    """Standard errors as float16, the finite ones at most `LARGEST_ERROR`."""
    return np.where(np.isfinite(errors), np.minimum(errors, LARGEST_ERROR), errors).astype(np.float16)


def column_array(name: str, values: Sequence[str] | np.ndarray) -> pa.Array | pa.ChunkedArray:
    """Values as a column of that name is stored: statistics as float32, their standard errors as `halved` float16."""
    kind = column_type(name)
    if name == NAME:
        return values.held.cast(kind) if isinstance(values, Names) else pa.array(values, kind)
    values = np.asarray(values)
    return pa.array(halved(values) if kind == pa.float16() else values.astype(kind.to_pandas_dtype(), copy=False), kind)


def require_sound(content: pa.Table, name: str) -> None:
    """Refuse gaps, and statistics that are no numbers, but where a column may lack some; `TableError`."""
    for column in content.column_names:
        values = content.column(column)
        if values.null_count:
            raise TableError(f"{name} has gaps in `{column}`: score it again")
        if column in (*KEYS, NAME):
            continue
        unfit = np.isinf if is_partial(column) else lambda numbers: ~np.isfinite(numbers)
        if absent := np.count_nonzero(unfit(values.to_numpy())):
            raise TableError(f"{name} has {absent:,} values of `{column}` that are not finite: score it again")
