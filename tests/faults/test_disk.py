"""A disk that is full or cannot be written: one line, exit status 2, and nothing half-written."""

import subprocess
import sys
from pathlib import Path

import pytest

from poise.cli import main

TRAIN = "from poise.cli import main; raise SystemExit(main({args!r}))"
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size})); "


def poise(args: list[str], before: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", before + TRAIN.format(args=args)], capture_output=True, text=True, check=False
    )


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train = ["train", "gan", "ring", "--out", str(out), "--checkpoint-every", "5", "--sample-every", "1000"]
    assert poise([*train, "--steps", "5"]).returncode == 0
    before = sorted(file.name for file in (out / "checkpoints").iterdir())
    # a limit on the size of a file fails writes as a full disk does; checkpoints are larger than this
    failed = poise([*train, "--steps", "10"], FULL.format(size=20_000))
    assert failed.returncode == 2
    assert failed.stderr.splitlines()[-1].startswith("poise: cannot write")
    assert "Traceback" not in failed.stderr
    assert sorted(file.name for file in (out / "checkpoints").iterdir()) == before
    assert not list(out.rglob("*.tmp"))
    assert poise([*train, "--steps", "10"]).returncode == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file" / "run", Path("/proc/poise-run")):
        assert main(["train", "gan", "ring", "--steps", "2", "--out", str(out)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(out) in line
