"""Tables of a report as text, Markdown, LaTeX and CSV."""

from __future__ import annotations

import io
import re

import numpy as np
import pandas as pd
import pytest

from hvae.errors import HvaeError
from hvae.report import (
    TABLES,
    render,
)
from tests.hvae.tables import the_row


@pytest.mark.parametrize("name", TABLES)
def test_csv_comes_back_as_it_was(tables, name):
    back = pd.read_csv(io.StringIO(render({name: tables[name]}, "csv")), keep_default_na=False, na_values=[""])
    assert back.pop("table").eq(name).all()
    if "published_source" in back:
        back["published_source"] = back["published_source"].fillna("")
        back["published_note"] = back["published_note"].astype(object).fillna("")
    pd.testing.assert_frame_equal(back, tables[name], check_dtype=False, check_exact=True)


def test_csv_of_several_tables_comes_back_table_by_table(tables):
    back = pd.read_csv(io.StringIO(render(tables, "csv")))
    assert list(dict.fromkeys(back["table"])) == list(TABLES)
    for name, table in tables.items():
        rows = back[back["table"] == name].reset_index(drop=True)
        for column in table.select_dtypes("number"):
            np.testing.assert_array_equal(rows[column].to_numpy(float), table[column].to_numpy(float))


def test_latex_is_balanced_and_escaped(tables):
    text = render(tables, "latex")
    assert text.count("{") == text.count("}") and text.count("{") > 100
    begun, ended = re.findall(r"\\begin\{(\w+)\}", text), re.findall(r"\\end\{(\w+)\}", text)
    assert sorted(begun) == sorted(ended) and len(begun) == 2 * len(tables)
    depth = 0
    for char in re.sub(r"\\.", "", text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        assert depth >= 0
    assert len(re.findall(r"(?<!\\)\$", text)) % 2 == 0
    assert not re.search(r"(?<!\\)[%#_]", text)
    assert r"a\_run" in text and r"$\mathrm{LLR}^{>1}$" in text and r"$-\mathcal{L}^{>0}$" in text
    for tabular in re.findall(r"\\begin\{tabular\}\{(l+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        rows = [line for line in tabular[1].splitlines() if line.endswith(r"\\")]
        assert {row.count("&") + 1 for row in rows} == {len(tabular[0])}


def test_markdown_rows_have_the_cells_of_their_head(tables):
    text = render(tables, "markdown")
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == len(tables)
    for block in blocks:
        assert len({line.count(" | ") for line in block.strip().splitlines()}) == 1


def test_text_sets_published_figures_beside_ours(tables):
    text = render(tables, "text")
    row = next(line for line in text.splitlines() if "LLR>1" in line and line.split()[0] == "mnist")
    ours = the_row(tables["detection"], ood_data="mnist", score="LLR>1", images="full")
    assert f"{ours['auroc']:.3f} [{ours['auroc_low']:.3f}, {ours['auroc_high']:.3f}]" in row
    assert "0.964" in row and "0.036" in row
    assert re.search(r" Likelihood ratio \(LLR>1\)( \(best k\))? +llr ", row)
    assert re.search(r" Joint score +joint ", text) and "Joint score (" not in text
    assert "reading mean, S = 1, R = 1, seed 0" in text


def test_unknown_format(tables):
    with pytest.raises(HvaeError, match="unknown format 'pdf'; the formats are csv, text"):
        render(tables, "pdf")
