"""What a person sees while a game is trained: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from .game import Loss
from .training import Training

PLAIN_SECONDS = 10.0  # between plain lines
BAR_SECONDS = 0.1  # between redraws of the bar
OVER = "\r\033[K"  # back to the start of the terminal's line, and clear it


class Reporter(Protocol):
    """Tells a person how training goes.

    Attributes:
        verdict: what is known of the run's health, "" before the first look.
    """

    verdict: str

    def note(self, text: str) -> None:
        """Say one line."""

    def update(self, training: Training, losses: Mapping[str, Loss]) -> None:
        """Show the state after a step."""

    def close(self) -> None:
        """Leave the terminal in order."""


class Silent:
    """Says nothing."""

    verdict = ""

    def note(self, text: str) -> None:
        """Say nothing."""

    def update(self, training: Training, losses: Mapping[str, Loss]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Leave nothing behind."""


class Plain:
    """A line every few seconds, for pipes and log files."""

    verdict = ""

    def __init__(self, progress: Callable[[Training], float]) -> None:
        self._speed, self._shown = Speed(progress), time.monotonic()

    def note(self, text: str) -> None:
        """Print the line."""
        print(text, file=sys.stderr, flush=True)

    def update(self, training: Training, losses: Mapping[str, Loss]) -> None:
        """Print the state, now and then."""
        rate, left, done = self._speed.measure(training)
        if done >= 1 or time.monotonic() - self._shown >= PLAIN_SECONDS:
            self._shown = time.monotonic()
            self.note(
                f"step {training.step}  {done:4.0%}  {rate}  {left} left  {summary(losses)}  {self.verdict}".rstrip()
            )

    def close(self) -> None:
        """Nothing to put in order."""


class Bar:
    """A progress bar with speed, time left, losses and the run's health."""

    verdict = ""

    def __init__(self, progress: Callable[[Training], float]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._speed, self._shown = Speed(progress), 0.0
        columns = (
            TextColumn("{task.percentage:>3.0f}%"),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
        self._task = self._bar.add_task("", total=1.0)
        self._bar.start()

    def note(self, text: str) -> None:
        """Print the line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def update(self, training: Training, losses: Mapping[str, Loss]) -> None:
        """Redraw the bar, at most ten times a second."""
        rate, left, done = self._speed.measure(training)
        if done >= 1 or time.monotonic() - self._shown >= BAR_SECONDS:
            self._shown = time.monotonic()
            text = f"step {training.step} · {rate} · {left} left · {summary(losses)}"
            text += f" · {self.verdict}" if self.verdict else ""
            self._bar.update(self._task, completed=min(done, 1.0), description=text)
            self._bar.refresh()

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.stop()


class Speed:
    """Samples a second and time left, over what this process has trained."""

    def __init__(self, progress: Callable[[Training], float]) -> None:
        self._progress = progress
        self._start: tuple[float, int, float] | None = None

    def measure(self, training: Training) -> tuple[str, str, float]:
        """Return samples a second, the time left, and the progress from 0 to 1."""
        done = self._progress(training)
        if self._start is None:  # the first step warms caches up; it is no measure
            self._start = training.seconds, training.examples, done
            return "--/s", "--:--", done
        seconds = max(training.seconds - self._start[0], 1e-9)
        share = max(done - self._start[2], 1e-9)
        left = max(0.0, 1 - done) * seconds / share
        return f"{(training.examples - self._start[1]) / seconds:,.0f}/s", clock(left), done


def clock(seconds: float) -> str:
    """Write a duration as a person reads it.

    Example:
        >>> clock(75), clock(7325)
        ('1:15', '2:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def summary(losses: Mapping[str, Loss]) -> str:
    """Write each player's loss, by name."""
    return "  ".join(f"{player} {loss.total.item():.3f}" for player, loss in losses.items())


def reporter(progress: Callable[[Training], float], wanted: bool) -> Reporter:
    """Return the reporter that suits standard error: a bar on a terminal, else plain lines; silent if unwanted."""
    if not wanted:
        return Silent()
    return Bar(progress) if sys.stderr.isatty() else Plain(progress)


def counting(what: str) -> Callable[[int, int], None]:
    """Return a function of (done, total) that shows progress on standard error once a second has gone by.

    On a terminal one line counts up and vanishes at the end; elsewhere a line is printed every ten seconds.
    """
    terminal = sys.stderr.isatty()
    began = time.monotonic()
    due, shown = began + (1.0 if terminal else PLAIN_SECONDS), False

    def show(done: int, total: int) -> None:
        nonlocal due, shown
        now = time.monotonic()
        if done < total and now >= due:
            due, shown = now + (BAR_SECONDS if terminal else PLAIN_SECONDS), True
            rate = done / (now - began)
            left = clock((total - done) / max(rate, 1e-9))
            line = f"{what}: {done:,} of {total:,}  {rate:,.0f}/s  {left} left"
            print(f"{OVER}{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True)
        elif done >= total and shown and terminal:
            print(OVER, end="", file=sys.stderr, flush=True)
            shown = False

    return show


def stages() -> Callable[[str, int, int], None]:
    """Return a function of (what, done, total) that counts up one thing after another."""
    tellers: dict[str, Callable[[int, int], None]] = {}

    def show(what: str, done: int, total: int) -> None:
        if what not in tellers:
            tellers[what] = counting(what)
        tellers[what](done, total)

    return show
