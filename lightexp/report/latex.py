"""A table for a paper."""

from collections.abc import Iterable

from lightexp.report.cells import Cell, Table

LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"±": r"$\pm$", "→": r"$\to$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "Δ": r"$\Delta$", "×": r"$\times$"}
    | {"†": r"$\dagger$", "‡": r"$\ddagger$", "≈": r"$\approx$", "−": "$-$", "–": "--"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
)

ALONE = r"""% \input this in a document that uses booktabs, or compile it as it is.
\expandafter\ifx\csname @classoptionslist\endcsname\relax
\documentclass{article}\usepackage[margin=2cm]{geometry}\usepackage{booktabs}\pagestyle{empty}
\begin{document}\def\finished{\end{document}}
\else\let\finished\relax\fi"""
"""No class has set its options yet: then the file is the whole document."""


def latex(table: Table) -> str:
    r"""A `table` float that needs `\usepackage{booktabs}` alone, and a document by itself."""
    alignment = "".join("r" if column.number else "l" for column in table.columns)
    lines = [
        ALONE,
        r"\begin{table}",
        r"\centering\small\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{_tex(table.title)}}}",
        rf"\begin{{tabular}}{{@{{}}{alignment}@{{}}}}",
        r"\toprule",
        *_headings(table),
        r"\midrule",
        *_body(table),
        r"\bottomrule",
        r"\end{tabular}",
        *(rf"\par\smallskip{{\footnotesize {_tex(note)}}}" for note in table.footnotes),
        r"\end{table}",
        r"\finished",
    ]
    return "\n".join(lines) + "\n"


def _headings(table: Table) -> list[str]:
    """What stands over several columns, the titles, and below these their units and arrows."""
    lines, spans, at = [], table.headings(), 1
    if spans:
        lines.append(_line(rf"\multicolumn{{{width}}}{{c}}{{{_tex(over)}}}" for over, width in spans))
        for over, width in spans:
            lines += [rf"\cmidrule(lr){{{at}-{at + width - 1}}}"] * bool(over)
            at += width
    lines.append(_line(_tex(column.title) for column in table.columns))
    return [*lines, _line(_tex(column.measure) for column in table.columns)]


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
    return text.translate(LATEX)
