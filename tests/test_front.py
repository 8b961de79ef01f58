"""Pareto fronts, what they dominate, and how a search moved its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightexp.report.front import hypervolume, on_front
from lightexp.report.search_front import Trials, search_front_figure
from lightexp.report.series import NotDrawn


def test_a_front_and_what_it_dominates_by_hand():
    points = [(1, 3), (2, 1), (2, 3), (3, 2), (1, 3), (4, 1)]
    assert on_front(points).tolist() == [True, True, False, False, True, False]
    # 3 × 1 left of the reference (4, 4) and below it, and 2 × 2 more.
    assert hypervolume([(1, 3), (2, 1)], (4, 4)) == 7
    assert hypervolume([(5, 0)], (4, 4)) == 0


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_what_is_on_the_front_nothing_dominates(points):
    def dominated(one):
        return any(other[0] <= one[0] and other[1] <= one[1] and other != one for other in points)

    kept = on_front(points)
    assert kept.tolist() == [not dominated(one) for one in points]
    front = [point for point, on in zip(points, kept, strict=True) if on]
    assert (
        hypervolume(front, (10, 10))
        == hypervolume(points, (10, 10))
        == sum(any(x <= a and y <= b for x, y in points) for a in range(10) for b in range(10))
    )


def test_a_searchs_front_by_hand():
    trials = Trials.read(
        b"trial,state,sparsity,val_error,file_bytes\n1,complete,0.9,4,100\n0,complete,0.5,2,200\n"
        b"2,failed,0.6,,\n3,complete,0.7,4,200\n4,complete,0.8,2,100\n",
        {"val_error": "minimize", "file_bytes": "minimize"},
    )
    assert trials.points == [(200, 2), (100, 4), (200, 4), (100, 2)]
    fronts, progress = search_front_figure(trials).axes
    assert fronts.get_xlabel() == "file (bytes)" and fronts.get_ylabel() == "val. error (%)"
    assert [line.get_label() for line in fronts.lines] == ["trial", "front after 1", "front after 2", "front after 4"]
    assert fronts.lines[2].get_xdata().tolist() == [100, 200] and fronts.lines[3].get_xdata().tolist() == [100]
    # The reference is (205, 4.1): 5 × 2.1, then 100 × 0.1 more, nothing more, and all of 105 × 2.1.
    assert progress.lines[0].get_ydata() == pytest.approx(100 * np.array([10.5, 20.5, 20.5, 220.5]) / 220.5)


def test_a_search_for_one_figure_has_no_front():
    with pytest.raises(NotDrawn, match="this one is for val_error$"):
        Trials.read(b"", {"val_error": "minimize"})
