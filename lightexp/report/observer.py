"""The pictures that a run leaves in its directory."""

from pathlib import Path

from lightexp.experiment import Observer, Record


class Pictures(Observer):
    """Draws `stages.png` and `layers.png` when a run has finished. Told before the tracker, they are among what that keeps."""

    def finish(self, record: Record, directory: Path) -> None:
        # matplotlib takes a second to import, which runs without pictures need not wait for.
        from lightexp.report.pictures import layers_figure, stages_figure
        from lightexp.report.style import save

        save(stages_figure(record), directory / "stages.png")
        save(layers_figure(record), directory / "layers.png")
