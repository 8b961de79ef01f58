"""What was typed behind `lightexp run`."""

from collections.abc import Sequence

TAKE_A_VALUE = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn")
MANY = ("-m", "--multirun")


def flags(words: Sequence[str]) -> list[str]:
    """All but overrides and what asks for many jobs: what a single job of a sweep must be given too."""
    found, is_value = [], False
    for word in words:
        if is_value or (word.startswith("-") and word not in MANY):
            found.append(word)
        is_value = word in TAKE_A_VALUE and not is_value
    return found
