"""Terminal, Markdown, LaTeX, CSV and HTML show one table, with its blocks, headings over columns, marks and rules."""

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from rich.console import Console

from lightexp.report import render
from lightexp.report.html import fragment
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec
from tests.test_report import run

AWKWARD = r"50%_of #1 & {a}\b <i> $x$ ^~"
ERRORS = {"near": [1.0, 1.2, 1.1], "nigh": [1.1, 1.1, 1.3], "far": [5.0, 5.3, 5.1]}


@pytest.fixture(scope="module")
def made():
    """Three criteria at two sparsities on two data sets, one of them missed, one run failed."""
    runs = [
        run(seed, error, sparsity, tags={"tag.sweep": AWKWARD, "tag.criterion": name, "tag.data": data})
        for data in ("digits", "mnist")
        for sparsity in (0.5, 0.9)
        for name, errors in ERRORS.items()
        for seed, error in enumerate(errors)
    ]
    runs[0] |= {"sparsity/prunable": 0.4}
    runs[-1] |= {"status": "FAILED"}
    return summarise(pd.DataFrame(runs), TableSpec(columns="sparsity", metrics=("test/error", "size/file_bytes")))


class Cells(HTMLParser):
    """The cells of a page's table, row by row, each with how many columns it spans."""

    def __init__(self, page):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(["", int(dict(attributes).get("colspan", 1))])

    def handle_data(self, text):
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1][0] += text

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def shown(made):
    return [[cell.text + cell.marks for cell in row] for row in made.rows]


def test_html_is_whole_and_every_row_as_wide(made):
    page = render.html(made)
    cells = Cells(page)
    assert cells.open == [] and {sum(width for _, width in row) for row in cells.rows} == {len(made.columns)}
    body = [[text for text, _ in row] for row in cells.rows[2:] if len(row) > 1]
    assert body == shown(made)
    assert [row[0][0] for row in cells.rows[2:] if len(row) == 1] == ["digits", "mnist"]
    assert "<i>" not in page and "&lt;i&gt;" in page and "http" not in page
    assert re.search(r'title="[^"]*test/error_mean 1\.16666666', fragment(made))


def test_csv_has_every_value_and_what_heads_the_blocks(made):
    rows = list(csv.DictReader(io.StringIO(render.csv(made))))
    assert len(rows) == len(made.rows) == 2 * 4
    assert [row["data"] for row in rows] == ["digits"] * 4 + ["mnist"] * 4
    first = next(row for row in rows if row["criterion"] == "near")
    assert float(first["sparsity 0.5/test/error_mean"]) == pytest.approx(1.1)
    assert first["marks"] == "†" and first["sparsity 0.5/lost"] == "0" and rows[-1]["marks"] == "≈"


def test_markdown_has_a_line_a_row(made):
    lines = [line for line in render.markdown(made).splitlines() if line.startswith("|")]
    assert len({line.count(" |") for line in lines}) == 1 and len(lines) == 2 + 2 + len(made.rows)
    assert "sparsity 0.9: test error (%) ↓" in lines[0] and lines[2].startswith("| **digits** |")
    assert "| **1.10 ± 0.10** † |" in render.markdown(made) and "| 1.17 ± 0.12 ≈ |" in render.markdown(made)


def test_the_terminal_shows_whole_lines_or_whole_columns(made):
    def printed(width):
        console = Console(width=width, file=io.StringIO(), highlight=False)
        console.print(render.terminal(made))
        return console.file.getvalue()

    wide, narrow = printed(300), printed(60)
    assert "2 of 3, 1 failed" in wide and "2 of 3, 1 failed" in narrow
    assert wide.count("near") == 2 and narrow.count("near") > 2
    assert all(len(line) <= 60 for line in narrow.splitlines() if "±" in line and "Mean" not in line)
    for text in (cell.shown for row in made.rows for cell in row):
        assert text in wide and text in narrow


def test_latex_rows_are_as_wide_as_the_alignment(made):
    text = render.latex(made)
    columns = re.search(r"begin{tabular}{@{}([lr]+)@{}}", text).group(1)
    for line in text.split("\\toprule\n")[1].split("\\bottomrule")[0].splitlines():
        if line.endswith(r"\\"):
            spans = [int(width) for width in re.findall(r"multicolumn{(\d+)}", line)]
            assert line.replace(r"\&", "").count("&") + 1 + sum(spans) - len(spans) == len(columns) == len(made.columns)
    assert r"\cmidrule(lr){3-6}" in text and r"\textsuperscript{$\approx$}" in text and text.isascii()


@pytest.mark.parametrize("whole", [True, False])
def test_latex_compiles_as_it_is_and_within_a_paper(made, tmp_path, whole):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    render.write(replace(made, title=made.title + " naïve 中 ș"), tmp_path / "table.tex")
    paper = r"\documentclass[twocolumn]{article}\usepackage{booktabs,graphicx}\begin{document}a\input{table}b\end{document}"
    (tmp_path / "paper.tex").write_text(paper)
    name = "table.tex" if whole else "paper.tex"
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / name).with_suffix(".pdf").read_bytes().startswith(b"%PDF")
