"""The ranking names each setting once, the best on top, and hides no run."""

import pandas as pd
import pytest

from lightexp.report.groups import group
from lightexp.report.ranking import MOST, ranking_figure
from lightexp.report.series import NotDrawn
from lightexp.report.style import WIDTH
from tests.test_report import run


def swept(errors: dict[str, list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            run(seed, error, tags={"tag.criterion": name, "tag.key": f"{name}{seed}"})
            for name, found in errors.items()
            for seed, error in enumerate(found)
        ]
    )


def labels(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def test_the_best_is_on_top_with_all_its_runs():
    figure = ranking_figure(group(swept({"random": [9.0, 11.0], "magnitude": [2.0, 3.0], "taylor": [3.0, 4.0]})))
    assert labels(figure) == ["magnitude", "taylor", "random"]
    axes = figure.axes[0]
    (rings,) = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert rings.get_xdata().tolist() == [2.0, 3.0, 3.0, 4.0, 9.0, 11.0]
    assert rings.get_ydata().tolist() == [0, 0, 1, 1, 2, 2]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # downwards
    assert axes.get_xlabel() == "test error (%)"


@pytest.mark.parametrize(("worst", "scale"), [(12.0, "linear"), (60.0, "log")])
def test_errors_that_span_a_decade_stand_on_a_log_axis(worst, scale):
    assert ranking_figure(group(swept({"a": [2.0], "b": [worst]}))).axes[0].get_xscale() == scale


def test_names_fit_and_the_page_ends():
    figure = ranking_figure(group(swept({f"criterion_of_a_long_name_{n}": [2.0 + n / 100] for n in range(MOST + 5)})))
    figure.draw_without_rendering()
    assert len(labels(figure)) == MOST
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert all(box.x0 >= 0 for box in boxes)
    assert figure.get_figwidth() == WIDTH
    assert not any(above.overlaps(below) for above, below in zip(boxes, boxes[1:], strict=False))


def test_seeds_alone_have_no_ranking():
    with pytest.raises(NotDrawn, match="nothing varies but the seed"):
        ranking_figure(group(pd.DataFrame([run(0), run(1)])))
