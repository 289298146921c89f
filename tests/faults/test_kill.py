"""A real process is killed, several times and at any instant; the run must end as if nothing had happened."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STEPS = 36


def command(data: Path, out: Path) -> list[str]:
    options = f"--steps {STEPS} --batch 8 --width 8 --latent 8 --log-every 1 --sample-every 11 --checkpoint-every 5"
    return [sys.executable, "-m", "poise.cli", "train", "gan", str(data), "--out", str(out), *options.split()]


def outcome(out: Path) -> dict[str, Any]:
    newest = max((out / "checkpoints").iterdir(), key=lambda path: path.name)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return {
        "step": newest.name,
        "tensors": {file.name: file.read_bytes() for file in newest.glob("*.safetensors")},
        "pictures": {file.name: file.read_bytes() for file in (out / "samples").iterdir()},
        "metrics": [{name: value for name, value in line.items() if name != "seconds"} for line in lines],
        "leftovers": [str(path) for path in out.rglob("*.tmp")],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (100, 28, 28), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def whole(data: Path) -> dict[str, Any]:
    out = data.parent / "whole"
    subprocess.run(command(data, out), check=True, capture_output=True)
    return outcome(out)


def test_killed_again_and_again_it_ends_bit_for_bit_the_same(data: Path, whole: dict[str, Any], tmp_path: Path) -> None:
    out, chance = tmp_path / "killed", random.Random(7)
    kills = 0
    for _ in range(30):
        process = subprocess.Popen(command(data, out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        steps_before = reached(out)
        wait_for_steps(out, process, steps_before + chance.randint(2, 16))
        time.sleep(chance.random() * 0.02)  # anywhere within a step, a picture or a checkpoint
        if process.poll() is None:
            process.kill()
            kills += 1
        _, said = process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, said
    else:
        pytest.fail("the run never ended")
    assert kills >= 2
    assert outcome(out) == whole


def reached(out: Path) -> int:
    metrics = out / "metrics.jsonl"
    return len(metrics.read_text().splitlines()) if metrics.exists() else 0


def wait_for_steps(out: Path, process: "subprocess.Popen[str]", steps: int) -> None:
    while process.poll() is None and reached(out) < steps:
        time.sleep(0.002)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(
    number: signal.Signals, status: int, data: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    process = subprocess.Popen(command(data, out), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    wait_for_steps(out, process, 5)
    os.kill(process.pid, number)
    _, said = process.communicate()
    assert process.returncode == status
    assert "stopped and saved at step" in said
    assert "run the same command again" in said
    assert "Traceback" not in said
    again = subprocess.run([*command(data, out), "--resume"], capture_output=True, text=True, check=True)
    assert "going on from step" in again.stderr
    assert outcome(out) == whole
