"""What is called best, and what not distinguishable from it: by hand, and against scipy."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lightexp.report.best import verdicts
from lightexp.report.groups import Group
from lightexp.report.metrics import KNOWN
from lightexp.report.significance import half_width, holm, paired, paired_p
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec
from tests.test_report import column, run

ERROR, ACCURACY = KNOWN["test/error"], KNOWN["test/accuracy"]
figures = st.lists(st.floats(-5, 5), min_size=2, max_size=8)


def row(*errors, seeds=None, metric="test/error"):
    return Group({}, list(seeds or range(len(errors))), {metric: np.array(errors, float)})


def test_the_interval_by_hand():
    # t of 4 degrees of freedom is 2.776 at 97.5 %; sd 0.5, n 5.
    assert half_width(0.5, 5) == pytest.approx(2.7764451 * 0.5 / math.sqrt(5))


@given(figures.filter(lambda values: np.std(values) > 1e-6))
def test_the_interval_is_scipys(values):
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert half_width(np.std(values, ddof=1), len(values)) == pytest.approx((high - low) / 2)


def test_a_paired_t_test_by_hand():
    # Differences 1, 2, 3: mean 2, sd 1, t = 2·√3; with 2 degrees of freedom p = 1 − t/√(t² + 2).
    t = 2 * math.sqrt(3)
    assert paired_p(np.array([1.0, 2.0, 3.0])) == pytest.approx(1 - t / math.sqrt(t * t + 2))


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=8))
def test_a_paired_t_test_is_scipys(pairs):
    one, other = np.array(pairs).T
    if np.std(one - other) > 1e-6:
        assert paired_p(one - other) == pytest.approx(stats.ttest_rel(one, other).pvalue, abs=1e-12)


def test_equal_differences_leave_no_variance_to_believe_in():
    # A t-test would say p = 0 of two seeds; flipping the signs of n differences gives no less than 2^(1−n).
    assert paired_p(np.array([0.3, 0.3])) == 0.5
    assert paired_p(np.array([0.1 + 0.2, 0.3, 0.3])) == 0.25
    assert paired_p(np.full(6, -2.0)) == 2**-5
    assert paired_p(np.zeros(4)) == 1.0
    assert paired_p(np.array([1.0])) is None and paired_p(np.array([])) is None


@given(st.permutations([("a", 1.0), ("b", 2.5), ("c", 4.0)]))
def test_pairs_go_by_seed_whatever_the_order(shuffled):
    assert sorted(paired(dict(shuffled), {"c": 1.0, "a": 3.0, "d": 0.0})) == [-2.0, 3.0]


def test_holm_by_hand():
    # Sorted 0.01, 0.02, 0.03, 0.04 times 4, 3, 2, 1: 0.04, 0.06, 0.06, 0.04, which must not fall.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0] and holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_lies_between_no_correction_and_bonferronis(ps):
    adjusted = holm(ps)
    for p, corrected in zip(ps, adjusted, strict=True):
        assert p <= corrected <= min(1.0, len(ps) * p)
    order = np.argsort(ps, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_the_best_and_what_cannot_be_told_from_it():
    best, near, far = row(1.0, 1.2, 1.1, 1.3), row(1.1, 1.1, 1.3, 1.3), row(3.0, 3.3, 3.1, 3.2)
    found = verdicts([far, near, best], ERROR)
    ps = [stats.ttest_rel(other.figure("test/error"), best.figure("test/error")).pvalue for other in (near, far)]
    assert found[best].best and found[best].p is None and not found[best].indistinguishable
    assert found[near].p == pytest.approx(max(ps[0], 2 * ps[1])) and found[near].indistinguishable
    assert found[far].p == pytest.approx(2 * ps[1]) and not found[far].indistinguishable


def test_correction_takes_the_family_into_account():
    best, rival = row(1.0, 1.1, 1.2), row(1.20, 1.36, 1.52)
    alone = verdicts([best, rival], ERROR)[rival]
    assert 0.01 < alone.p < 0.05 and not alone.indistinguishable
    crowd = [row(2.0 + n, 1.0 + n, 9.0 + n) for n in range(4)]
    among = verdicts([best, rival, *crowd], ERROR)[rival]
    assert among.p == pytest.approx(5 * alone.p) and among.indistinguishable


def test_pairing_sees_what_means_hide():
    seeds = np.array([1.0, 5.0, 9.0, 13.0])
    rows = [row(*seeds), row(*(seeds + [0.50, 0.52, 0.48, 0.51]))]
    assert stats.ttest_ind(*(one.figure("test/error") for one in rows)).pvalue > 0.8
    assert not verdicts(rows, ERROR)[rows[1]].indistinguishable


def test_the_highest_is_best_where_higher_is_better_and_ties_are_all_best():
    rows = [row(90, 91, metric="test/accuracy"), row(91, 90, metric="test/accuracy"), row(80, 80, metric="test/accuracy")]
    found = verdicts(rows, ACCURACY)
    assert [found[one].best for one in rows] == [True, True, False]


def test_what_shares_too_few_seeds_is_not_shown_to_differ():
    best, tested, other = row(1.0, 1.1), row(9.0, 9.2), row(9.0, 9.1, seeds=(1, 7))
    found = verdicts([best, tested, other], ERROR)
    assert found[other].p is None and found[other].indistinguishable
    assert not any(one.indistinguishable for one in verdicts([row(1.0), row(2.0)], ERROR).values())


def test_a_table_marks_what_cannot_be_told_apart():
    errors = {0.5: [1.0, 1.2, 1.1], 0.7: [1.1, 1.1, 1.3], 0.9: [5.0, 5.3, 5.1]}
    runs = [run(seed, error, sparsity) for sparsity, found in errors.items() for seed, error in enumerate(found)]
    made = summarise(pd.DataFrame(runs))
    assert [cell.marks for cell in column(made, "test error")] == ["", "", "≈", ""]
    assert [cell.bold for cell in column(made, "test error")] == [False, True, False, False]
    assert any(note.startswith("≈ Not distinguishable") for note in made.footnotes)


def test_intervals_instead_of_deviations():
    made = summarise(
        pd.DataFrame([run(seed, error) for seed, error in enumerate((2.0, 3.0, 4.0))]), TableSpec(spread="interval")
    )
    # t of 2 degrees of freedom is 4.303 at 97.5 %; sd 1, n 3.
    assert column(made, "test error")[1].text == "3.00 ± 2.48"
    assert "95 % interval" in made.footnotes[0]
