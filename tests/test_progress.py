"""What a person sees while they wait."""

import pytest

from poise.progress import OVER, counting


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("terminal", [True, False])
def test_counting_shows_speed_and_time_left_and_leaves_nothing_on_a_terminal(
    terminal: bool, clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    show = counting("reading images")
    for done in range(1, 401):
        clock[0] += 0.05
        show(done, 400)
    said = capsys.readouterr().err
    assert "of 400  20/s  0:" in said
    assert said.endswith(OVER) if terminal else OVER not in said


def test_quick_work_is_not_counted(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    show = counting("reading images")
    show(1, 2)
    show(2, 2)
    assert capsys.readouterr().err == ""
