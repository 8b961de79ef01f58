"""What a log says while a stage trains."""

from lightexp.cli import console
from lightexp.cli.console import Live


def test_a_log_tells_how_far_a_stage_has_come_and_that_it_goes_on(capsys, monkeypatch):
    monkeypatch.setattr(console, "EVERY_SECONDS", 0)
    live = Live(None)
    live.progress("student", "train (goes on where it was)", 0)
    live.progress("student", "train", 0.25)
    live.epoch("student", "train", {"val_accuracy": 98.5})
    live.progress("student", "train", 0.5)
    live.progress("teacher", "fit", 0)
    live.progress("teacher", "fit", 0.1)
    live.progress("teacher", "fit", 0.2)
    goes_on, half, begun = capsys.readouterr().out.splitlines()
    assert goes_on == "train (goes on where it was)"
    assert half.startswith("train: 50 %, val. acc. 98.50 %, about ") and half.endswith(" s left")
    assert begun.startswith("teacher: fit: 20 %, about ")


def test_a_quick_stage_says_nothing(capsys):
    live = Live(None)
    for share in (0, 0.5, 1):
        live.progress("student", "train", share)
    assert capsys.readouterr().out == ""
