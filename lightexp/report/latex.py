"""A table for a paper."""

from collections.abc import Iterable

from lightexp.report.cells import Cell, Table, level

LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"±": r"$\pm$", "→": r"$\to$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "Δ": r"$\Delta$", "×": r"$\times$"}
    | {"†": r"$\dagger$", "‡": r"$\ddagger$", "≈": r"$\approx$", "−": "$-$", "–": "--"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
)

LAST_LATIN = 0x17F
"""The last character of Latin Extended-A."""

ALONE = r"""% \input this in a document that uses booktabs and graphicx, or compile it as it is.
\expandafter\ifx\csname @classoptionslist\endcsname\relax
\documentclass{article}\usepackage[margin=2cm]{geometry}\usepackage{booktabs,graphicx}\pagestyle{empty}
\begin{document}\def\finished{\end{document}}
\else\let\finished\relax\fi"""
"""No class has set its options yet: then the file is the whole document."""


def latex(table: Table) -> str:
    r"""A `table` float that needs `\usepackage{booktabs,graphicx}`, and a document by itself.

    What is wider than the line is made smaller.
    """
    alignment = "".join("r" if column.number else "l" for column in table.columns)
    lines = [
        ALONE,
        r"\begin{table}",
        r"\centering\small\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{_tex(table.title)}}}\smallskip",
        r"\sbox0{%",
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        *_headings(table),
        r"\midrule",
        *_body(table),
        r"\bottomrule",
        r"\end{tabular}}%",
        r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
        *_notes(table),
        r"\end{table}",
        r"\finished",
    ]
    return "\n".join(lines) + "\n"


def _notes(table: Table) -> list[str]:
    lines = [_tex(note) + r"\\" for note in table.footnotes]
    return [r"\par\smallskip\parbox{\linewidth}{\footnotesize\raggedright", *lines, "}"] if lines else []


def _headings(table: Table) -> list[str]:
    """What stands over several columns, and below that the titles in lines, the last of units and arrows."""
    lines, spans, at = [], table.headings(), 1
    if spans:
        lines.append(_line(rf"\multicolumn{{{width}}}{{c}}{{{_tex(over)}}}" for over, width in spans))
        for over, width in spans:
            lines += [rf"\cmidrule(lr){{{at}-{at + width - 1}}}"] * bool(over)
            at += width
    heads = [column.lines([row[at].shown for row in table.rows]) for at, column in enumerate(table.columns)]
    return lines + [_line(map(_tex, upright)) for upright in level(heads)]


def _body(table: Table) -> list[str]:
    lines: list[str] = []
    for block in table.blocks:
        lines += [r"\midrule"] * bool(lines)
        if block.title:
            lines += [rf"\multicolumn{{{len(table.columns)}}}{{@{{}}l}}{{\textit{{{_tex(block.title)}}}}} \\"]
        for place, section in enumerate(block.sections):
            lines += [r"\addlinespace"] * bool(place) + [_line(map(_cell, row)) for row in section]
    return lines


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{_tex(cell.text)}}}" if cell.bold else _tex(cell.text)
    return text + (rf"\textsuperscript{{{_tex(cell.marks)}}}" if cell.marks else "")


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _tex(text: str) -> str:
    """Escaped; a character that pdflatex has no glyph for by its number."""
    return "".join(one if ord(one) <= LAST_LATIN else f"[U+{ord(one):04X}]" for one in text.translate(LATEX))
