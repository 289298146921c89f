"""`poise diagnose`: exit statuses, what it prints, and folders in any state."""

import json
import shutil
from pathlib import Path

import pytest

import poise
from planted import constant_noise
from poise.cli import main
from poise.errors import PoiseError
from poise.health import Finding
from poise.run import Run

from .test_watch import IDLE, NEVER, QUICK, TOY

WELL = {**QUICK, "steps": 300, "batch": 64, "watch_every": 50}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return poise.train("gan", "ring", out=tmp_path_factory.mktemp("runs") / "healthy", **WELL).path


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return poise.train("gan", "ring", out=tmp_path_factory.mktemp("runs") / "idle", **IDLE).path


def test_statuses(healthy: Path, idle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(healthy)]) == 0
    assert main(["diagnose", str(idle)]) == 1
    said = capsys.readouterr().out
    assert "verdict   healthy" in said
    assert "failure: generator-idle, seen at step 40" in said
    assert "  try       poise train gan ring --generator.lr 1e-3" in said
    assert main(["diagnose", str(tmp_path)]) == 2
    assert main(["diagnose", str(tmp_path / "nowhere")]) == 2
    assert "no run in" in capsys.readouterr().err
    assert main(["diagnose"]) == 2


def test_json_and_python_say_the_same(idle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", str(idle), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    found = poise.diagnose(Run(idle))
    assert said == json.loads(json.dumps(found.to_json()))
    assert said["verdict"] == "generator-idle"
    assert said["failed"] is True
    assert Finding.from_json(said["standing"][0]) == found.standing[0]


def test_a_run_that_nobody_watched_is_judged_by_its_checkpoint(tmp_path: Path) -> None:
    options = {**TOY, "watch_every": NEVER}
    with constant_noise():
        run = poise.train("gan", "ring", out=tmp_path / "run", steps=30, **options)
        found = poise.diagnose(run)
    assert not run.findings()
    assert found.verdict == "mode-collapse"
    assert found.failed
    well = poise.train("gan", "ring", out=tmp_path / "well", **{**WELL, "watch_every": NEVER})
    assert poise.diagnose(well).verdict == "healthy"


def copied(run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run, tmp_path / "copy"))


def test_lines_that_a_crash_cut_short_are_named_and_passed_over(idle: Path, tmp_path: Path) -> None:
    path = copied(idle, tmp_path)
    for name in ("metrics.jsonl", "findings.jsonl"):
        (path / name).write_bytes((path / name).read_bytes() + b'{"step": 41, "he\xff')
    found = poise.diagnose(path)
    assert found.verdict == "generator-idle"
    assert sorted(line.split(":")[0] for line in found.unread) == ["findings.jsonl", "metrics.jsonl"]
    (path / "findings.jsonl").write_text('{"step": 3, "level": "odd"}\n[]\n')
    assert any("no finding" in line for line in poise.diagnose(path).unread)


def test_another_version_or_damage_leaves_what_can_be_read(idle: Path, tmp_path: Path) -> None:
    path = copied(idle, tmp_path)
    described = json.loads((path / "config.json").read_text())
    del described["config"]["watch_every"]
    (path / "config.json").write_text(json.dumps(described))
    found = poise.diagnose(path)
    assert found.verdict == "generator-idle"
    assert "does not fit this version" in found.unread[0]
    (path / "config.json").write_text("{")
    assert "is damaged" in poise.diagnose(path).unread[0]
    (path / "config.json").unlink()
    assert poise.diagnose(path).failed
    (path / "metrics.jsonl").unlink()
    (path / "findings.jsonl").unlink()
    assert poise.diagnose(path).verdict == "unknown"
    shutil.rmtree(path / "checkpoints")
    with pytest.raises(PoiseError, match="no run in"):
        poise.diagnose(path)


def test_damaged_checkpoints_and_lost_data_are_named(tmp_path: Path) -> None:
    source = tmp_path / "points.csv"
    source.write_text("a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(40)) + "\n")
    run = poise.train("gan", source, out=tmp_path / "run", steps=4, **{**TOY, "batch": 8, "watch_every": NEVER})
    assert poise.diagnose(run).unread == ()
    source.unlink()
    assert any("points.csv" in line for line in poise.diagnose(run).unread)
    for file in run.checkpoints.glob("step-*/weights.safetensors"):
        file.write_bytes(b"damaged")
    found = poise.diagnose(run)
    assert found.verdict == "unknown"
    assert any("is damaged" in line for line in found.unread)
    assert "checkpoints: none is whole" in found.unread


def test_what_held_earlier_is_told_apart(healthy: Path, tmp_path: Path) -> None:
    path = copied(healthy, tmp_path)
    Run(path).add_finding(Finding("rotation", "failure", 20, 10, "it circled", {"separation": 0.3}, "", "someone"))
    found = poise.diagnose(path)
    assert found.verdict == "healthy"
    assert [finding.code for finding in found.earlier] == ["rotation"]
    assert "earlier: failure: rotation, seen at step 20" in "\n".join(found.lines())
