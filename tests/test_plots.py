"""The pictures of a sweep: what they show, by hand; and which of them its runs allow."""

import re
from itertools import pairwise
from math import nan as NAN

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from lightexp.cli.plot import show
from lightexp.report.curves import Curve, curves
from lightexp.report.error_bytes import best, error_bytes_figure
from lightexp.report.error_density import error_density_figure
from lightexp.report.errors import ReportError
from lightexp.report.gallery import OF_FILES, OF_RUNS, drawn
from lightexp.report.groups import group
from lightexp.report.metrics import KNOWN
from lightexp.report.profiles import layer_profiles
from lightexp.report.series import MUTED, NotDrawn
from lightexp.report.sweep import Sweep
from lightexp.report.weights import LayerWeights, weights_figure
from lightexp.track.server import open_store
from lightexp.track.summary import summary_run
from tests import tracked
from tests.test_report import run

FIVE = (0.8, 0.9, 0.95, 0.98, 0.99)


def setting(criterion, sparsity, error, file_bytes, seeds=(0, 1)):
    """Runs of a setting, whose errors lie half a point to either side."""
    tags, sizes = {"tag.criterion": criterion}, {"size/file_bytes": file_bytes}
    return [run(seed, error + seed - 0.5, sparsity, tags=tags, metrics=sizes) for seed in seeds]


def frame(*settings):
    return pd.DataFrame([row for rows in settings for row in rows])


def grid():
    """Magnitude has the lower error at every size."""
    sizes = [1000 * (1 - sparsity) for sparsity in FIVE]
    good, bad = ([*zip(FIVE, sizes, strict=True)] for _ in range(2))
    return frame(
        *(setting("magnitude", sparsity, 1 + 10 * sparsity, size) for sparsity, size in good),
        *(setting("random", sparsity, 2 + 10 * sparsity, size) for sparsity, size in bad),
    )


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def boxes(texts):
    return [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]


def assert_nothing_overlaps(figure):
    figure.draw_without_rendering()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            shown = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            found = boxes(shown)
            assert not any(a.overlaps(b) for a, b in pairwise(found)), axis
            assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 for box in found)
    for entries in figure.legends:
        found = boxes(entries.get_texts())
        assert not any(a.overlaps(b) for place, a in enumerate(found) for b in found[place + 1 :])
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1 for box in found)


# Error against bytes and density


def test_beaten_settings_are_muted_and_stairs_lead_over_the_rest():
    found = group(grid())
    assert [one.settings["criterion"] for one in best(found)] == ["magnitude"] * 5
    figure = error_bytes_figure(found)
    assert legend(figure) == ["magnitude", "random", "dense control", "Pareto front"]
    alphas = {line.get_alpha() for line in figure.axes[0].lines if line.get_color() == "#D55E00" and line.get_marker() == "s"}
    assert alphas >= {MUTED} and 1.0 not in alphas
    (stairs,) = [line for line in figure.axes[0].lines if line.get_drawstyle() == "steps-post" and line.get_linewidth() == 3]
    assert stairs.get_xdata() == pytest.approx([10, 20, 50, 100, 200])
    assert stairs.get_ydata() == pytest.approx([10.9, 10.8, 10.5, 10, 9])
    assert_nothing_overlaps(figure)


def test_of_a_metric_that_should_be_high_the_front_is_the_other_way_round():
    rows = grid().assign(**{"test/accuracy": lambda frame: 100 - frame["test/error"]})
    assert [one.settings for one in best(group(rows), KNOWN["test/accuracy"])] == [one.settings for one in best(group(rows))]
    assert error_bytes_figure(group(rows), metric=KNOWN["test/accuracy"]).axes[0].get_ylabel() == "test accuracy (%)"


def test_thousands_of_runs_are_few_artists():
    many = frame(*(setting("ab"[n % 2], n / 1000, 2 + n % 7, 1000 + n) for n in range(1000)))
    axes = error_bytes_figure(group(many)).axes[0]
    assert len(axes.lines) + len(axes.collections) < 60
    assert sum(len(line.get_xdata()) for line in axes.lines if line.get_markerfacecolor() == "white") >= 2000


def test_files_of_others_stand_beside_ones_own():
    theirs = [
        Curve("random codes (Havasi 2019)", [0.96, 0.69], [NAN, NAN], [1520, 3030]),
        Curve("uncounted (X)", [1.0], [5.0], [NAN]),
    ]
    figure = error_bytes_figure(group(frame(setting("a", 0.9, 2, 1000), setting("b", 0.95, 3, 500))), theirs)
    assert legend(figure)[-1] == theirs[0].name and theirs[1].name not in legend(figure)
    grey = [line for line in figure.axes[0].lines if line.get_linestyle() == ":"]
    assert [line.get_xydata().tolist() for line in grey] == [[[1520, 0.96], [3030, 0.69]]]
    assert figure.axes[0].get_xlim()[1] > 3030
    assert_nothing_overlaps(figure)


def test_curves_over_density_with_those_of_others():
    theirs = Curve("sparse momentum (Dettmers 2019)", [1.53, 2.36], [5.0, 1.0], [NAN, NAN])
    figure = error_density_figure(group(grid()), [theirs])
    assert legend(figure) == ["magnitude", "random", "dense control", theirs.name]
    axes = figure.axes[0]
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "weights kept (%)"
    joined = [line for line in axes.lines if line.get_linewidth() == 0.9 and len(line.get_xdata()) == 5]
    assert [line.get_xdata() for line in joined] == [pytest.approx([1, 2, 5, 10, 20])] * 2
    assert joined[0].get_ydata() == pytest.approx([10.9, 10.8, 10.5, 10, 9])
    assert_nothing_overlaps(figure)


def test_a_curve_over_density_takes_five():
    rows = grid()
    with pytest.raises(NotDrawn, match="here are 4 at most"):
        error_density_figure(group(rows[rows["param.sparsity"] > 0.8]))


def test_published_curves_are_those_of_the_sweeps_net(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text(
        "source,dataset,network,method,kept_percent,error,checked\n"
        "A 2019,mnist,lenet300,x,5,1.5,paper\nA 2019,mnist,lenet300,x,1,2.5,paper\n"
        "B 2020,mnist,lenet300,y,2,2.0,memory\nA 2019,mnist,lenet5,x,1,0.8,paper\n"
    )
    runs = pd.DataFrame([run(tags={"tag.data": "mnist"})])
    first, second = curves(path, runs)
    assert (
        first.over_density() == ([1.0, 5.0], [2.5, 1.5])
        and first.over_bytes() == ([], [])
        and second.name == "B 2020 (memory)"
    )
    with path.open("a") as file:
        file.write("B 2020,mnist,lenet300,z,2,2.0,\n")
    assert [curve.name for curve in curves(path, runs)] == ["A 2019", "y (B 2020, memory)", "z (B 2020)"]
    with pytest.raises(ReportError, match="^published.csv says nothing of dataset digits, only of mnist$"):
        curves(path, pd.DataFrame([run()]))
    path.write_text("source,method,error,bytes\nC 2021,z,1.9,8560\nC 2021,z,2.5,\n")
    assert curves(path, runs)[0].over_bytes() == ([8560], [1.9])
    path.write_text("source,method,error\n")
    with pytest.raises(ReportError, match="has neither of the columns kept_percent and bytes"):
        curves(path, runs)
    path.write_text("source,method,error,bytes\nC 2021,z,low,8560\n")
    with pytest.raises(ReportError, match="published.csv: error is no number"):
        curves(path, runs)
    path.write_text("source,error,bytes\n")
    with pytest.raises(ReportError, match="has no column method"):
        curves(path, runs)
    with pytest.raises(ReportError, match="cannot be read as a csv"):
        curves(tmp_path / "nowhere.csv", runs)


# Layers and weights


def test_equal_figures_of_layers_stand_side_by_side_and_a_dead_layer_is_a_cross():
    layers = [
        {"name": f"conv{n}", "params": 1000, "nonzero": kept, "bits": 4, "code_bytes": 10} for n, kept in enumerate((0, 9, 900))
    ]
    figure = layer_profiles({"a": [{"layers": layers}], "b": [{"layers": layers}, {"layers": layers}]})
    density, bits, _ = figure.axes
    assert density.get_yscale() == "log" and bits.get_yscale() == "linear"
    assert [line.get_xdata().tolist() for line in density.lines if line.get_marker() == "x"] == [[-0.125], [0.125]]
    first, second = bits.lines
    assert (second.get_xdata() - first.get_xdata()).tolist() == [0.25] * 3
    assert_nothing_overlaps(figure)


def test_weights_lie_on_their_values_with_the_count_of_each():
    before = np.array([-0.5, -0.4, 0.1, 0.2, 0.3])
    layer = LayerWeights(
        "fc", before, first=np.array([-0.4, -0.4, 0.2, 0.2, 0.2]), last=np.array([-0.45, -0.45, 0.2, 0.2, 0.2])
    )
    figure = weights_figure([layer])
    dots, triangles = figure.axes[0].lines
    assert (dots.get_xdata().tolist(), dots.get_ydata().tolist()) == ([-0.45, 0.2], [2, 3])
    assert triangles.get_xdata().tolist() == [-0.4, 0.2]
    assert sum(patch.get_height() for patch in figure.axes[0].patches) == 5
    assert legend(figure) == ["before", "after, in the file", "first centroids"]


# The command


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return tracked.sweep(tmp_path_factory.mktemp("sweep"))


def test_plot_draws_what_the_runs_allow_and_says_what_they_lack(uri, tmp_path, capsys):
    show("small", tmp_path, "pdf", None, "test/error", uri)
    names = ["error_bytes", "ranking", "stages", "layers", "weights"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:5] == [str(tmp_path / f"{name}.pdf") for name in names]
    assert lines[5:] == [
        "no error_latency: no run has both test error and a latency (latency=onnx gives one)",
        "no error_density: a curve takes 5 densities of one method, here are 2 at most",
        "no search_front: the runs are not a search's",
    ]
    assert all((tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF") for name in names)
    client, _ = open_store(uri, "lightexp")
    kept = {file.path for file in client.list_artifacts(summary_run(uri, "small").info.run_id)}
    assert kept == {f"{name}.pdf" for name in names}


def test_every_picture_of_real_runs_is_legible(uri):
    figures = [figure for _, figure in drawn(Sweep.gather(uri, None), OF_RUNS + OF_FILES) if isinstance(figure, Figure)]
    assert len(figures) == 5
    for figure in figures:
        assert_nothing_overlaps(figure)


@pytest.mark.parametrize(
    ("name", "metric", "said"),
    [
        ("smal", "test/error", "there is no sweep 'smal'; did you mean 'small'?"),
        ("small", "test/eror", "no run has logged the metric 'test/eror'; did you mean 'test/error'?"),
    ],
)
def test_bad_input_is_one_line(uri, tmp_path, name, metric, said):
    with pytest.raises(ReportError, match=f"^{re.escape(said)}") as caught:
        show(name, tmp_path, "png", None, metric, uri)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_the_validation_split_chooses_the_settings_of_profiles(uri):
    sweep = Sweep.gather(uri, "small")
    best_on_test = sweep.frame.assign(**{"test/error": sweep.frame["size/file_bytes"].rank(), "size/file_bytes": 1.0})
    best_on_val = best_on_test.assign(**{"val/error": -best_on_test["test/error"]})
    shown = Sweep(best_on_val, sweep.artifacts).records
    worst = best_on_val.loc[best_on_val["test/error"].idxmax(), "run_id"]
    assert sweep.artifacts.record(worst) in next(iter(shown.values()))


def test_weights_without_their_stages_are_not_drawn(uri, tmp_path):
    sweep = Sweep.gather(uri, "small")
    moved = Sweep(sweep.frame.assign(**{"param.cache.root": str(tmp_path)}), sweep.artifacts)
    with pytest.raises(NotDrawn, match="does not hold stage cut of the run; run it again"):
        moved.weights()
