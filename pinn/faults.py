"""What a run survives: signals, and disks that are full."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

INTERRUPTED = 130  # exit code


def end_at_once(number: int, frame: Any) -> None:
    """End before training has begun; an exception would be lost inside the callbacks jax is imported with."""
    print("interrupted before training began", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)


def writer(terminal: Any) -> Callable[[str, Callable[[], None]], None]:
    """Return a function that writes what training does not depend on: a full disk may have room again later."""
    told: set[str] = set()

    def write(what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except OSError as error:
            if what not in told:
                terminal.fault(f"{what} could not be written ({error.strerror}); training goes on")
            told.add(what)

    return write


def listen(terminal: Any, clock: dict[str, float]) -> list[int]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop; a second one ends the process.

    Once training is over and its state saved, there is no step to wait for.
    """
    received: list[int] = []

    def handle(number: int, frame: Any) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)
        if "trained" in clock:
            raise KeyboardInterrupt
        terminal.note("stopping after this step; once more ends at once")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return received
