"""Ctrl-C and SIGTERM, taken note of instead of died from."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def catching() -> Iterator[list[int]]:
    """Within the context, collect the numbers of signals that came; a second one of a kind acts at once.

    Outside the main thread signals are somebody else's business, and the list stays empty.
    """
    caught: list[int] = []
    before: dict[int, Any] = {}

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, before[number])

    try:
        before |= {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
