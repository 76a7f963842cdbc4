"""The table of data sets in the documents is the registry's."""

from pathlib import Path

from typer.testing import CliRunner

from hvae.cli import app
from hvae.datasets import info, names

PAGE = Path(__file__).resolve().parents[3] / "docs" / "data-sets.md"


def test_the_page_ends_with_a_row_for_every_data_set():
    about = [info(name) for name in names()]
    rows = [f"| `{one.name}` | {one.images} | {one.preprocessing} | {one.licence} | {one.citation} |" for one in about]
    assert PAGE.read_text("utf-8").splitlines()[-len(rows) :] == rows


def test_the_command_prints_the_table_of_the_page():
    printed = CliRunner().invoke(app, ["data", "list", "--markdown"]).stdout
    assert PAGE.read_text("utf-8").endswith(f"\n\n{printed}")
