"""Training into a folder: pictures, metrics, going on, and what may not be mixed."""

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import poise
from poise import checkpoint
from poise.api import Interrupted
from poise.errors import NonFinite, PoiseError
from poise.run import Run

SMALL: dict[str, Any] = {"width": 4, "latent": 4, "batch": 8, "log_every": 1, "progress": False}


def contents(run: Run) -> dict[str, Any]:
    """Everything a run holds that must not depend on when it was interrupted."""
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    return {
        "tensors": {file.name: file.read_bytes() for file in path.glob("*.safetensors")},
        "pictures": {file.name: file.read_bytes() for file in run.samples.iterdir()},
        "metrics": [{k: v for k, v in line.items() if k != "seconds"} for line in run.metrics()],
    }


def test_a_run_holds_what_the_design_says(images: Path, tmp_path: Path) -> None:
    run = poise.train("gan", images, steps=6, sample_every=3, out=tmp_path / "run", **SMALL)
    assert [line["step"] for line in run.metrics()] == [1, 2, 3, 4, 5, 6]
    assert {"examples", "seconds", "discriminator.loss", "generator.loss"} <= set(run.metrics()[0])
    assert sorted(file.name for file in run.samples.iterdir()) == [
        "interpolated-0000006.png",
        "neighbors-0000006.png",
        "real.png",
        "step-0000003.png",
        "step-0000006.png",
    ]
    assert (run.path / "report.html").stat().st_size > 10_000
    described = json.loads((run.path / "config.json").read_text())
    assert described["data"]["shape"] == [1, 28, 28]
    assert {"torch", "numpy", "python", "poise"} <= set(described["versions"])
    assert {"config", "data", "versions", "command", "threads"} == set(described)
    assert described["config"]["device"] in ("cpu", "cuda", "mps")
    assert described["config"]["precision"] in ("float32", "bfloat16")


def test_samples_come_from_the_averaged_weights_and_depend_on_the_seed(images: Path, tmp_path: Path) -> None:
    # fresh networks give one gray, and may end there while they are only two channels wide at last
    run = poise.train("gan", images, steps=40, out=tmp_path / "run", lr=1e-2, **(SMALL | {"width": 8}))
    samples = run.sample(5)
    assert samples.shape == (5, 28, 28, 1)
    assert samples.dtype == np.uint8
    assert np.array_equal(samples, Run(run.path).sample(5))
    assert np.array_equal(samples, run.sample(70)[:5]), "sample i depends on the seed and i alone"
    assert run.sample(70).shape == (70, 28, 28, 1)
    assert not np.array_equal(samples, run.sample(5, seed=1))
    assert not np.array_equal(samples, run.sample(5, averaged=False))


def test_the_saved_average_loads_into_plain_modules(images: Path, tmp_path: Path) -> None:
    run = poise.train("gan", images, steps=4, out=tmp_path / "run", **SMALL)
    path, _ = checkpoint.latest(run.checkpoints)
    assert path is not None
    weights, average = load_file(path / "weights.safetensors"), load_file(path / "average.safetensors")
    assert set(average) == {name for name in weights if name.startswith("generator.")}


@pytest.mark.parametrize("recipe", ["gan", "gan-textbook", "gan-r3", "gan-sn", "gan-wgan-gp"])
def test_every_recipe_goes_on_as_if_it_had_never_stopped(recipe: str, images: Path, tmp_path: Path) -> None:
    options = {**SMALL, "sample_every": 2, "checkpoint_every": 3, "flip": True}
    whole = poise.train(recipe, images, steps=8, out=tmp_path / "whole", **options)

    out = tmp_path / "parts"
    stop_at(5, recipe, images, out, {**options, "steps": 8})
    parts = poise.train(recipe, images, steps=8, out=out, **options)
    assert contents(parts) == contents(whole)


def stop_at(step: int, recipe: str, data: Path, out: Path, options: dict[str, Any]) -> None:
    """Train, but send this process SIGTERM at a step, as an operator would."""
    log = Run.log

    def log_and_stop(self: Run, now: int, *rest: Any) -> None:
        log(self, now, *rest)
        if now == step:
            signal.raise_signal(signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "log", log_and_stop)
        with pytest.raises(Interrupted, match=f"saved at step {step}"):
            poise.train(recipe, data, out=out, **options)


def test_a_damaged_newest_checkpoint_costs_only_the_steps_since_the_one_before(images: Path, tmp_path: Path) -> None:
    options = {**SMALL, "sample_every": 4, "checkpoint_every": 2}
    whole = poise.train("gan", images, steps=8, out=tmp_path / "whole", **options)
    expected = contents(whole)
    newest, _ = checkpoint.latest(whole.checkpoints)
    assert newest is not None
    (newest / "weights.safetensors").write_bytes(b"damaged")
    again = poise.train("gan", images, steps=8, out=tmp_path / "whole", **options)
    assert contents(again) == expected


def test_more_steps_may_be_asked_for_later(images: Path, tmp_path: Path) -> None:
    whole = poise.train("gan", images, steps=6, out=tmp_path / "whole", gamma_end=None, **SMALL)
    poise.train("gan", images, steps=3, out=tmp_path / "parts", gamma_end=None, **SMALL)
    longer = poise.train("gan", images, steps=6, out=tmp_path / "parts", gamma_end=None, **SMALL)
    assert longer.metrics()[-1]["step"] == 6
    assert len(whole.metrics()) == len(longer.metrics())


def test_a_finished_run_says_so_and_stays_as_it_is(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = contents(poise.train("gan", images, steps=2, out=tmp_path / "run", **SMALL))
    again = poise.train("gan", images, steps=2, out=tmp_path / "run", **{**SMALL, "progress": True})
    assert "trained to step 2 already; for more, give more --steps" in capsys.readouterr().err
    assert contents(again) == expected


def test_a_run_killed_between_its_last_checkpoint_and_its_last_picture_gets_the_picture(
    images: Path, tmp_path: Path
) -> None:
    run = poise.train("gan", images, steps=3, out=tmp_path / "run", **{**SMALL, "checkpoint_every": 3})
    expected = contents(run)
    (run.samples / "step-0000003.png").unlink()
    assert contents(poise.train("gan", images, steps=3, out=run.path, **SMALL)) == expected


def test_a_folder_of_another_configuration_is_left_alone(images: Path, tmp_path: Path) -> None:
    run = poise.train("gan", images, steps=2, out=tmp_path / "run", **SMALL)
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    with pytest.raises(PoiseError, match=r"latent 4 → 9.*generator.lr .* → 0.5"):
        poise.train("gan", images, steps=9, out=run.path, generator={"lr": 0.5}, **{**SMALL, "latent": 9})
    np.save(images, np.zeros((60, 28, 28), np.uint8))
    with pytest.raises(PoiseError, match=r"data .* as it was"):
        poise.train("gan", images, steps=9, out=run.path, **SMALL)
    assert before == {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    new = poise.train("gan", images, steps=1, out=run.path, overwrite=True, **{**SMALL, "latent": 9})
    assert [line["step"] for line in new.metrics()] == [1]


def test_other_peoples_files_are_never_touched(images: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / "samples").mkdir(parents=True)
    precious = tmp_path / "mine" / "samples" / "thesis.txt"
    precious.write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(PoiseError, match="is no run but holds files"):
            poise.train("gan", images, steps=1, out=tmp_path / "mine", overwrite=overwrite, **SMALL)
    assert precious.read_text() == "precious"


def test_mistakes_leave_nothing_behind(images: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    mistakes: list[tuple[str, dict[str, Any]]] = [
        ("larger than the 54 training samples", {"batch": 55}),
        ("--steps is 0", {"steps": 0}),
        ("no option 'batches'; did you mean 'batch'", {"batches": 3}),
        ("no option 'optimiser'; did you mean 'optimizer'", {"generator": {"optimiser": 1}}),
        ("did you mean alternating", {"rule": "alternate"}),
        ("did you mean adam", {"optimizer": "adan"}),
        (
            "--discriminator-steps needs --rule alternating",
            {"rule": "simultaneous", "discriminator_steps": 2},
        ),
        ("--generator.beta1 is 1", {"generator": {"beta1": 1.0}}),
        ("no device 'gpu'", {"device": "gpu"}),
        ("no loss 'hing'; did you mean hinge", {"loss": "hing"}),
        ("no penalties 'r3'", {"penalties": ("r1", "r3")}),
        ("nothing here|no run in", {"resume": True}),
        ("does not take images", {"network": "mlp"}),
    ]
    for message, wrong in mistakes:
        with pytest.raises(PoiseError, match=message):
            poise.train("gan", images, out=out, **{**SMALL, **wrong})
        assert not out.exists(), message
    with pytest.raises(PoiseError, match="no recipe 'gna'; did you mean gan"):
        poise.train("gna", images, out=out)


def test_a_learning_rate_that_explodes_names_the_player_and_keeps_the_last_good_checkpoint(
    images: Path, tmp_path: Path
) -> None:
    options = {**SMALL, "checkpoint_every": 1, "precision": "float32"}
    with pytest.raises(NonFinite, match=r"at step \d+: the generator's weights grew .* last good checkpoint is step-"):
        poise.train("gan-wgan-gp", images, steps=50, out=tmp_path / "run", generator={"lr": 1e30}, **options)
    run = Run(tmp_path / "run")
    path, warnings = checkpoint.latest(run.checkpoints)
    assert path is not None
    assert not warnings
    assert all(np.isfinite(tensor).all() for tensor in load_file(path / "weights.safetensors").values())


def test_a_budget_of_minutes_ends_and_goes_on(images: Path, tmp_path: Path) -> None:
    run = poise.train("gan", images, minutes=0.01, out=tmp_path / "run", **SMALL)
    steps = run.metrics()[-1]["step"]
    assert run.metrics()[-1]["seconds"] >= 0.6 or steps >= 1
    longer = poise.train("gan", images, minutes=0.02, out=tmp_path / "run", **SMALL)
    assert longer.metrics()[-1]["step"] > steps


def test_two_processes_cannot_train_into_one_folder(images: Path, tmp_path: Path) -> None:
    import fcntl

    run = poise.train("gan", images, steps=1, out=tmp_path / "run", **SMALL)
    with (run.path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(PoiseError, match="another process is training"):
            poise.train("gan", images, steps=2, out=run.path, **SMALL)


@pytest.mark.parametrize("toy", ["ring", "grid"])
def test_toys_train_under_the_same_command(toy: str, tmp_path: Path) -> None:
    run = poise.train("gan", toy, steps=3, out=tmp_path / toy, progress=False)
    assert getattr(run.config.model, "network", None) == "mlp"
    assert run.sample(7).shape == (7, 2)
    assert (run.samples / "step-0000003.png").stat().st_size > 1000


def test_a_folder_that_is_no_run_is_named() -> None:
    with pytest.raises(PoiseError, match="no run in nowhere"):
        Run("nowhere")


def test_weights_of_other_networks_are_refused_in_one_line(images: Path, tmp_path: Path) -> None:
    """As after a version of Poise that builds a network otherwise; here the settings say another width."""
    run = poise.train("gan", images, steps=3, out=tmp_path / "run", **SMALL)
    file = run.path / "config.json"
    settings = json.loads(file.read_text())
    settings["config"]["model"]["width"] = 6
    file.write_text(json.dumps(settings))
    with pytest.raises(PoiseError, match="the saved weights are of other networks"):
        Run(run.path).sample(1)
    with pytest.raises(PoiseError, match="the saved weights are of other networks"):
        poise.train("gan", images, steps=6, out=tmp_path / "run", resume=True, **{**SMALL, "width": 6})
