"""Pictures fit a paper's column for nets of any depth, and hide nothing."""

import math
import struct
from dataclasses import asdict, replace

import matplotlib
import pandas as pd
import pytest

from lightexp.experiment import Record
from lightexp.report.error_bytes import error_bytes_figure
from lightexp.report.groups import group
from lightexp.report.observer import Pictures
from lightexp.report.pictures import layers_figure, stages_figure
from lightexp.report.style import DPI, WIDTH, save

COUNTS = [1, 3, 20, 57]


def record(stages=3, layers=3, **changed):
    rows = [
        {"stage": f"stage_{n}", "val_accuracy": 98 - n / 10, "file_bytes": int(2e5 / 1.2**n), "ratio": 1.2**n}
        for n in range(stages)
    ]
    weights = [
        {
            "name": f"group.{n}.conv",
            "params": 1000,
            "nonzero": 1000 // (n + 1),
            "bits": 4 + n % 3,
            "code_bytes": 500.0 / (n + 1),
        }
        for n in range(layers)
    ]
    figures = dict.fromkeys(Record.__dataclass_fields__, 0)
    figures |= {"test_accuracy": 97.0, "dense_test_accuracy": 97.5, "stages": rows, "layers": weights}
    return Record(**(figures | changed))


def width(path):
    """Pixels, from a PNG's header."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    return struct.unpack(">I", content[16:20])[0]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("draw", [stages_figure, layers_figure])
def test_the_picture_is_a_column_wide(draw, count, tmp_path):
    path = save(draw(record(count, count)), tmp_path / "figure.png")
    assert width(path) == round(WIDTH * DPI) and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("draw", [stages_figure, layers_figure])
def test_names_do_not_overlap_and_nothing_is_cut_off(draw, count):
    figure = draw(record(count, count))
    figure.draw_without_rendering()
    lower = figure.axes[-1]
    names = [text for text in lower.get_xticklabels() if text.get_text()]
    boxes = [text.get_window_extent() for text in names]
    # The boxes of slanted names overlap although the names do not.
    assert names[0].get_rotation() == 30 or not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 for box in boxes)


def test_validation_and_test_are_told_apart():
    figure = stages_figure(record())
    texts = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert texts == ["validation", "test, final file", "test, dense control"]
    alone = stages_figure(record(dense_test_accuracy=None))
    assert [text.get_text() for text in alone.legends[0].get_texts()] == texts[:2]


def test_a_record_and_its_json_give_the_same_picture(tmp_path):
    first, second = (save(stages_figure(one), tmp_path / "figure.png").read_bytes() for one in (record(), asdict(record())))
    assert first == second


def test_ratios_stand_over_the_bars():
    texts = [text.get_text() for text in stages_figure(record()).axes[1].texts]
    assert texts == ["1.0×", "1.2×", "1.4×"]


def test_density_is_logarithmic_only_over_more_than_a_decade():
    assert layers_figure(record(layers=3)).axes[0].get_yscale() == "linear"
    assert layers_figure(record(layers=20)).axes[0].get_yscale() == "log"


@pytest.mark.parametrize("kept", [[0], [0, 500], [0, 1, 900]])
def test_a_layer_without_weights_is_marked(kept):
    rows = [{"name": str(n), "params": 1000, "nonzero": count, "bits": 4, "code_bytes": count} for n, count in enumerate(kept)]
    axes = layers_figure(replace(record(), layers=rows)).axes[0]
    axes.figure.draw_without_rendering()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["no weight kept"]
    assert all(math.isfinite(limit) for limit in axes.get_ylim())


def test_the_observer_leaves_both_pictures(tmp_path):
    Pictures().finish(record(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers.png", "stages.png"]


def test_nobody_elses_pictures_change():
    before = dict(matplotlib.rcParams)
    layers_figure(record())
    assert dict(matplotlib.rcParams) == before


def sweep(*settings):
    """Three seeds of each setting: sparsity, or criterion and sparsity."""
    rows = [
        {
            "run_id": f"{n} {seed}",
            "status": "FINISHED",
            "started": n,
            "param.seed": seed,
            "test/error": 2 + n / 10 + seed / 7,
            "size/file_bytes": 1000.0 * (n + 1),
            "test/dense_error": 1.5,
            "size/original_bytes": 1e5,
        }
        | setting
        for n, setting in enumerate(settings)
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_legend_names_settings_that_are_few():
    few = error_bytes_figure(group(sweep(*({"param.sparsity": n / 10} for n in range(3)))))
    assert legend(few) == ["sparsity 0", "sparsity 0.1", "sparsity 0.2", "dense control (at 100k)"]
    many = error_bytes_figure(group(sweep(*({"param.sparsity": n / 10} for n in range(9)))))
    assert legend(many) == ["compressed", "dense control (at 100k)"]
    words = error_bytes_figure(group(sweep(*({"param.sparsity": n / 10, "tag.criterion": "ab"[n % 2]} for n in range(9)))))
    assert legend(words) == ["a", "b", "dense control (at 100k)"]


def test_what_varies_along_a_series_is_its_own():
    # The one is measured over ranks, the other over sparsities and strengths: each is a line of its own, or two.
    ranks = [{"tag.experiment": "low_rank", "param.rank": n / 10} for n in range(1, 4)]
    pruned = [{"tag.experiment": "pruned", "param.sparsity": n / 10, "param.strength": m} for n in range(1, 5) for m in (1, 2)]
    figure = error_bytes_figure(group(sweep(*ranks, *pruned)))
    assert [name for name in legend(figure) if "control" not in name and "front" not in name] == [
        "pruned, strength 1",
        "pruned, strength 2",
        "low_rank",
    ]


def test_every_run_is_a_ring_at_its_own_bytes(tmp_path):
    figure = error_bytes_figure(group(sweep({"param.sparsity": 0.5}, {"param.sparsity": 0.9})))
    rings = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
    # The dense control would be at 100,000, and leave the others no room.
    assert [list(line.get_xdata()) for line in rings] == [[1000.0] * 3, [2000.0] * 3]
    assert figure.axes[0].get_xlim()[1] < 10_000
    assert width(save(figure, tmp_path / "figure.png")) == round(WIDTH * DPI)
