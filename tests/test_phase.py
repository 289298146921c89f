"""Phase portraits: the command as a person types it, and what the picture says."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poise.cli import main
from poise.errors import PoiseError
from poise.optim import OPTIMIZERS
from poise.phase import COLORS, STORY, portrait
from poise.rules import RULES
from poise.trajectory import Points, Trajectory, follow, slope


def poise(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    status = main(["phase", *args])
    out, err = capsys.readouterr()
    return status, out, err


def spiral(factor: float, angle: float, squeeze: float = 1.0, steps: int = 200) -> Points:
    t = np.arange(steps + 1)
    turn = np.stack([np.cos(angle * t), squeeze * np.sin(angle * t)], 1)
    path: Points = factor ** t[:, None] * turn
    return path


def test_the_command_draws_a_picture_and_prints_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "picture.png"
    status, text, err = poise(capsys, "bilinear", "--out", str(out))
    assert (status, err) == (0, "")
    lines = text.splitlines()
    assert lines[0] == str(out)
    assert [line.split()[0] for line in lines[3:]] == list(STORY)
    assert lines[3].split() == ["simultaneous", "diverges", "1.0050", "1.0050"]
    assert lines[4].split() == ["alternating", "cycles", "1.0000", "1.0000"]
    assert lines[5].split() == ["extragradient", "converges", "0.9950", "0.9950"]
    assert len({line.rindex(line.split()[3]) + len(line.split()[3]) for line in lines[3:]}) == 1, "aligned"
    with Image.open(out) as picture:
        assert picture.width > 2 * picture.height
    assert out.stat().st_size < 80_000
    assert [path.name for path in out.parent.iterdir()] == ["picture.png"]


def test_the_result_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "p.png"
    args = f"dirac-gan --gamma 0.5 --rules simultaneous,unrolled --start=-1,0.5 --lr 0.2 --json --out {out}"
    status, text, _ = poise(capsys, *args.split())
    result = json.loads(text)
    assert (status, result["picture"], result["lr"], list(result["rules"])) == (
        0,
        str(out),
        0.2,
        ["simultaneous", "unrolled"],
    )
    row = result["rules"]["simultaneous"]
    assert row["verdict"] == "converges"
    assert row["theory"] ** 2 == pytest.approx(1 - 0.2 * 0.5 + 0.2**2 / 4)
    assert row["measured"] == pytest.approx(row["theory"], abs=2e-4)


def test_with_another_optimizer_there_is_no_theory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = poise(capsys, "bilinear", "--optimizer", "adam", "--out", str(tmp_path / "p.png"))
    rows = [line.split() for line in text.splitlines()[3:]]
    assert status == 0
    assert [row[0] for row in rows] == [name for name in STORY if name != "competitive"]
    assert {row[3] for row in rows} == {"unknown"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("", "missing GAME"),
        ("bilineer", "no game 'bilineer'; did you mean bilinear?"),
        ("poker", "choose one of bilinear, quadratic, dirac-gan"),
        ("bilinear --rules alternating,extragradent", "no rule 'extragradent'; did you mean extragradient?"),
        ("bilinear --rules competitive --optimizer adam", "the competitive rule takes only step sizes"),
        ("bilinear --rules unrolled --optimizer adagrad", "Adagrad does not allow; use sgd or adam"),
        ("bilinear --optimizer adan", "no optimizer 'adan'; did you mean adam?"),
        ("bilinear --start 1", "--start is '1'; give two numbers"),
        ("bilinear --start one,two", "--start is 'one,two'; give two numbers"),
        ("bilinear --start 0,0", "not the solution 0,0"),
        ("bilinear --start nan,1", "start at two numbers"),
        ("bilinear --steps 3", "--steps is 3; give at least 20"),
        ("bilinear --lr 0", "--lr is 0.0; give a number above 0"),
        ("bilinear --lr 1e9", "out of sight; lower --lr"),
        ("bilinear --gamma 1", "--gamma is a penalty of dirac-gan"),
        ("dirac-gan --gamma -1", "--gamma is -1.0; give a number of at least 0"),
        ("bilinear --out phase.gif", "end --out in .png"),
        ("bilinear --out file/phase.png", "choose another place with --out"),
        ("bilinear --stesp 4", "did you mean --steps?"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_remedy(
    args: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("in the way")
    status, out, err = poise(capsys, *args.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("poise: ")
    assert says in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "nothing is left behind"


def test_every_rule_has_a_color_of_its_own() -> None:
    assert set(COLORS) == set(RULES)
    assert len(set(COLORS.values())) == len(RULES)


@pytest.mark.parametrize(("game", "gamma"), [("bilinear", 0.0), ("quadratic", 0.0), ("dirac-gan", 0.6)])
def test_what_is_measured_is_what_theory_says(game: str, gamma: float, tmp_path: Path) -> None:
    found = portrait(game, tmp_path / "all.png", list(RULES), steps=400, gamma=gamma)
    for trajectory in found:
        assert trajectory.theory is not None
        assert trajectory.measured == pytest.approx(trajectory.theory, rel=2e-3), trajectory.rule
        sign = np.sign(np.round(np.log(trajectory.theory), 9))
        assert trajectory.verdict == {-1: "converges", 0: "cycles", 1: "diverges"}[sign], trajectory.rule
    assert (tmp_path / "all.png").stat().st_size < 80_000


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_any_optimizer_will_do(optimizer: str) -> None:
    [found] = follow("bilinear", ["alternating"], optimizer=optimizer, steps=30)
    assert found.path.shape == (31, 2)
    assert np.isfinite(found.measured)
    assert (found.theory is not None) == (optimizer in ("sgd", "gradient-descent"))


def test_a_path_ends_where_it_is_out_of_sight(tmp_path: Path) -> None:
    fast, slow = portrait("bilinear", tmp_path / "p.png", ["simultaneous", "competitive"], lr=3.0)
    assert (fast.verdict, slow.verdict) == ("diverges", "converges")
    assert len(fast.path) < 20 < len(slow.path)
    assert fast.measured == pytest.approx(np.sqrt(10), rel=1e-6)
    assert slow.measured == pytest.approx(np.sqrt(0.1), rel=1e-6), "though the end of it is rounding"


@pytest.mark.parametrize("factor", [0.9, 0.99, 1.0, 1.02])
@pytest.mark.parametrize(("angle", "squeeze"), [(0.1, 1.0), (0.3, 0.5), (0.0, 1.0)])
def test_the_slope_of_spirals_and_lines(factor: float, angle: float, squeeze: float) -> None:
    path = spiral(factor, angle, squeeze)
    assert slope(path) == pytest.approx(np.log(factor), abs=2e-4)
    verdict = "cycles" if factor == 1 else "converges" if factor < 1 else "diverges"
    assert Trajectory("extragradient", path, None).verdict == verdict


def test_a_rule_named_twice_plays_once_and_none_is_refused() -> None:
    assert [t.rule for t in follow("bilinear", ["alternating", "alternating"], steps=20)] == ["alternating"]
    with pytest.raises(PoiseError, match="choose one of simultaneous"):
        follow("bilinear", [])
