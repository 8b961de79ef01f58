"""Tables say what the tracked runs say: settings found, seeds averaged, controls paired, failures shown."""

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from lightexp.errors import LightexpError, StoreError
from lightexp.report import query, render, sources
from lightexp.report.errors import ReportError
from lightexp.report.settings import varying
from lightexp.report.summary import summary_files
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

# MLflow 3.17 configures its tables in a way that SQLAlchemy warns of.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")


def run(seed=0, error=2.0, sparsity=0.9, dense=1.5, status="FINISHED", started=0, tags=(), params=(), metrics=()):
    """A row as `query.runs` gives it."""
    figures = {
        "test/error": error,
        "test/dense_error": dense,
        "sparsity/asked": sparsity,
        "sparsity/prunable": sparsity,
        "size/file_bytes": 100.0,
        "size/original_bytes": 1000.0,
        "size/ratio": 10.0,
        "bits/weight": 4.0,
    } | dict(metrics)
    tags = {"tag.sweep": "curve", "tag.data": "digits", "tag.model": "lenet300", "tag.key": f"{seed}{error}"} | dict(tags)
    settings = {"param.seed": seed, "param.sparsity": sparsity, "param.stages.prune.sparsity": sparsity} | dict(params)
    head = {"run_id": f"{seed} {error} {started}", "status": status, "started": pd.Timestamp(started, unit="s", tz="UTC")}
    return head | tags | settings | (figures if status == "FINISHED" else {})


def table(*rows):
    return summarise(pd.DataFrame(rows))


def raw(made):
    """The table's rows by field, from its CSV."""
    return list(csv.DictReader(io.StringIO(render.csv(made))))


def column(made, start):
    place = [column.title.startswith(start) for column in made.columns].index(True)
    return [row[place] for row in made.rows]


# What the table says


def test_a_block_has_its_own_controls_and_misses_seeds_of_its_own_sweep_alone():
    def of(experiment, model, dense, seed):
        tags = {"tag.experiment": experiment, "tag.model": model, "tag.sweep": f"of {model}"}
        return run(seed=seed, dense=dense + seed / 10, error=3.0 + seed, tags=tags, metrics={"size/original_bytes": dense * 1e3})

    rows = [of(name, "lenet300", 1.5, seed) for name in ("long", "short") for seed in (0, 1, 2)]
    rows += [of("narrow", "lenet5", 0.8, seed) for seed in (0, 1)]
    made = summarise(pd.DataFrame(rows), TableSpec(rows=("experiment",), groups=("model",)))
    assert [[row[0].text for section in block.sections for row in section] for block in made.blocks] == [
        ["dense control", "long", "short"],
        ["dense control", "narrow"],
    ]
    assert [cell.text for cell in column(made, "n")] == ["3", "3", "3", "2", "2"]


def test_mean_and_sample_standard_deviation_by_hand():
    made = table(run(0, 2.0, dense=1.0), run(1, 3.0, dense=2.5), run(2, 4.0, dense=1.0))
    dense, light = raw(made)
    assert [cell.text for cell in column(made, "test error")] == ["1.50 ± 0.87", "3.00 ± 1.00"]
    assert float(light["test/error_mean"]) == 3.0 and float(light["test/error_sd"]) == 1.0
    assert float(dense["test/error_sd"]) == pytest.approx(0.75**0.5)
    # Paired: +1, +0.5, +3, whose spread is not that of the two errors.
    assert float(light["test/error_difference_mean"]) == 1.5
    assert float(light["test/error_difference_sd"]) == pytest.approx(((0.25 + 1 + 2.25) / 2) ** 0.5)
    assert "n seeds" in made.footnotes[0]


def test_one_run_has_no_spread():
    made = table(run(0, 2.0))
    assert [cell.text for cell in column(made, "test error")] == ["1.50", "2.00"]
    assert raw(made)[1]["test/error_sd"] == "" and made.footnotes == []


def test_the_sign_of_a_difference():
    made = table(run(0, 2.25, 0.9), run(0, 1.0, 0.5))
    assert [cell.text for cell in column(made, "Δ")] == ["–", "−0.50", "+0.75"]


def test_differences_come_from_unrounded_figures():
    made = table(run(0, 2.0049, dense=1.9951))
    assert column(made, "Δ")[1].text == "+0.01"
    assert float(raw(made)[1]["test/error_difference_mean"]) == pytest.approx(0.0098)


def test_the_control_is_a_row_with_its_own_figures():
    dense = raw(table(run(0), run(1)))[0]
    assert (dense["net"], dense["n"], dense["size/file_bytes_mean"]) == ("dense control", "2", "1000.0")
    assert (
        dense["size/ratio_mean"] == "1.0" and dense["bits/weight_mean"] == "32.0" and dense["test/error_difference_mean"] == ""
    )


def test_controls_that_differ_have_a_row_each():
    small = [run(seed, 2, sparsity, dense=1 + seed) for seed in (0, 1) for sparsity in (0.5, 0.9)]
    large = [run(seed, 3, sparsity, 2, tags={"tag.model": "lenet5"}) for seed in (0, 1) for sparsity in (0.5, 0.9)]
    rows = raw(table(*small, *large))
    assert [(row["net"], row["model"], row["sparsity"], row["n"]) for row in rows[:3]] == [
        ("dense control", "lenet300", "", "2"),
        ("dense control", "lenet5", "", "2"),
        ("compressed", "lenet300", "0.5", "2"),
    ]
    assert [float(row["test/error_mean"]) for row in rows[:2]] == [1.5, 2.0]


def test_without_controls_there_are_neither_their_rows_nor_differences():
    made = table(run(0, dense=None), run(1, dense=None))
    assert len(made.rows) == 1 and not any("Δ" in column.title for column in made.columns)


def test_columns_without_a_figure_are_left_out():
    titles = [column.heading for column in table(run(0)).columns]
    assert not any("time" in title for title in titles)
    assert "ratio (×) ↑" in titles and "test error (%) ↓" in titles


def test_numbers_are_sorted_by_size():
    made = table(*(run(0, 2, sparsity=0.9, params={"param.epochs": epochs}) for epochs in (100, 20, 3)))
    assert [cell.text for cell in column(made, "epochs")] == ["–", "3", "20", "100"]


def test_the_lowest_error_of_each_data_set_is_bold():
    other = {"tag.data": "mnist"}
    made = table(run(0, 2.0), run(0, 3.0, 0.5), run(0, 1.0, tags=other), run(0, 0.5, 0.5, tags=other))
    bold = [cell.text for row in made.rows for cell in row if cell.bold]
    assert bold == ["2.00", "0.50"] and not any(cell.bold for cell in made.rows[0])


def test_runs_that_failed_are_seen():
    lost = [run(2, status="FAILED"), run(0, 9, 0.99, status="KILLED"), run(1, 9, 0.99, status="RUNNING")]
    made = table(run(0, 2.0), run(1, 3.0), *lost)
    counts = {row["sparsity"]: (row["n"], row["lost"]) for row in raw(made) if row["net"] == "compressed"}
    assert counts == {"0.9": ("2", "1"), "0.99": ("0", "3")}
    texts = [cell.text for row in made.rows for cell in row]
    assert "2 of 3, 1 failed" in texts and "0 of 3, 1 killed, 1 missing, 1 running" in texts
    assert "Unfinished: 1 running yet, or killed; the same command goes on with it." in made.footnotes


def test_single_runs_miss_no_seeds_and_an_order_reads_as_it_is_typed():
    def single(seed, sparsity, order):
        return run(seed, 2.0, sparsity, tags={"tag.sweep": None}, params={"param.order": order})

    made = table(single(0, 0.5, "['train', 'prune']"), single(1, 0.9, "['train']"))
    texts = [cell.text for row in made.rows for cell in row]
    assert "[train,prune]" in texts and not any("missing" in text for text in texts)


def test_a_run_without_an_error_is_not_averaged():
    made = table(run(0, 2.0), run(1, None))
    assert "1 of 2, 1 unmeasured" in [cell.text for row in made.rows for cell in row]


def test_a_run_made_again_counts_once():
    made = table(run(0, 2.0, started=1), run(0, 4.0, started=2), run(0, 0, started=3, status="FAILED"))
    assert raw(made)[1]["test/error_mean"] == "4.0" and raw(made)[1]["lost"] == "0"
    assert made.footnotes == ["Left out: 1 older run of the same settings and seed."]


def test_rows_on_different_seeds_are_told():
    assert any("same seeds" in note for note in table(run(0), run(1), run(0, sparsity=0.5)).footnotes)
    assert not any("same seeds" in note for note in table(run(0), run(0, sparsity=0.5)).footnotes)


def test_a_missed_sparsity_is_marked():
    made = table(run(0, sparsity=0.9), run(0, sparsity=0.95, metrics={"sparsity/prunable": 0.9372}))
    assert [cell.shown for cell in column(made, "sparsity asked")] == ["–", "90 → 90", "95 → 93.72 †"]
    assert any(note.startswith("†") for note in made.footnotes)
    exact = table(run(0, sparsity=0.9, metrics={"sparsity/prunable": 0.891}))
    assert not column(exact, "sparsity asked")[1].marks and not exact.footnotes


def test_no_runs_is_an_error_of_one_line():
    with pytest.raises(ReportError, match="no runs") as caught:
        summarise(pd.DataFrame({"run_id": [], "status": []}))
    assert isinstance(caught.value, LightexpError) and "\n" not in str(caught.value)


# Which settings vary


def found(*rows):
    columns, causes = varying(pd.DataFrame(rows))
    return list(columns), causes


def test_aliases_collapse_to_the_shortest_name():
    assert found(run(0, sparsity=0.5), run(1, sparsity=0.9)) == (["sparsity"], {"stages.prune.sparsity": "sparsity"})


def test_an_alias_may_be_absent_where_the_schedule_has_no_such_stage():
    light = [run(0, tags={"tag.schedule": "light"}, params={"param.tune": n, "param.stages.tune.epochs": n}) for n in (1, 2)]
    plain = [run(0, tags={"tag.schedule": "prune"}, params={"param.tune": n}) for n in (1, 2)]
    assert found(*light, *plain)[0] == ["schedule", "tune"]


def test_equal_values_by_chance_in_part_of_the_runs_are_no_alias():
    assert found(*(run(0, sparsity=s, params={"param.b": b}) for s in (1, 2) for b in (1, 2)))[0] == ["b", "sparsity"]


def test_what_a_group_fixes_is_left_out_and_what_is_set_beside_it_stays():
    rows = [
        run(0, tags={"tag.model": name}, params={"param.model._target_": name.upper(), "param.optimizer.lr": rate})
        for name, rate in (("a", 0.1), ("b", 0.2))
    ]
    assert found(*rows)[0] == ["model", "optimizer.lr"]


def test_a_schedule_brings_its_quantizer_along():
    rows = [
        run(0, tags={"tag.schedule": schedule, "tag.quantizer": quantizer}, params={"param.epochs": epochs})
        for schedule, quantizer, epochs in (("light", "kmeans", 10), ("quantize", "uniform", 20), ("prune", "kmeans", 10))
    ]
    assert found(*rows) == (["schedule"], {"quantizer": "schedule", "epochs": "schedule"})
    assert "quantizer varies with schedule." in table(*rows).footnotes


def test_technical_params_and_seeds_are_no_settings():
    params = [{"param.cache.root": f"/x/{n}", "param.data.seed": n, "param.device": f"cuda:{n}"} for n in (0, 1)]
    assert found(*(run(n, params=params[n], tags={"tag.git_commit": f"c{n}"}) for n in (0, 1)))[0] == []


def test_paths_are_shown_by_their_last_part():
    made = table(*(run(0, params={"param.data.path": f"/home/someone/{name}.npz"}) for name in ("a", "b")))
    assert [cell.text for cell in column(made, "data.path")] == ["–", "a.npz", "b.npz"]


# Its forms

NAMES = {"tag.sweep": r"50%_of #1 & {a}\b", "tag.model": "x|y_z"}
AWKWARD = [run(seed, 2 + seed, sparsity, tags=NAMES) for seed in (0, 1) for sparsity in (0.5, 0.9)]


def test_markdown():
    text = render.markdown(table(*AWKWARD))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3 and len({line.count(" | ") for line in lines}) == 1
    assert "**2.50 ± 0.71**" in text and r"x\|y_z" not in lines[0]
    assert text.startswith("Sweep 50%_of") and text.rstrip().endswith("over n seeds.")


def test_latex_is_balanced_and_escaped():
    text = render.latex(table(*AWKWARD))
    for name in ("table", "tabular"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") == 1
    assert r"50\%\_of \#1 \& \{a\}\textbackslash{}b" in text
    assert r"\textbf{2.50 $\pm$ 0.71}" in text and text.isascii()
    assert text.replace(r"\{", "").replace(r"\}", "").count("{") == text.replace(r"\{", "").replace(r"\}", "").count("}")
    rows = [line for line in text.split(r"\bottomrule")[0].splitlines() if line.endswith(r"\\")]
    assert len({line.replace(r"\&", "").count("&") for line in rows}) == 1 and len(rows) == 4 + 3


def test_csv_keeps_every_digit():
    made = table(run(0, 1 / 3, dense=0.1), run(1, 2 / 7, dense=0.2))
    light = raw(made)[1]
    mean, sd, *_ = column(made, "test error")[1].values
    assert (float(light["test/error_mean"]), float(light["test/error_sd"])) == (mean, sd)
    assert mean == pytest.approx((1 / 3 + 2 / 7) / 2, rel=1e-15)


def test_terminal():
    from rich.console import Console

    made = table(*AWKWARD)
    console = Console(width=100, file=io.StringIO(), highlight=False)
    console.print(render.terminal(made))
    text = console.file.getvalue()
    assert "2.50 ± 0.71" in text and made.title in text and "over n seeds" in text


@pytest.mark.parametrize("suffix", [".md", ".tex", ".csv", ".html", ".MD"])
def test_written_by_suffix_leaving_nothing_else(tmp_path, suffix):
    path = render.write(table(run(0)), tmp_path / "new" / f"t{suffix}")
    assert path.read_text() and list(path.parent.iterdir()) == [path]


def test_an_unknown_suffix_names_the_known(tmp_path):
    with pytest.raises(ReportError, match=r"^t\.xlsx: .*\.md, \.tex, \.csv, \.html$"):
        render.write(table(run(0)), tmp_path / "t.xlsx")


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        render.write(table(run(0)), tmp_path / "file" / "t.md")


def test_summary_files(tmp_path):
    paths = summary_files(pd.DataFrame([run(seed, 2 + seed, s) for seed in (0, 1) for s in (0.5, 0.9)]), tmp_path)
    tables = ["table.csv", "table.html", "table.md", "table.tex"]
    assert sorted(path.name for path in paths) == ["error_bytes.png", "ranking.png", *tables]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_sweep_that_failed_entirely_still_has_its_table(tmp_path):
    paths = summary_files(pd.DataFrame([run(0, status="FAILED")]), tmp_path)
    assert sorted(path.name for path in paths) == ["table.csv", "table.html", "table.md", "table.tex"]


def test_bits_of_inputs_are_a_column_only_where_something_quantizes_them():
    titles = [column.title for column in table(run(metrics={"bits/input": 32.0})).columns]
    assert not any(title.startswith("input bits") for title in titles)
    runs = [run(0, sparsity=s, metrics={"bits/input": bits}) for s, bits in ((0.5, 32.0), (0.9, 4.0))]
    assert [cell.text for cell in column(table(*runs), "input bits")] == ["–", "–", "4"]


# Reading runs


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """A real store: a sweep of four, an older one, a single run, a summary, a deleted run, another experiment."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    uri = f"sqlite:///{tmp_path_factory.mktemp('a store') / 'mlflow.db'}"
    client = MlflowClient(uri)
    ours, theirs = (client.create_experiment(name) for name in ("lightexp", "other"))

    def add(started, sweep, seed=0, kind="run", experiment=ours, status="FINISHED", **params):
        tags = {"kind": kind, "data": "digits", "key": f"k{seed}"} | ({"sweep": sweep} if sweep else {})
        run_id = client.create_run(experiment, start_time=started, tags=tags, run_name=f"run {seed}").info.run_id
        params = {"seed": seed, "sparsity": 0.9, "flag": True, "nothing": None, "widths": [300, 100], "rate": 1e-05} | params
        client.log_batch(run_id, params=[Param(name, str(value)) for name, value in params.items()])
        if status == "FINISHED":
            points = [("test/error", 9.0, 1, 0), ("test/error", 2.0 + seed, 2, 1), ("val/loss", float("nan"), 1, 0)]
            client.log_batch(run_id, metrics=[Metric(*point) for point in points])
        client.set_terminated(run_id, status)
        return run_id

    for seed in range(3):
        add(2000 + seed, "new 'one\"", seed, bits="4" if seed else "none")
    add(2003, "new 'one\"", 3, status="FAILED")
    add(1000, "old", 0)
    add(3000, None, 0)
    add(4000, "new 'one\"", kind="summary")
    add(5000, "theirs", experiment=theirs)
    client.delete_run(add(6000, "deleted"))
    return uri


@pytest.mark.parametrize("sweep", [None, "old"])
def test_sql_and_client_give_the_same_frame(uri, sweep, monkeypatch):
    by_sql = query.runs(uri, sweep)
    monkeypatch.setattr(query, "source", sources.Server)
    by_client = query.runs(uri, sweep)
    pd.testing.assert_frame_equal(by_sql, by_client)
    assert len(by_sql) == (4 if sweep is None else 1)


def test_the_latest_sweep_is_read_with_types_and_last_values(uri):
    frame = query.runs(uri)
    assert frame["name"].tolist() == ["run 0", "run 1", "run 2", "run 3"]
    assert frame["status"].tolist() == ["FINISHED"] * 3 + ["FAILED"]
    assert frame["test/error"].tolist()[:3] == [2.0, 3.0, 4.0] and frame["test/error"].isna()[3]
    assert frame["val/loss"].isna().all()
    assert frame["param.seed"].tolist() == [0, 1, 2, 3] and frame["param.seed"].dtype == int
    assert frame["param.flag"].dtype == bool and frame["param.rate"].tolist() == [1e-05] * 4
    assert frame["param.bits"].tolist()[:3] == ["none", 4, 4] and frame["param.bits"].isna()[3]
    assert frame["param.widths"][0] == "[300, 100]" and frame["param.nothing"][0] == "None"
    assert frame["started"][0] == pd.Timestamp(2, unit="s", tz="UTC")
    assert not any("mlflow" in name for name in frame)
    assert summarise(frame).rows


def test_sweeps_are_listed_newest_first(uri):
    listed = query.sweeps(uri)
    assert listed["sweep"].tolist() == ["new 'one\"", "old"]
    assert listed["runs"].tolist() == [4, 1] and listed["finished"].tolist() == [3, 1]
    assert query.latest_sweep(uri) == "new 'one\""


def test_an_unknown_sweep_names_the_nearest(uri):
    with pytest.raises(ReportError, match="no sweep 'odl'; did you mean 'old'.*new 'one\""):
        query.runs(uri, "odl")


def test_single_runs_where_there_is_no_sweep(uri, monkeypatch):
    class Single(sources.Database):
        def heads(self):
            heads = super().heads()
            return heads[heads["sweep"].isna()]

    monkeypatch.setattr(query, "source", Single)
    assert len(query.runs(uri)) == 1 and query.latest_sweep(uri) is None
    with pytest.raises(ReportError, match="no sweep 'x', nor any other yet"):
        query.runs(uri, "x")


def test_reading_makes_no_file_and_says_how_to_start(tmp_path):
    with pytest.raises(ReportError, match="lightexp run"):
        query.runs(f"sqlite:///{tmp_path / 'none.db'}")
    assert query.latest_sweep(f"sqlite:///{tmp_path / 'none.db'}") is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_kind_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("no database, but long enough to be taken for one\n" * 100)
    with pytest.raises(ReportError, match="^text.db cannot be read") as caught:
        query.runs(f"sqlite:///{path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("-1.5e3", -1500.0), (".5", 0.5), ("True", True), ("1_000", "1_000"), ("0x1", "0x1"), ("", "")],
)
def test_params_are_parsed_as_str_wrote_them(text, value):
    parsed = query._value(text)
    assert parsed == value and type(parsed) is type(value)


def test_importing_the_package_is_cheap():
    code = "import sys, lightexp.report; print([m for m in ('pandas', 'matplotlib', 'mlflow', 'torch') if m in sys.modules])"
    root = str(Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
