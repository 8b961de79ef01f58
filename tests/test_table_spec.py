"""table.yaml: what it says stands where it says, and what is wrong with it is said in a line."""

from pathlib import Path

import pandas as pd
import pytest

from lightexp.report import render
from lightexp.report.errors import ReportError
from lightexp.report.metrics import DEFAULT
from lightexp.report.published import citations
from lightexp.report.table import summarise
from lightexp.report.table_spec import TableSpec, read
from tests.test_report import column, raw, run

CRITERIA, SPARSITIES, DATA = ("magnitude", "random"), (0.5, 0.9), ("digits", "mnist")


def sweep(error=lambda seed, data, criterion, sparsity: 1 + seed + sparsity, **options):
    return pd.DataFrame(
        [
            run(seed, error(seed, data, name, s), s, tags={"tag.criterion": name, "tag.data": data, "tag.schedule": "prune"})
            for seed in (0, 1)
            for data in DATA
            for name in CRITERIA
            for s in SPARSITIES
        ]
    )


def spec(tmp_path, text):
    (tmp_path / "table.yaml").write_text(text)
    return read(tmp_path / "table.yaml")


def titles(made):
    return [column.heading for column in made.columns]


def test_an_empty_file_is_the_table_that_needs_none(tmp_path):
    assert spec(tmp_path, "") == TableSpec()
    assert summarise(sweep(), spec(tmp_path, "")) == summarise(sweep())


def test_settings_stand_where_they_are_put(tmp_path):
    made = summarise(sweep(), spec(tmp_path, "columns: sparsity\ngroups: [criterion]\nrows: data\nmetrics: [test/error]"))
    assert [block.title for block in made.blocks] == list(CRITERIA)
    assert made.headings() == [("", 2), ("sparsity 0.5", 2), ("sparsity 0.9", 2)]
    compressed = made.blocks[0].sections[1]
    assert [[cell.text for cell in row][:3] for row in compressed] == [
        ["prune", "digits", "2.00 ± 0.71"],
        ["prune", "mnist", "2.00 ± 0.71"],
    ]
    assert "n = 2 in every cell." in made.footnotes


def test_what_varies_and_is_not_named_makes_rows(tmp_path):
    made = summarise(sweep(), spec(tmp_path, "rows: sparsity"))
    assert titles(made)[:3] == ["schedule", "sparsity", "criterion"]
    assert [block.title for block in made.blocks] == list(DATA)


def test_experiments_that_are_compared_are_what_rows_are_called(tmp_path):
    frame = pd.DataFrame(
        [
            run(0, 1.0, 0.5, tags={"tag.experiment": name, "tag.data": "digits", "tag.schedule": "prune"})
            for name in ("plain", "taught")
        ]
    )
    made = summarise(frame, spec(tmp_path, "rows: experiment\nmetrics: [test/error]"))
    assert titles(made)[:2] == ["experiment", "n"]
    assert [row[0].text for row in made.blocks[0].sections[1]] == ["plain", "taught"]


def test_the_dense_control_heads_every_block_and_column(tmp_path):
    made = summarise(
        sweep(), spec(tmp_path, "where: {data: mnist}\ncolumns: sparsity\ngroups: criterion\nmetrics: [test/error]")
    )
    assert [block.title for block in made.blocks] == list(CRITERIA)
    for block in made.blocks:
        assert [[cell.text for cell in row] for row in block.sections[0]] == [["dense control", *["1.50 ± 0.00", "–"] * 2]]


def test_a_combination_without_runs_is_seen(tmp_path):
    frame = sweep()
    frame = frame[~((frame["tag.criterion"] == "random") & (frame["param.sparsity"] == 0.9))]
    made = summarise(frame, spec(tmp_path, "columns: sparsity\ngroups: data\nmetrics: [test/error]"))
    gap = made.blocks[0].sections[1][1]
    assert [cell.text for cell in gap] == ["prune", "random", "2.00 ± 0.71", "+0.50 ± 0.71", "–", "–"]


def test_seeds_are_rows_when_asked(tmp_path):
    frame = sweep()
    frame = frame[(frame["tag.criterion"] == "random") & (frame["tag.data"] == "mnist")]
    made = summarise(frame, spec(tmp_path, "rows: [sparsity, seed]"))
    assert [[cell.text for cell in row[1:5]] for row in made.rows] == [
        ["–", "0", "1", "1.50"],
        ["–", "1", "1", "1.50"],
        ["0.5", "0", "1", "1.50"],
        ["0.5", "1", "1", "2.50"],
        ["0.9", "0", "1", "1.90"],
        ["0.9", "1", "1", "2.90"],
    ]
    assert "seed" not in titles(summarise(frame))


def test_where_chooses_runs(tmp_path):
    made = summarise(sweep(), spec(tmp_path, "where: {criterion: random, sparsity: [0.9], data: mnist}"))
    assert len(made.rows) == 2 and titles(made)[:2] == ["schedule", "n"]


def test_metrics_have_the_form_they_are_given(tmp_path):
    text = """
metrics:
  - {name: test/error, decimals: 1, title: top-1 error}
  - {name: size/original_bytes, better: higher, title: before, unit: kB, scale: 0.001, decimals: 3, spread: false}
differences: []
"""
    made = summarise(sweep(), spec(tmp_path, text))
    assert titles(made)[-2:] == ["top-1 error (%) ↓", "before (kB) ↑"]
    assert [cell.text for cell in made.rows[-1][-2:]] == ["2.4 ± 0.7", "1.000"]


def test_differences_to_a_named_row_are_paired_and_keep_their_sign(tmp_path):
    def error(seed, data, criterion, sparsity):
        return 10 * seed + (2.0049 if criterion == "magnitude" else 1.9961 - 0.001 * seed)

    made = summarise(sweep(error), spec(tmp_path, "against: {criterion: magnitude}\nwhere: {data: mnist}"))
    # Both print as 7.00 with a spread of 7.07; their difference is −0.0088 and −0.0098.
    assert {cell.text for cell in column(made, "test error")[1:]} == {"7.00 ± 7.07"}
    assert [cell.text for cell in column(made, "Δ test error")] == ["–", "–", "–", "−0.01 ± 0.00", "−0.01 ± 0.00"]
    assert float(raw(made)[-1]["test/error_difference_mean"]) == pytest.approx(-0.0093)
    assert "Δ against criterion magnitude, seed by seed." in made.footnotes


def test_a_second_metric_is_compared_by_its_own_direction(tmp_path):
    text = "metrics: [test/error, size/ratio]\ncompare: [size/ratio]\nwhere: {data: mnist, criterion: random}"
    frame = sweep()
    frame["size/ratio"] = 10 * frame["param.sparsity"] + 0.1 * frame["param.seed"]
    made = summarise(frame, spec(tmp_path, text))
    assert [cell.bold for cell in column(made, "ratio")] == [False, False, True]
    assert not any(cell.bold for cell in column(made, "test error"))


PUBLISHED = """
metrics: [test/error, size/ratio]
where: {sparsity: 0.9}
published:
  file: published.csv
  label: [source, method]
  match: {dataset: data, cut: {setting: criterion, values: {largest: magnitude}}}
  figures: {error: test/error, ratio: size/ratio}
"""
CSV = """source,dataset,cut,method,error,ratio,checked
A 2015,mnist,largest,surgery,1.234,56,paper
B 2016,digits,,hints,1.9,,memory
C 2017,mnist,smallest,unlike any of ours,1,1,paper
D 2018,cifar10,largest,on other data,1,1,paper
E 2019,mnist,largest,no figure,,,paper
"""


def test_published_figures_stand_below_the_rows_they_match(tmp_path):
    (tmp_path / "published.csv").write_text(CSV)
    made = summarise(sweep(), spec(tmp_path, PUBLISHED), tmp_path)
    cited = {block.title: [[cell.text for cell in row] for row in block.sections[2]] for block in made.blocks}
    assert cited == {
        "digits": [["B 2016, hints [memory]", "–", "–", "1.90", "–", "–", "2 reproduced"]],
        "mnist": [["A 2015, surgery", "magnitude", "–", "1.23", "–", "56.0", "missed"]],
    }
    assert "1.234" in render.csv(made)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metric: [test/error]", "^table.yaml: there is no 'metric'; did you mean 'metrics'"),
        ("metrics: [{name: size/ratio, unitt: x}]", "there is no 'metrics.0.unitt'; did you mean 'unit'"),
        ("metrics: [{name: fit/loss}]", "metrics.0.better: field required"),
        ("metrics: [{name: a, better: up}]", "metrics.0.better: input should be 'lower' or 'higher' .given: 'up'"),
        ("metrics: []", "metrics is empty"),
        ("spread: std", "spread: input should be 'sd' or 'interval'"),
        ("rows: [a]\ngroups: [a]", "'a' stands in rows, columns and groups more than once"),
        ("metrics: [test/error]\ncompare: [test/eror]", "compare names 'test/eror'.*did you mean 'test/error'"),
        ("published: {file: a.csv}", "published.label: field required"),
        ("published: {file: a, label: b, figures: {}, mach: {}}", "there is no 'published.mach'; did you mean 'match'"),
        ("rows: [", "broken YAML"),
        ("[1, 2]", "input should be a dictionary"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(tmp_path, text, said):
    with pytest.raises(ReportError, match=said) as caught:
        spec(tmp_path, text)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("table.yaml: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows: criterio", "no run has a setting 'criterio'; did you mean 'criterion'"),
        ("where: {criterion: randm}", "no run has criterion randm; did you mean 'random'"),
        ("against: {criterion: randm}", "against: no run has criterion randm; did you mean 'random'"),
        ("differences: [size/ratio]\nmetrics: [size/ratio]", "of the dense control 'size/ratio' is not known"),
        (
            "metrics: [test/error, cost/macs]",
            "no run has logged the metric 'cost/macs'.*There are: bits/weight, size/file_bytes",
        ),
        ("metrics: [{name: file_byte, better: lower}]", "'file_byte'; did you mean 'size/file_bytes'"),
        ("metrics: [{name: bits/weight, asked: bits/askd, better: lower}]", "no run has logged the metric 'bits/askd'"),
        (PUBLISHED, "published figures: .*published.csv cannot be read: No such file"),
    ],
)
def test_what_the_runs_do_not_have_is_said_with_what_they_have(tmp_path, text, said):
    with pytest.raises(ReportError, match=said) as caught:
        summarise(sweep(), spec(tmp_path, text), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("source,dataset,cut,methd,error,ratio\n", "has no column 'method'; did you mean 'methd'"),
        (CSV.replace("1.234", "1,234e"), "published.csv, line 2: ratio is no number: '234e'"),
    ],
)
def test_a_broken_csv_is_said_with_its_place(tmp_path, content, said):
    (tmp_path / "published.csv").write_text(content)
    with pytest.raises(ReportError, match=said):
        summarise(sweep(), spec(tmp_path, PUBLISHED), tmp_path)


EXPERIMENTS = Path(__file__).parent.parent / "experiments"
SPECS = sorted(EXPERIMENTS.rglob("table*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_the_tables_of_experiments_can_be_read_with_what_they_cite(path):
    spec = read(path)
    shown = {metric.name for metric in spec.metrics or ()} or set(DEFAULT)
    cited = citations(spec.published, path.parent) if spec.published else []
    assert bool(cited) == bool(spec.published)
    assert all(set(one.figures) <= shown and one.label for one in cited)


def test_the_description_in_the_readme_is_one(tmp_path):
    text = (EXPERIMENTS / "README.md").read_text()
    (tmp_path / "table.yaml").write_text("title:" + text.split("```yaml\ntitle:")[1].split("```")[0])
    spec = read(tmp_path / "table.yaml")
    assert spec.settings() == ["criterion", "sparsity", "model"] and spec.published.where == {"checked": ("paper",)}
