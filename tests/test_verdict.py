"""Whether a published row was reached: by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightexp.report.errors import ReportError
from lightexp.report.groups import Group, Groups
from lightexp.report.metrics import KNOWN
from lightexp.report.published import Citation, Published, citations
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec
from lightexp.report.verdict import Comparison, compare, lines, summary
from tests.test_report import column, run

ERROR, BYTES, RATIO = KNOWN["test/error"], KNOWN["size/file_bytes"], KNOWN["size/ratio"]
T4 = 2.7764451
"""Of Student's t with 4 degrees of freedom, 97.5 % lie below this."""


def ours(settings=None, **figures):
    """A row whose figures are given by the end of their name."""
    known = {"error": "test/error", "bytes": "size/file_bytes", "ratio": "size/ratio"}
    values = {known[name]: np.array(found, float) for name, found in figures.items()}
    return Group(settings or {}, list(range(len(next(iter(values.values()))))), values)


def five(mean, half):
    """Five values of that mean, whose 95 % interval has that half width."""
    sd = half * math.sqrt(5) / T4
    return mean + sd * math.sqrt(2) * np.array([-1, 0, 0, 0, 1])


def theirs(rounding=None, settings=None, **figures):
    known = {"error": ERROR.name, "bytes": BYTES.name, "ratio": RATIO.name}
    named = {known[name]: value for name, value in (rounding or {}).items()}
    return Citation("Han 2016", settings or {}, {known[name]: value for name, value in figures.items()}, named)


def outcome(citation, group):
    return Comparison(citation, group, "", tuple(m for m in (ERROR, BYTES, RATIO) if m.name in citation.figures)).outcome


@pytest.mark.parametrize(
    ("mean", "half", "found"),
    [
        (1.50, 0.07, "beaten"),  # 1.43 … 1.57, theirs 1.58
        (1.50, 0.09, "reproduced"),  # 1.41 … 1.59
        (1.66, 0.09, "reproduced"),  # 1.57 … 1.75
        (1.66, 0.07, "missed"),  # 1.59 … 1.73
    ],
)
def test_the_interval_of_the_mean_decides(mean, half, found):
    assert outcome(theirs(error=1.58), ours(error=five(mean, half))) == found


def test_all_figures_are_judged_together():
    alike, behind, better, worse = five(1.58, 0.05), five(1.6, 0.05), five(1.4, 0.05), five(1.8, 0.05)
    small, equal, large = [26_000] * 5, [27_000] * 5, [28_000] * 5
    row = theirs(error=1.58, bytes=27_000)
    expected = {
        "beaten": [(alike, small), (better, equal), (better, small)],
        "reproduced": [(alike, equal), (behind, small)],
        "missed": [(worse, small), (better, large), (worse, large)],
    }
    for found, pairs in expected.items():
        for error, size in pairs:
            assert outcome(row, ours(error=error, bytes=size)) == found


def test_more_is_better_where_the_metric_says_so():
    assert [outcome(theirs(ratio=40), ours(ratio=[n] * 3)) for n in (41, 40, 39)] == ["beaten", "reproduced", "missed"]


def test_a_published_figure_is_all_that_rounds_to_it():
    rounded = {"bytes": 500}
    found = [outcome(theirs(rounded, bytes=27_000), ours(bytes=[n] * 5)) for n in (26_499, 26_501, 27_499, 27_501)]
    assert found == ["beaten", "reproduced", "reproduced", "missed"]
    assert outcome(theirs(bytes=27_000), ours(bytes=[27_001] * 5)) == "missed"


def test_the_digits_of_the_csv_say_how_it_was_rounded(tmp_path):
    (tmp_path / "p.csv").write_text("who,error,bytes,ratio\nA,0.80,2.7e4,40\n")
    spec = Published("p.csv", "who", {"error": ERROR.name, "bytes": BYTES.name, "ratio": RATIO.name})
    (found,) = citations(spec, tmp_path)
    assert found.figures == {ERROR.name: 0.8, BYTES.name: 27_000.0, RATIO.name: 40.0}
    assert found.rounding == pytest.approx({ERROR.name: 0.005, BYTES.name: 500, RATIO.name: 0.5})


def test_one_seed_is_its_own_figure_and_the_line_says_so():
    beaten, missed = (Comparison(theirs(error=1.58), ours(error=[x]), "", (ERROR,)) for x in (1.5, 1.6))
    assert beaten.line() == "Han 2016: beaten (one seed): test error 1.58 → 1.50 %"
    assert (missed.outcome, summary([missed])) == ("missed", "missed, one seed")


def test_a_figure_that_we_lack_is_not_reached():
    assert outcome(theirs(error=1.58, ratio=40), ours(error=five(1.0, 0.1))) == "missed"


@given(st.lists(st.floats(0.5, 3), min_size=1, max_size=6), st.floats(0.5, 3), st.floats(0, 0.2))
def test_no_row_is_beaten_from_behind_nor_missed_from_before(errors, published, rounding):
    found, mean = outcome(theirs({"error": rounding}, error=published), ours(error=errors)), np.mean(errors)
    assert not (found == "beaten" and mean > published + 1e-9)
    assert not (found == "missed" and mean < published - 1e-9)


def test_rows_are_matched_by_their_settings_and_those_not_run_are_told():
    errors = {"x": 1.6, "y": 1.5, "z": 1.4}
    rows = [ours({"model": net, "coder": coder}, error=five(errors[coder], 0.01)) for net in ("a", "b") for coder in errors]
    cited = [theirs(settings={"model": net}, error=1.58) for net in ("a", "c")]
    found = compare(cited, Groups(["model", "coder"], [], rows, "", []), [ERROR])
    assert [[one.ours for one in each] for each in found.values()] == [["x", "y", "z"], []]
    assert lines(found) == [
        "Han 2016, a · z: beaten: test error 1.58 → 1.40 ± 0.01 %; other rows of ours: 1 beaten, 1 missed",
        "not run: Han 2016, c",
    ]
    assert summary(found[cited[0]]) == "2 beaten, 1 missed"


def test_what_the_runs_are_not_about_is_not_run_though_it_does_not_vary(tmp_path):
    (tmp_path / "p.csv").write_text("who,keeps,error\nA,0.5,2.50\nA,0.5,2.60\nB,0.9,1.00\n")
    frame = pd.DataFrame([run(seed, 1.9 + 0.1 * seed, 0.5) for seed in range(3)])
    published = Published("p.csv", "who", {"error": "test/error"}, match={"keeps": "sparsity"})
    made = summarise(frame, TableSpec(rows="sparsity", published=published), tmp_path)
    assert [line.partition(": test")[0] for line in made.verdicts] == ["A, 0.5: beaten", "A, 0.5: beaten", "not run: B, 0.9"]
    assert [cell.text for cell in column(made, "verdict")][-2:] == ["beaten", "beaten"]  # both rows of one name stand
    with pytest.raises(ReportError, match="judge names 'test/eror', which is no figure; did you mean 'test/error'"):
        summarise(frame, TableSpec(rows="sparsity", published=replace(published, judge="test/eror")), tmp_path)


def test_the_table_has_a_column_of_verdicts(tmp_path):
    (tmp_path / "p.csv").write_text("who,keeps,error,ratio\nA,0.5,2.50,1e9\nB,0.9,1.00,\nC,0.1,9.99,\n")
    frame = pd.DataFrame([run(seed, 1.9 + 0.1 * seed, sparsity) for seed in range(3) for sparsity in (0.5, 0.9)])
    match, figures = {"keeps": "sparsity"}, {"error": "test/error", "ratio": "size/ratio"}
    published = Published("p.csv", "who", figures, judge="test/error", match=match)
    made = summarise(frame, TableSpec(rows="sparsity", published=published), tmp_path)
    assert [cell.text for cell in column(made, "verdict")][-2:] == ["beaten", "missed"]
    assert [line.partition(": test")[0] for line in made.verdicts] == ["A, 0.5: beaten", "B, 0.9: missed", "not run: C, 0.1"]
