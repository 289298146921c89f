"""What a trained VAE is used for: codes, anomaly scores, reconstructions, held-out scores; from Python and shell."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import poise
from poise.cli import main
from poise.coding import score
from poise.config import VaeConfig
from poise.errors import PoiseError
from poise.evaluation import Evaluation, evaluate
from poise.models.vae import Vae, build

TINY: dict[str, Any] = {"width": 4, "latent": 3, "batch": 8, "progress": False}


def pixels(n: int, dark: int = 0, bright: int = 256, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(dark, bright, (n, 28, 28), dtype=np.uint8)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos") / "photos"
    for name, images in (("cats", pixels(30, 0, 60)), ("dogs, wet", pixels(30, 60, 120, seed=1))):
        (folder / name).mkdir(parents=True)
        for i, image in enumerate(images):
            Image.fromarray(image).save(folder / name / f"{i:02}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> poise.Run:
    out = tmp_path_factory.mktemp("runs") / "run"
    settings = {**TINY, "network": "mlp", "width": 32}
    return poise.train("vae", photos, steps=150, out=out, conditional=True, prior="vamp", components=6, **settings)


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> poise.Run:
    return poise.train("gan", "ring", steps=2, out=tmp_path_factory.mktemp("runs") / "gan", progress=False)


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.array(picture)[None, None]


def test_codes_come_in_the_order_of_the_files(run: poise.Run, photos: Path, tmp_path: Path) -> None:
    codes, samples = poise.encode(run, photos)
    assert samples.names == tuple(sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png")))
    assert samples.labels is not None
    game = run.game()
    assert isinstance(game, Vae)
    image = torch.from_numpy(pixels_of(photos / samples.names[40])).float() / 127.5 - 1
    with torch.no_grad():
        mean, log_sd = game.vae.encoder(image, torch.tensor([1]))
    np.testing.assert_allclose(codes.mean[40], mean[0], atol=1e-5)
    np.testing.assert_allclose(codes.sd[40], log_sd[0].exp(), rtol=1e-5)
    for name in ("z.npz", "z.csv"):
        assert main(["encode", str(run.path), str(photos), "--out", str(tmp_path / name)]) == 0
    with np.load(tmp_path / "z.npz") as saved:
        assert sorted(saved) == ["anomaly", "label", "mean", "path", "sd"]
        np.testing.assert_array_equal(saved["mean"], codes.mean)
        assert saved["path"].tolist() == list(samples.names)
        assert saved["label"].tolist() == ["cats"] * 30 + ["dogs, wet"] * 30
    import polars

    table = polars.read_csv(tmp_path / "z.csv")
    assert table.columns[:4] == ["path", "label", "anomaly", "mean_0"]
    assert table["path"].to_list() == list(samples.names)
    assert table["label"].to_list() == ["cats"] * 30 + ["dogs, wet"] * 30
    np.testing.assert_allclose(table["anomaly"], codes.anomaly, rtol=1e-12)


def test_what_is_unlike_the_data_scores_higher(run: poise.Run, tmp_path: Path) -> None:
    np.savez(tmp_path / "odd.npz", images=pixels(10, 200), labels=np.array(["cats"] * 10))
    usual, _ = poise.encode(run)
    odd, samples = poise.encode(run, tmp_path / "odd.npz")
    assert odd.anomaly.min() > usual.anomaly.max()
    assert len(samples) == 10


def test_classes_are_told_by_name_whatever_their_number(run: poise.Run, photos: Path, tmp_path: Path) -> None:
    """A set of dogs alone counts them as class 0; to the run they are class 1."""
    np.savez(tmp_path / "dogs.npz", images=pixels(30, 60, 120, seed=1), labels=np.array(["dogs, wet"] * 30))
    alone, _ = poise.encode(run, tmp_path / "dogs.npz")
    both, _ = poise.encode(run, photos)
    np.testing.assert_allclose(alone.mean, both.mean[30:], atol=1e-5)


def test_scores_of_classes_are_those_of_single_rows(run: poise.Run) -> None:
    """One draw at the posterior's mean would do; here the estimate is by classes, and must not mix up rows."""
    game = run.game()
    assert isinstance(game, Vae)
    x = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)) / 2 - 1
    labels = torch.tensor([1, 0, 1, 1, 0, 0])
    together = score(game, x, labels, 2000, torch.Generator().manual_seed(0))
    alone = [score(game, x[i : i + 1], labels[i : i + 1], 2000, torch.Generator().manual_seed(1)) for i in range(6)]
    np.testing.assert_allclose(together, torch.cat(alone), rtol=0.02)
    other = score(game, x, 1 - labels, 2000, torch.Generator().manual_seed(0))
    assert ((other - together).abs() > 0.05 * together.abs()).any()


def test_samples_of_a_label(run: poise.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_name, by_number = run.sample(20, label="dogs, wet"), run.sample(20, label=1)
    assert np.array_equal(by_name, by_number)
    assert by_name.mean() > run.sample(20, label="cats").mean() + 30
    out = ["--out", str(tmp_path / "s.npz")]
    assert main(["sample", str(run.path), "--label", "1", "-n", "20", *out]) == 0
    with np.load(tmp_path / "s.npz") as saved:
        assert np.array_equal(saved["samples"], by_name)
    capsys.readouterr()
    assert main(["sample", str(run.path), "--label", "cat", *out]) == 2
    assert "no label 'cat'" in capsys.readouterr().err


def test_reconstructions(run: poise.Run, photos: Path, tmp_path: Path) -> None:
    again, samples = poise.reconstruct(run, photos)
    assert again.shape == (60, 28, 28, 1)
    assert again[30:].mean() > again[:30].mean() + 30
    for name in ("r.png", "r.npz", "folder"):
        assert main(["reconstruct", str(run.path), str(photos), "--out", str(tmp_path / name)]) == 0
    with np.load(tmp_path / "r.npz") as saved:
        assert np.array_equal(saved["samples"], again)
    assert len(list((tmp_path / "folder").glob("*.png"))) == 60
    with Image.open(tmp_path / "r.png") as picture:
        shown = np.asarray(picture)
    factor = shown.shape[0] // (8 * 30 + 2)
    first = shown[2 * factor : 30 * factor : factor, 2 * factor : 30 * factor : factor]
    assert np.array_equal(first, samples[:1][0, :, :, 0])


def test_evaluation_from_the_shell(run: poise.Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run.path), "--draws", "20", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["held_out"]
    assert found["samples"] == 6
    assert found["bound"] == pytest.approx(-found["reconstruction"] - found["kl"])
    assert found["nll"] <= -found["bound"] + 3 * found["nll_error"]
    assert found["bits"] == pytest.approx((found["nll"] / 784 + np.log(127.5)) / np.log(2))
    assert main(["evaluate", str(run.path), "--draws", "20"]) == 0
    said = capsys.readouterr().out
    assert "active units" in said
    assert "6 held-out ones are too few" in said  # for scores of samples
    assert f"{found['nll']:.2f}" in said


MISUSE = [
    (["encode", "RUN", "PHOTOS", "--out", "z.txt"], "cannot write codes as z.txt; end --out in .npz or .csv"),
    (["encode", "RUN", "PLAIN"], "was trained with classes, and plain.npy has no labels"),
    (["encode", "RUN", "BIRDS"], "knows no class 'birds'"),
    (["encode", "RUN", "ring"], "samples of ring are 2, those of .* are 1 × 28 × 28"),
    (["encode", "RUN", "PHOTOS", "--draws", "0"], "--draws is 0; give at least 1"),
    (["encode", "GAN", "ring"], "holds a gan, which has no encoder; train a vae"),
    (["evaluate", "GAN", "--judge", "pixel"], "no judge 'pixel'; did you mean pixels?"),
    (["evaluate", "GAN", "--judge", "pixels"], "the judge pixels takes images"),
    (["evaluate", "GAN", "--samples", "9"], "--samples is 9; give at least 10"),
    (["evaluate"], "give a run folder, or two sets of samples"),
    (["evaluate", "GAN", "--real", "ring"], "give a run folder, or two sets of samples"),
    (["evaluate", "--real", "ring"], "--fake is missing; give both --real and --fake"),
    (
        ["evaluate", "--real", "ring", "--fake", "PHOTOS"],
        "ring holds points and .* holds images; give both of one kind",
    ),
    (["evaluate", "--real", "PHOTOS", "--fake", "BIG"], "the data are 28 × 28 × 1, and the samples 32 × 32 × 1"),
    (["evaluate", "RUN", "--limit", "1"], "--limit is 1; give at least 2"),
    (["evaluate", "RUN", "--data", "FEW"], "held-out samples; at least two are needed"),
    (["sample", "GAN", "--label", "1"], "was trained without classes; train with --conditional"),
]


@pytest.mark.parametrize(
    ("command", "message"), MISUSE, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_misuse_is_one_line(
    command: list[str],
    message: str,
    run: poise.Run,
    gan: poise.Run,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("plain.npy", pixels(20))
    np.savez("birds.npz", images=pixels(20), labels=np.array(["birds"] * 20))
    np.savez("few.npz", images=pixels(12), labels=np.array(["cats"] * 12))
    places = {"RUN": run.path, "GAN": gan.path, "PHOTOS": photos, "PLAIN": "plain.npy"}
    np.save("big.npy", np.zeros((20, 32, 32), np.uint8))
    places |= {"BIRDS": "birds.npz", "FEW": "few.npz", "BIG": "big.npy"}
    before = {*tmp_path.iterdir(), tmp_path / "cache"}
    assert main([str(places.get(word, word)) for word in command]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, said[-1]), said
    assert set(tmp_path.iterdir()) <= before


def table(n: int = 400) -> np.ndarray:
    t = np.random.default_rng(0).normal(size=(n, 1))
    noise = np.random.default_rng(1).normal(size=(n, 3))
    return np.hstack([1000 + 50 * t, -3 * t, 0.01 * t]) + noise * [1, 0.1, 0.001]


def write(path: Path, rows: np.ndarray, header: str = "a,b,c") -> Path:
    np.savetxt(path, rows, delimiter=",", header=header, comments="", fmt="%.17g")
    return path


def test_tables_are_sampled_and_scored_in_their_own_units(tmp_path: Path) -> None:
    """Ten times the numbers are ten times as many units: the same run, and −ln p greater by ln 10 for each column."""
    runs = []
    for factor in (1, 10):
        path = write(tmp_path / f"{factor}.csv", factor * table())
        runs.append(poise.train("vae", path, steps=300, out=tmp_path / f"run-{factor}", progress=False, width=32))
    one, ten = runs
    np.testing.assert_allclose(ten.sample(50), 10 * one.sample(50), rtol=1e-4)
    samples = one.sample(2000)
    np.testing.assert_allclose((samples.mean(0) - table().mean(0)) / table().std(0), 0, atol=0.5)
    np.testing.assert_allclose(samples.std(0) / table().std(0), 1, atol=0.5)
    scores = [poise.held_out(run, draws=50) for run in runs]
    assert scores[1].nll - scores[0].nll == pytest.approx(3 * np.log(10), abs=0.01)
    assert isinstance(scores[0], Evaluation)
    assert scores[0].bits is None
    codes = [poise.encode(run)[0] for run in runs]
    np.testing.assert_allclose(codes[1].anomaly - codes[0].anomaly, 3 * np.log(10), atol=0.05)
    assert len(list(one.samples.glob("codes-*.png"))) == 1
    np.save(tmp_path / "same.npy", table())
    other = write(tmp_path / "other.csv", table(), header="a,b,x")
    with pytest.raises(PoiseError, match="has other columns than the data of"):
        poise.encode(one, other)


def test_bits_stay_bits_and_other_numbers_are_refused(tmp_path: Path) -> None:
    bits = (np.random.default_rng(0).random((200, 4)) < [0.1, 0.9, 0.5, 0.5]).astype(int)
    run = poise.train(
        "vae",
        write(tmp_path / "bits.csv", bits, "a,b,c,d"),
        steps=20,
        batch=64,
        likelihood="bernoulli",
        out=tmp_path / "run",
        progress=False,
    )
    samples = run.sample(50)
    assert 0 <= samples.min() < samples.max() <= 1
    scores = poise.held_out(run, draws=5)
    assert isinstance(scores, Evaluation)
    assert not scores.gray_bits
    with pytest.raises(PoiseError, match=r"needs data in \[0, 1\]"):
        poise.train(
            "vae",
            write(tmp_path / "t.csv", table()),
            likelihood="bernoulli",
            batch=64,
            out=tmp_path / "no",
            progress=False,
        )
    assert not (tmp_path / "no").exists()


def test_a_table_with_labels_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f"{i % 2 * 9 + i % 7},{i % 5},{'uv'[i % 2]}" for i in range(200))
    (tmp_path / "t.csv").write_text(f"x,y,kind\n{rows}\n")
    out = ["--out", str(tmp_path / "run"), "--steps", "20", "--batch", "64"]
    train = ["train", "vae", str(tmp_path / "t.csv"), *out]
    assert main([*train, "--conditional"]) == 2
    assert "--label-column kind" in capsys.readouterr().err
    assert main([*train, "--conditional", "--label-column", "kind"]) == 0
    assert main(["sample", str(tmp_path / "run"), "--label", "v", "--out", str(tmp_path / "s.png")]) == 0
    plain = ["--out", str(tmp_path / "plain"), "--steps", "2", "--batch", "64", "--label-column", "kind"]
    assert main(["train", "vae", str(tmp_path / "t.csv"), *plain]) == 0
    (tmp_path / "new.csv").write_text("x,y\n" + "\n".join(f"{i},{i % 5}" for i in range(20)))
    encode = ["encode", str(tmp_path / "plain"), "--out", str(tmp_path / "z.csv")]
    assert main([*encode, str(tmp_path / "new.csv")]) == 0  # codes need no labels
    assert (tmp_path / "z.csv").read_text().startswith("anomaly,mean_0")
    assert main([*encode, str(tmp_path / "t.csv")]) == 0
    assert (tmp_path / "z.csv").read_text().startswith("label,anomaly,mean_0")


def test_gray_values_as_bits_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    game = build(VaeConfig(network="mlp", width=8, latent=2, likelihood="bernoulli"), (1, 28, 28))
    gray = evaluate(game, pixels(5)[..., None], draws=2)
    assert gray.gray_bits
    assert gray.bits is None
    assert any("taken as probabilities" in line for line in gray.lines())
    black_and_white = evaluate(game, (pixels(5)[..., None] > 127).astype(np.uint8) * 255, draws=2)
    assert not black_and_white.gray_bits
