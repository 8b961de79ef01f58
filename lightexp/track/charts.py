"""The charts of a sweep's view, in the form that MLflow's page keeps its own charts in.

The page adds a chart for each metric that no chart of ours shows, in the section named like the metric's group. Such a section
is there, closed, so that what matters is what is seen.
"""

from typing import Any

SWEEP, STAGES = "Sweep", "Stage by stage"

GROUPS = ("bits", "class", "cost", "fit", "size", "sparsity", "test", "val")
"""What stands before the slash in the names of metrics."""


def charts(settings: list[str]) -> dict[str, Any]:
    """The part of the page's state that says what is drawn, and in which sections.

    settings: names of the params that vary, each an axis of the parallel coordinates.
    """
    opened = [_section(SWEEP, shown=True, columns=2), _section(STAGES, shown=True, columns=3)]
    cards = [
        _scatter("size/file_bytes", "test/error"),
        _scatter("sparsity/density", "test/error"),
        # The names of values stand left of an axis, where the first has no room for words: seed and numbers come first.
        _parallel(settings[::-1], ["size/file_bytes", "test/error"]),
        _scatter("cost/effective_macs", "test/error"),
        _line("val/error"),
        _line("size/file_bytes", "log"),
        _line("sparsity/prunable"),
    ]
    return {
        "compareRunCharts": cards,
        "compareRunSections": opened + [_section(name, shown=False, columns=3) for name in GROUPS],
        "isAccordionReordered": True,  # or the page sorts the sections by name
        "hideEmptyCharts": True,
    }


def _section(name: str, shown: bool, columns: int) -> dict[str, Any]:
    whose = {"isReordered": False, "deleted": False, "isGenerated": False}
    return {"uuid": name, "name": name, "display": shown, "columns": columns, **whose}


def _card(form: str, section: str, title: str, **rest: Any) -> dict[str, Any]:
    fixed = {"deleted": False, "isGenerated": False, "runsCountToCompare": 1000}
    return {"uuid": title, "type": form, "metricSectionId": section, "displayName": title, **fixed, **rest}


def _scatter(x: str, y: str) -> dict[str, Any]:
    return _card("SCATTER", SWEEP, f"{x} vs. {y}", xaxis={"key": x, "type": "METRIC"}, yaxis={"key": y, "type": "METRIC"})


def _parallel(params: list[str], metrics: list[str]) -> dict[str, Any]:
    return _card("PARALLEL", SWEEP, "Parallel Coordinates", selectedParams=params, selectedMetrics=metrics, showAllRuns=True)


def _line(metric: str, scale: str = "linear") -> dict[str, Any]:
    axes = {"xAxisKey": "step", "xAxisScaleType": "linear", "scaleType": scale, "yAxisKey": "metric", "range": {}}
    look = {"lineSmoothness": 0, "displayPoints": True, "useGlobalXaxisKey": False, "useGlobalLineSmoothing": False}
    chosen = {"metricKey": metric, "selectedMetricKeys": [metric], "yAxisExpressions": [], "ignoreOutliers": False}
    return _card("LINE", STAGES, metric, **chosen, **axes, **look, selectedXAxisMetricKey="")
