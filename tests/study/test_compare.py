"""Studies: what they run, what they make of it, and that they go on after a kill as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch

import poise
from poise.cli import main
from poise.errors import PoiseError
from poise.study import STUDIES, StudyFolder, lines, own, ready, tuning
from poise.study.design import Arm, Budget, Study
from poise.study.job import Job, Outcome, configured
from poise.study.results import summarize

SMALL = {"width": 8, "batch": 16}
ARMS = (
    Arm("adam", "gan", {"optimizer": "adam", **SMALL}),
    Arm("sgd", "gan", {"optimizer": "sgd", **SMALL}),
)
TINY = Study("tiny", ("ring",), ARMS, Budget("gradients", 40), "coverage", trials=2, seeds=(0,), points=3)


def scores(folder: StudyFolder) -> dict[str, Any]:
    """What a study found, without what the clock and the machine say."""
    return {o.job.key: (o.status, o.score, o.curve, o.spent, o.gradients) for o in folder.outcomes()}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    return poise.compare(TINY, out=tmp_path_factory.mktemp("studies") / "tiny")


def test_every_run_is_there_and_pays_the_same(tiny: StudyFolder) -> None:
    outcomes = tiny.outcomes()
    assert len(outcomes) == 2 * 2 + 2
    assert {o.gradients for o in outcomes} == {40}
    assert all(o.status == "finished" and o.score is not None for o in outcomes)
    for outcome in outcomes:
        run = poise.Run(tiny.path / outcome.path)
        assert run.config.seed == outcome.job.seed
        assert {name: player.lr for name, player in run.config.players.items()} == outcome.lr
        assert json.loads((run.path / "config.json").read_text())["threads"] == torch.get_num_threads()
    final = [o.job.factors for o in outcomes if o.job.phase == "final" and o.job.arm == "adam"]
    tried = tuning.together(TINY, [o for o in outcomes if o.job.phase == "tuning" and o.job.arm == "adam"])
    assert set(final) == {min(tried, key=lambda f: tried[f])} or len(set(tried.values())) == 1


def test_tables_hold_a_row_for_each_run(tiny: StudyFolder) -> None:
    frames = polars.read_csv(tiny.path / "results.csv"), polars.read_parquet(tiny.path / "results.parquet")
    for frame in frames:
        assert frame.height == 6
        assert frame["gradients"].to_list() == [40] * 6
    json.loads((tiny.path / "results.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_curves_have_their_points_at_equal_gradients_whatever_a_step_costs(tmp_path: Path) -> None:
    arms = tuple(
        Arm(rule, "gan", {"rule": rule, **SMALL}) for rule in ("alternating", "extragradient", "past-extragradient")
    )
    study = Study("costs", ("ring",), arms, Budget("gradients", 48), "coverage", trials=1, seeds=(0,), points=3)
    outcomes = poise.compare(study, out=tmp_path / "costs").outcomes()
    spent = {o.job.arm: o.spent for o in outcomes if o.job.phase == "final"}
    assert spent["alternating"] == spent["extragradient"] == (16, 32, 48)
    assert spent["past-extragradient"] == (18, 34, 48)  # its first step takes two gradients of each player


def test_several_workers_find_the_same(tiny: StudyFolder, tmp_path: Path) -> None:
    again = poise.compare(TINY, out=tmp_path / "again", workers=2)
    assert scores(again) == scores(tiny)


def test_a_killed_study_goes_on(tiny: StudyFolder, tmp_path: Path) -> None:
    """The whole group of processes is killed in the midst of a run, more than once."""
    script = "import poise, sys\nfrom study.test_compare import TINY\nif __name__ == '__main__':\n"
    script += "    poise.compare(TINY, out=sys.argv[1])\n"
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "killed")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")])}
    for runs in (1, 3):
        process = subprocess.Popen(command, start_new_session=True, env=env, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 120
        while len(list((tmp_path / "killed").glob("outcomes/*/*/*.json"))) < runs and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, check=True, env=env, stderr=subprocess.DEVNULL)
    assert scores(StudyFolder(tmp_path / "killed")) == scores(tiny)


def test_machines_that_share_a_folder_share_the_work(tiny: StudyFolder, tmp_path: Path) -> None:
    """Every run is trained once, by one of them."""
    script = "import poise, sys\nfrom study.test_compare import TINY\nif __name__ == '__main__':\n"
    script += "    poise.compare(TINY, out=sys.argv[1], share=True, told=lambda o, *_: print(o.job.key))\n"
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "shared")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")])}
    machines = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [machine.communicate(timeout=240)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0]
    assert all(said)
    folder = StudyFolder(tmp_path / "shared")
    assert scores(folder) == scores(tiny)
    assert folder.results()["done"] == 6
    for outcome in folder.outcomes():
        steps = [line["step"] for line in poise.Run(folder.path / outcome.path).metrics() if "generator.loss" in line]
        assert steps == sorted(set(steps))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_saves_and_says_how_to_go_on(number: signal.Signals, tmp_path: Path) -> None:
    """SIGTERM comes to one process, and Ctrl-C to the whole group, workers that wait included."""
    command = [sys.executable, "-m", "poise", "compare", "mine", "ring", "--optimizers", "adam", "lion"]
    command += ["--gradients", "100000", "--trials", "1", "--workers", "3", "--out", str(tmp_path / "study")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 120
    while not list((tmp_path / "study").glob("runs/*/*/*/metrics.jsonl")):
        assert time.monotonic() < until
        time.sleep(0.05)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said.splitlines()[-1].endswith("the same command again goes on")
    assert "Traceback" not in said


def test_a_failing_arm_is_a_result(tmp_path: Path) -> None:
    wild = Arm("wild", "gan", {"optimizer": "sgd", "lr": 1e12, "width": 8, "batch": 16})
    study = replace(TINY, name="wild", arms=(ARMS[0], wild), trials=1, seeds=(0,))
    folder = poise.compare(study, out=tmp_path / "wild")
    by = {o.job.arm: o for o in folder.outcomes()}
    assert by["wild"].status == "diverged"
    assert by["wild"].score is None
    assert by["adam"].score is not None
    arms = {arm["name"]: arm for arm in folder.results()["sets"][0]["arms"]}
    assert arms["wild"]["failed"] == 1
    assert arms["wild"]["rank"] == 2
    assert any("wild: no run with a score" in line for line in folder.results()["verdict"])
    assert any(line.startswith("wild") for line in lines(folder.results()))


def test_a_process_that_dies_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that takes its process with it fails; those beside it are run again."""
    script = (
        "import os, sys, poise\nfrom pathlib import Path\nfrom poise.study import worker\n"
        "from study.test_compare import TINY\nfrom dataclasses import replace\n"
        "real = worker.resolve\n"
        "def deadly(config, *rest):\n"
        "    if config.players['generator'].optimizer == 'sgd' and config.seed == 0:\n        os._exit(9)\n"
        "    return real(config, *rest)\n"
        "worker.resolve = deadly\n"
        "if __name__ == '__main__':\n"
        "    poise.compare(replace(TINY, trials=1, seeds=(0, 1)), out=sys.argv[1], workers=2)\n"
    )
    (tmp_path / "script.py").write_text(script)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(["tests", os.environ.get("PYTHONPATH", "")])}
    subprocess.run([sys.executable, str(tmp_path / "script.py"), str(tmp_path / "dead")], check=True, env=env)
    found = {(o.job.arm, o.job.seed): o for o in StudyFolder(tmp_path / "dead").outcomes()}
    assert found["sgd", 0].error == "its process was killed"
    assert [found[key].status for key in (("adam", 0), ("adam", 1), ("sgd", 1))] == ["finished"] * 3


def test_a_sampler_proposes_the_same_after_a_kill() -> None:
    study = replace(TINY, sampler="tpe", trials=6)
    tried: dict[tuple[float, ...], float] = {}
    while new := tuning.proposals(study, "ring", ARMS[0], 2, tried):
        assert new == tuning.proposals(study, "ring", ARMS[0], 2, dict(tried))
        tried |= {factors: abs(np.log(factors[0] / 3)) for factors in new}
    assert len(tried) == 6
    assert next(iter(tried)) == (1.0,)
    assert all(0.1 <= factor <= 10 for (factor,) in tried)


def test_a_grid_for_each_player_has_the_square_of_the_trials() -> None:
    study = replace(TINY, trials=3, each_player=True)
    grid = tuning.grid(study, 2)
    assert len(grid) == 9
    config = configured(study, ARMS[0], Job("ring", "adam", "tuning", grid[1], 5))
    usual = configured(study, ARMS[0], Job("ring", "adam", "tuning", (1.0,), 5))
    for name, factor in zip(config.players, grid[1], strict=True):
        for field in ("lr", "lr_end"):
            assert getattr(config.players[name], field) == pytest.approx(factor * getattr(usual.players[name], field))


def outcome(arm: str, seed: int, score: float | None, data: str = "ring", phase: Any = "final", **more: Any) -> Outcome:
    status: Any = "diverged" if score is None else "finished"
    return Outcome(Job(data, arm, phase, (1.0,), seed), status, score, steps=10, gradients=20, seconds=1.0, **more)


def test_the_verdict_names_the_best_only_beyond_chance() -> None:
    study = replace(TINY, seeds=(0, 1, 2, 3), trials=1)
    clear = [outcome("adam", s, 0.9 + 0.01 * s) for s in range(4)] + [
        outcome("sgd", s, 0.1 + 0.011 * s) for s in range(4)
    ]
    said = summarize(study, clear, 8)["verdict"]
    assert said == ["adam is best (coverage 0.915): better than sgd beyond chance (p < .05 after Holm)"]
    vague = [outcome("adam", s, 0.5 + 0.1 * (-1) ** s) for s in range(4)] + [outcome("sgd", s, 0.5) for s in range(4)]
    assert summarize(study, vague, 8)["verdict"][0].startswith("no difference shown: ")
    assert summarize(study, vague, 9)["verdict"] == ["not over: 8 of 9 runs have ended"]
    lower = replace(study, score="frechet")
    assert summarize(lower, clear, 8)["verdict"][0].startswith("sgd is best (frechet 0.1165)")


def test_targets_are_timed_on_the_line_between_two_points() -> None:
    study = replace(TINY, arms=ARMS[:1], seeds=(0, 1), target=0.5, trials=1)
    runs = [
        outcome("adam", 0, 0.8, spent=(10.0, 20.0, 40.0), curve=(0.1, 0.3, 0.7)),
        outcome("adam", 1, 0.4, spent=(10.0, 40.0), curve=(0.1, 0.4)),
    ]
    found = summarize(study, runs, 2)
    (arm,) = found["sets"][0]["arms"]
    (head, row) = (line for line in lines(found) if line.startswith("a"))
    assert head.endswith("to 0.5")
    assert row.endswith("30 (50%)")
    assert arm["to_target"] == {"mean": 30.0, "reached": 0.5}
    assert arm["curve"]["x"][0] >= 10


def test_profiles_over_several_data_sets() -> None:
    study = replace(TINY, data=("ring", "grid"), score="frechet", seeds=(0,), trials=1)
    runs = [
        outcome("adam", 0, 1.0),
        outcome("sgd", 0, 2.0),
        outcome("adam", 0, 3.0, "grid"),
        outcome("sgd", 0, None, "grid"),
    ]
    found = summarize(study, runs, 4)
    profiles = {profile["arm"]: profile["share"] for profile in found["profiles"]}
    assert profiles["adam"] == [1.0] * len(profiles["adam"])
    assert profiles["sgd"][0] == 0
    assert profiles["sgd"][-1] == 0.5
    assert found["verdict"][-1] == "over all 2 data sets adam has the best mean rank, 1.00 of 2"


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("size", ["small", "full"])
def test_ready_studies_are_whole(name: str, size: Any) -> None:
    data = {"vae-optimizers": "fashion-mnist", "rvae-optimizers": "sines"}.get(name, "ring")
    study = ready(name, (data,), size)
    study.check()
    assert len(study.arms) >= 4
    for arm in study.arms:
        configured(study, arm, Job(data, arm.name, "final", (1.0,), 0))


def test_arms_of_ones_own_are_named_by_what_differs() -> None:
    names = [arm.name for arm in own("s", ("ring",), ["gan"], ["alternating", "extragradient"], ["adam", "lion"]).arms]
    assert names == ["alternating-adam", "alternating-lion", "extragradient-adam", "extragradient-lion"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gan-optimisers", "ring"], "no study 'gan-optimisers'; did you mean gan-optimizers?"),
        (["mine", "ring"], "no study 'mine'"),
        (["mine", "--optimizers", "adam"], "DATA is missing"),
        (["gan-rules", "ring", "--optimizers", "adam"], "gan-rules is a ready study"),
        (["gan-rules", "ring", "--gradients", "9", "--minutes", "1"], "--gradients and --minutes are two budgets"),
        (["gan-rules", "ring", "--score", "nll"], "arm simultaneous: --score nll is of VAEs"),
        (["gan-rules", "fashion-mnist", "--score", "modes"], "--score modes needs known modes"),
        (["gan-rules", "ring", "fashion-mnist"], "one study compares data of one kind, and ring holds points"),
        (["gan-rules", "ring", "ring"], "give each data set once"),
        (["mine", "ring", "--optimizers", "adam", "adam"], "two arms are called adam"),
        (["mine", "ring", "--optimizers", "adam", "addam"], "arm addam: no discriminator.optimizer 'addam'"),
        (["mine", "ring", "--rules", "unrolled", "--optimizers", "muon"], "arm gan: the unrolled rule"),
        (["gan-rules", "ring", "--seeds", "0"], "--seeds is 0"),
        (["gan-rules", "ring", "--workers", "0"], "--workers is 0"),
        (["gan-rules", "ring", "--gradients", "0"], "a budget of 0 gradient evaluations trains nothing"),
    ],
)
def test_mistakes_are_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["compare", *words, "--out", str(tmp_path / "study")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "study").exists()


def test_another_study_does_not_go_into_the_same_folder(tiny: StudyFolder) -> None:
    with pytest.raises(PoiseError, match=r"holds another study \(its budget differ\)"):
        poise.compare(replace(TINY, budget=Budget("gradients", 50)), out=tiny.path)
    with pytest.raises(PoiseError, match="no study in"):
        StudyFolder(tiny.path / "runs")
