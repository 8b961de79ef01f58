"""What a person sees while a run goes on."""

import shlex
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from lightexp.cli.paths import short
from lightexp.experiment import Observer, Plan, Record
from lightexp.track import MLflow

COLUMNS = ("stage", "epochs", "val. acc. %", "sparsity %", "bits", "bytes", "ratio", "seconds", "")

EVERY_SECONDS = 30


class Live(Observer):
    """A table of stages that grows, and a bar for the stage under way; plain lines where there is no terminal."""

    def __init__(self, tracker: MLflow | None) -> None:
        self.tracker = tracker
        self.console = Console(highlight=False)
        self.rows: list[tuple[str, ...]] = []
        self.began = self.told = time.perf_counter()
        self.first: tuple[float, float] | None = None
        self.reached = ""
        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn()
        )
        self.task = self.bar.add_task("", visible=False)
        self.live = RichLive(console=self.console, refresh_per_second=8, transient=True)

    def start(self, plan: Plan) -> None:
        total, missing = (sum(counts) for counts in zip(*plan.chains.values(), strict=True))
        self.console.print(f"{plan.data.name} · {plan.net} · seed {plan.seed} · key {plan.key[:12]}")
        self.console.print(f"{total} stages of {', '.join(plan.chains)}: {total - missing} in the store, {missing} to compute")
        if self.console.is_terminal:
            self.live.start()
        else:
            self.console.print(_line(COLUMNS), soft_wrap=True)

    def epoch(self, chain: str, stage: str, epoch: dict[str, Any]) -> None:
        self.reached = f", val. acc. {epoch['val_accuracy']:.2f} %"

    def progress(self, chain: str, stage: str, share: float) -> None:
        title = _title(chain, stage)
        self.reached = self.reached if share else ""
        if share == 0 and title.endswith(")"):  # no plain start
            self.console.print(title, soft_wrap=True)
        if not self.console.is_terminal:
            self._tell(title, share)
            return
        if share == 0:
            self.bar.reset(self.task)
        self.bar.update(self.task, description=title + self.reached, completed=100 * share, visible=True)
        self.live.update(Group(self._table(), self.bar))

    def _tell(self, title: str, share: float) -> None:
        """In a log, a line every half minute: how far a stage has come, and what is left at the rate so far."""
        now = time.perf_counter()
        if share == 0:
            self.told, self.first = now, None
        elif self.first is None:
            self.first = now, share
        elif now - self.told >= EVERY_SECONDS and share > self.first[1]:
            left = (now - self.first[0]) * (1 - share) / (share - self.first[1])
            self.console.print(f"{title}: {100 * share:.0f} %{self.reached}, about {left:,.0f} s left", soft_wrap=True)
            self.told = now

    def stage(self, chain: str, row: dict[str, Any], curve: list[dict[str, Any]]) -> None:
        self.rows.append(_cells(chain, row))
        self.bar.update(self.task, visible=False)
        if self.console.is_terminal:
            self.live.update(Group(self._table(), self.bar))
        else:
            self.console.print(_line(self.rows[-1]), soft_wrap=True)

    def _table(self) -> Table:
        table = Table(*COLUMNS, box=None, pad_edge=False, header_style="bold")
        for column in table.columns[1:-1]:
            column.justify = "right"
        for row in self.rows:
            table.add_row(*row)
        return table

    def finish(self, record: Record, directory: Path) -> None:
        self._stop()
        self.console.print(_result(record), soft_wrap=True)
        self.console.print(f"finished in {time.perf_counter() - self.began:.1f} s\n")
        for what, command in self._places(directory).items():
            self.console.print(f"{what:<14}{command}", soft_wrap=True)

    def _places(self, directory: Path) -> dict[str, str]:
        """Where everything is, as commands that show it."""
        folder = shlex.quote(short(directory))
        places = {
            "file": f"lightexp inspect {folder}/model.lxp",
            "measure again": f"lightexp evaluate {folder}/model.lxp",
            "pictures": f"xdg-open {folder}/stages.png; xdg-open {folder}/layers.png",
            "record": f"cat {folder}/record.json",
        }
        if self.tracker:
            known = ", tracked before" if self.tracker.reused else ""
            places["MLflow"] = f"lightexp ui    # run {self.tracker.run_id}{known}"
        return places

    def fail(self, error: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.live.is_started:
            self.live.update(self._table())
            self.live.transient = False
            # Interrupted in the midst of its start, rich has nothing to take down yet.
            with suppress(IndexError):
                self.live.stop()


def _title(chain: str, stage: str) -> str:
    return stage if chain == "student" else f"{chain}: {stage}"


def _cells(chain: str, row: dict[str, Any]) -> tuple[str, ...]:
    return (
        _title(chain, row["stage"]),
        str(row["epochs"]),
        f"{row['val_accuracy']:.2f}",
        f"{100 * row['sparsity_prunable']:.2f}",
        f"{row['weight_bits']:.3g}",
        f"{row['file_bytes']:,}",
        f"{row['ratio']:.1f}×",
        f"{row['seconds']:.1f}",
        "stored" if row["reused"] else "",
    )


def _line(cells: tuple[str, ...]) -> str:
    widths = (16, 6, 11, 10, 5, 10, 6, 7, 6)
    return "  ".join(
        cell.ljust(width) if at in (0, 8) else cell.rjust(width) for at, (cell, width) in enumerate(zip(cells, widths))
    )


def _result(record: Record) -> str:
    """The sentence that counts, in percent of the test split and bytes of the file."""
    dense = "" if record.dense_test_accuracy is None else f" (dense control {record.dense_test_accuracy:.2f} %)"
    asked = "" if record.slimmed is None else f"{100 * record.slimmed_asked:g} % asked"
    slimmed = asked and f" · {100 * record.slimmed:.1f} % less {record.slimmed_of} ({asked})"
    return (
        f"\ntest accuracy {record.test_accuracy:.2f} %{dense} · {record.file_bytes:,} bytes, "
        f"{record.ratio:.1f}× smaller than the {record.original_bytes:,} of dense float32 · "
        f"{record.bits_per_param:.3f} bits a parameter{slimmed}{_latency(record)}"
    )


def _latency(record: Record) -> str:
    """Of a batch of 1, where the run measured it."""
    if record.latency_1_p50_ms is None:
        return ""
    return f" · {record.latency_1_p50_ms:.3f} ms in ONNX Runtime, {record.latency_1_of_dense:.2f} × dense"
