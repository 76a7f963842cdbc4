"""What a copied run holds: config, weights, learning curve and tables, read and checked against each other."""

from collections.abc import Iterable
from pathlib import Path

from hvae.config import RunConfig
from hvae.datasets.own.outside import MAX_PATH
from hvae.errors import TableError, first_line
from hvae.inputs import opened, sha256
from hvae.parquet_files import read_footer
from hvae.runs.catalogue import UNDECIDED
from hvae.runs.checkpoints import read_config, read_weights
from hvae.runs.correlations.tables import list_correlations, read_correlations
from hvae.runs.correlations.unit_pairs import read_unit_pairs, unit_pairs_path
from hvae.runs.importing.members import Say, quoted
from hvae.runs.measured import maps
from hvae.runs.measured.cards import Card, card_paths, read_card
from hvae.runs.measured.landscapes import Landscape, landscape_paths, read_landscape
from hvae.runs.measured.maps import LatentMap, read_map
from hvae.runs.notes import read_notes
from hvae.runs.score_tables import NAME, read_content, table_paths
from hvae.runs.states import learning_curve
from hvae.runs.tensor_files import read_header

MAXIMUM_ROW_GROUPS = 1000

_CURVE = ("epoch", "step", "train_elbo", "elbo", "learning_rate", "images_per_second")
"""Columns of the learning curve of any kind of model."""


def check(run: Path, say: Say) -> None:
    """Read all that a run holds, cheapest checks first; `HvaeError` on the first thing that is wrong."""
    config = read_config(run)
    digest = None
    if (run / "model.safetensors").is_file():
        # The header first, for what it says of sizes; then the shapes that the config asks for; then the numbers.
        read_header(run / "model.safetensors")
        read_weights(run, config)
        digest = sha256(run / "model.safetensors")
    else:
        say("there are no weights (model.safetensors): stored scores can be read, nothing new can be computed")
    _check_curve(run, config)
    _check_scores(run, config, digest, say)
    _check_measured("robustness cards", map(read_card, card_paths(run)), digest, say)
    _check_measured("landscapes", map(read_landscape, landscape_paths(run)), digest, say)
    if (run / maps.PATH).is_file():
        _check_measured("maps", [read_map(run / maps.PATH)], digest, say)
    _check_correlations(run)
    read_notes(run)


def _check_curve(run: Path, config: RunConfig) -> None:
    path = run / "history.csv"
    if not path.is_file():
        return
    with opened(path) as file:
        heading = file.readline(4096)
    names = heading.decode("ascii", "replace").strip().split(",")
    if not heading.endswith(b"\n") or len(set(names)) < len(names):
        raise TableError("history.csv is no learning curve: its first line does not name its columns")
    if foreign := [name for name in names if name not in {*_CURVE, *config.model.curve}]:
        raise TableError(f"history.csv is no learning curve: it has a column {quoted(foreign[0])}")
    history = learning_curve(run)
    if len(history) > config.training.epochs:
        raise TableError(f"history.csv has {len(history):,} epochs, its config {config.training.epochs:,}")


def _check_scores(run: Path, config: RunConfig, digest: str | None, say: Say) -> None:
    paths = table_paths(run)
    for path in sorted((run / "scores").glob("*")):
        if path not in paths:
            raise TableError(f"scores/{quoted(path.name)} is no score table")
    named = []
    for path in paths:
        where = f"scores/{path.name}"
        _check_claims(path, where)
        metadata, _ = read_content(path, ())
        if metadata.file_name != path.name:
            raise TableError(f"{where} holds another table, {metadata.file_name}: rename it")
        if metadata.depth != config.model.depth or metadata.dimensions != config.model.dimensions:
            raise TableError(f"{where} is of a model of another depth or image size than config.json")
        named.append(metadata.weights_sha256)
        if digest is None and named[-1] != named[0]:
            raise TableError(f"{where} {UNDECIDED}")
    if others := sum(digest not in (None, weights) for weights in named):
        say(f"{others} of {len(paths)} score tables were made with other weights than the run has: score them again")


def _check_claims(path: Path, where: str) -> None:
    """Row groups and unpacked sizes that a parquet file claims, before a row is decoded."""
    try:
        file = read_footer(path)
        names = file.schema.names
        groups = [file.row_group(number) for number in range(min(file.num_row_groups, MAXIMUM_ROW_GROUPS + 1))]
        unpacked = [group.total_byte_size for group in groups]
        rows = [group.num_rows for group in groups]
    # Damaged files surface from the parquet reader as almost any exception (OSError, UnicodeDecodeError, ...).
    except Exception as error:
        raise TableError(f"{where} is no readable parquet file ({first_line(error)})") from None
    if len(groups) > MAXIMUM_ROW_GROUPS:
        raise TableError(f"{where} claims {file.num_row_groups:,} row groups, {MAXIMUM_ROW_GROUPS:,} at most")
    if sum(rows) != file.num_rows or min([0, *rows, *unpacked]) < 0:
        raise TableError(f"{where} claims row groups that do not add up to its rows")
    # Four bytes a value or name's length, four a character of a name, and room for the headers of its pages.
    most = len(names) * (8 * file.num_rows + 4096 * len(groups)) + (NAME in names) * 4 * MAX_PATH * file.num_rows
    if sum(unpacked) > most:
        raise TableError(f"{where} claims {sum(unpacked):,} bytes when unpacked, {most:,} at most")


def _check_measured(what: str, found: Iterable[Card | Landscape | LatentMap], digest: str | None, say: Say) -> None:
    weights = [one.weights_sha256 for one in found]
    if others := sum(digest not in (None, each) for each in weights):
        say(f"{others} of {len(weights)} {what} are of other weights than the run has: measure them again")


def _check_correlations(run: Path) -> None:
    keys = list_correlations(run)
    named = {key.path.name for key in keys}
    for path in sorted((run / "correlations").rglob("*.parquet")):
        if path.name not in named:
            where = path.relative_to(run).as_posix()
            raise TableError(f"{where} is not named as a correlation table is, or has none beside it")
    for key in keys:
        metadata = read_correlations(key.path).metadata
        if metadata.file_name != key.path.name:
            raise TableError(f"correlations/{key.path.name} holds another table, {metadata.file_name}: rename it")
        if (units := unit_pairs_path(key.path)).is_file():
            read_unit_pairs(units)
