"""The table of data sets in the README is the registry's."""

from pathlib import Path

from hvae.datasets import info, names

README = Path(__file__).resolve().parents[3] / "README.md"


def test_the_readme_lists_every_data_set():
    rows = [line for line in README.read_text("utf-8").splitlines() if line.startswith("| `") and line.count("|") == 6]
    about = [info(name) for name in names()]
    expected = [
        f"| `{one.name}` | {one.images} | {one.preprocessing} | {one.licence} | {one.citation} |" for one in about
    ]
    assert [row for row in rows if not row.startswith("| `folder:PATH`")] == expected
