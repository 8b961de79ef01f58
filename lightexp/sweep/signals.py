"""What a process does when it is told to stop."""

import signal
from typing import Any


def interrupt_on_signals() -> None:
    """Make SIGTERM what Ctrl-C is, and have only the first of either count, so that what it sets off is not interrupted too."""

    def interrupt(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
