"""What a search wants to be low or high."""

from collections.abc import Mapping
from dataclasses import fields

from lightexp.errors import ConfigError
from lightexp.experiment import Record


def check(objectives: Mapping[str, str]) -> dict[str, str]:
    """The objectives as they are, if a search may have them.

    Raises:
        ConfigError: none, an unknown figure or direction, or one of the test split, which no choice may look at.
    """
    known = [field.name for field in fields(Record) if field.type in ("float", "int", "float | None", float, int, float | None)]
    allowed = [
        "val_error",
        *(name for name in known if "test" not in name and name not in ("seed", "epochs", "original_bytes")),
    ]
    if not objectives:
        raise ConfigError("a search needs an objective, such as val_error: minimize")
    for name, direction in objectives.items():
        if "test" in name:
            raise ConfigError(f"objective {name}: a search must not look at the test split; take val_error or val_loss")
        if name not in allowed:
            raise ConfigError(f"objective {name} is no figure of a Record; there are: {', '.join(allowed)}")
        if direction not in ("minimize", "maximize"):
            raise ConfigError(f"objective {name}: {direction!r} is no direction; choose minimize or maximize")
    return dict(objectives)


def value(record: Record, name: str) -> float:
    """The figure of that name. val_error: percent.

    Raises:
        ConfigError: the run does not have it.
    """
    found = 100 - record.val_accuracy if name == "val_error" else getattr(record, name)
    if found is None:
        raise ConfigError(f"objective {name}: the runs do not have this figure; choose what they measure, as latency=onnx")
    return found
