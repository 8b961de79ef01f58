"""What a reader of a table must know, as far as it concerns this one."""

from lightexp.report.cells import Cell
from lightexp.report.figures import ALIKE, MISSED, TOLERANCE, VERSION
from lightexp.report.significance import LEVEL
from lightexp.report.table_spec import TableSpec

SPREADS = {
    "sd": "Mean ± sample standard deviation over n seeds.",
    "interval": "Mean ± half the width of its 95 % interval (Student's t) over n seeds.",
}


def footnotes(cells: list[Cell], spec: TableSpec, common_n: int | None, version: str) -> list[str]:
    """Notes on the marks that stand in these cells, on ±, on bold, and on what Δ is against."""
    texts, marks = "".join(cell.text for cell in cells), {mark for cell in cells for mark in cell.marks}
    against = ", ".join(f"{name} {value}" for name, value in spec.against.items())
    notes = {
        SPREADS[spec.spread]: "±" in texts,
        f"n = {common_n} in every cell.": common_n is not None,
        f"Δ against {against}, seed by seed.": bool(against),
        f"{ALIKE} Not distinguishable from the best, in bold (t-test paired by seed, {100 * LEVEL:.0f} % after Holm's "
        "correction).": ALIKE in marks,
        f"{MISSED} A run is over {100 * TOLERANCE:.0f} % off the sparsity or bits asked for.": MISSED in marks,
        f"{VERSION} A run was made by other code than the newest ({version}).": VERSION in marks,
    }
    return [note for note, applies in notes.items() if applies]
