"""What a trained recurrent VAE is used for: samples, forecasts, filled gaps, scores; from Python and shell."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
from PIL import Image

import poise
from poise.cli import main
from poise.errors import PoiseError
from poise.sequence_evaluation import SequenceEvaluation

TINY: dict[str, Any] = {"width": 8, "latent": 2, "batch": 8, "progress": False}
COLUMNS = ["heat", "door", "visits", "day"]


def rows(steps: int = 300, seed: int = 0) -> np.ndarray:
    """A walk in degrees, bits, counts and classes."""
    random = np.random.default_rng(seed)
    walk = 500 + random.normal(size=steps).cumsum()
    return np.stack([walk, random.integers(0, 2, steps), random.poisson(4, steps), np.arange(steps) % 3], 1)


def write(path: Path, values: np.ndarray, gaps: bool = False, name: str | None = None) -> Path:
    lines = [",".join(COLUMNS if name is None else ["house", *COLUMNS])]
    for t, row in enumerate(values):
        fields = ["" if math.isnan(value) or (gaps and 10 <= t < 14) else f"{value:.17g}" for value in row]
        lines.append(",".join(fields if name is None else [name, *fields]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> poise.Run:
    folder = tmp_path_factory.mktemp("series")
    kinds = ("door=bernoulli", "visits=counts", "day=categorical")
    data = write(folder / "house.csv", rows())
    return poise.train("rvae", data, steps=40, window=12, likelihood_of=kinds, out=folder / "run", **TINY)


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> poise.Run:
    return poise.train("gan", "ring", steps=2, out=tmp_path_factory.mktemp("runs") / "gan", progress=False)


def test_a_run_on_series_gets_its_pictures(run: poise.Run) -> None:
    names = {path.name for path in run.samples.iterdir()}
    assert names == {"real.png"} | {f"{kind}-0000040.png" for kind in ("step", "autocorrelation", "kl", "forecast")}
    for name in names:
        with Image.open(run.samples / name) as picture:
            picture.load()


def test_samples_are_as_long_as_asked_and_depend_on_their_number_alone(run: poise.Run) -> None:
    assert run.sample(3).shape == (3, 12, 4)
    assert run.sample(3, length=40).shape == (3, 40, 4)
    np.testing.assert_array_equal(run.sample(70, length=5)[:3], run.sample(3, length=5))
    assert set(np.unique(run.sample(20)[..., 1])) <= {0.0, 1.0}


def test_samples_as_tables_arrays_and_pictures(run: poise.Run, tmp_path: Path) -> None:
    for name in ("x.csv", "x.parquet", "x.npz", "x.png"):
        assert main(["sample", str(run.path), "-n", "3", "--length", "5", "--out", str(tmp_path / name)]) == 0
    arrays = np.load(tmp_path / "x.npz")
    assert arrays["samples"].shape == (3, 5, 4)
    assert arrays["columns"].tolist() == COLUMNS
    for table in (polars.read_csv(tmp_path / "x.csv"), polars.read_parquet(tmp_path / "x.parquet")):
        assert table.columns == ["series", "step", *COLUMNS]
        np.testing.assert_allclose(table.select(COLUMNS).to_numpy(), arrays["samples"].reshape(15, 4))
        assert table["step"].to_list() == [0, 1, 2, 3, 4] * 3


def test_forecasts_begin_where_series_end(run: poise.Run, tmp_path: Path) -> None:
    data = write(tmp_path / "now.csv", rows(30, seed=1))
    found = poise.forecast(run, data, horizon=7, samples=50)
    assert found.samples.shape == (50, 1, 7, 4)
    assert abs(np.median(found.samples[:, 0, 0, 0]) - rows(30, seed=1)[-1, 0]) < 30
    low, middle, high = found.quantiles(0.05, 0.5, 0.95)
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert np.array_equal(middle[..., 1:], np.round(middle[..., 1:]))
    again = poise.forecast(run, data, horizon=7, samples=50)
    np.testing.assert_array_equal(found.samples, again.samples)
    assert not np.array_equal(found.samples, poise.forecast(run, data, horizon=7, samples=50, seed=1).samples)


def test_forecasts_as_tables_arrays_and_pictures(
    run: poise.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "houses"
    folder.mkdir()
    write(folder / "a.csv", rows(20, seed=1))
    write(folder / "b.csv", rows(15, seed=2), gaps=True)
    command = ["forecast", str(run.path), str(folder), "--horizon", "4", "--samples", "30", "--json", "--out"]
    for name in ("x.csv", "x.parquet", "x.npz", "x.png"):
        assert main([*command, str(tmp_path / name)]) == 0
        said = json.loads(capsys.readouterr().out)
        assert said == {"out": str(tmp_path / name), "series": 2, "horizon": 4, "samples": 30}
    arrays = np.load(tmp_path / "x.npz")
    assert arrays["samples"].shape == (30, 2, 4, 4)
    assert arrays["quantiles"].shape == (5, 2, 4, 4)
    for table in (polars.read_csv(tmp_path / "x.csv"), polars.read_parquet(tmp_path / "x.parquet")):
        assert table.columns == ["series", "step", "feature", "mean", "q05", "q25", "q50", "q75", "q95"]
        assert len(table) == 2 * 4 * 4
        second = table.filter((polars.col("series") == "b.csv") & (polars.col("feature") == "heat"))
        assert second["step"].to_list() == [15, 16, 17, 18]
        np.testing.assert_allclose(second["q50"], arrays["quantiles"][2, 1, :, 0])


def test_gaps_are_filled_and_all_else_stays(run: poise.Run, tmp_path: Path) -> None:
    values = rows(30, seed=1)
    found = poise.impute(run, write(tmp_path / "gaps.csv", values, gaps=True), samples=40)
    gap = np.zeros((30, 4), bool)
    gap[10:14] = True
    np.testing.assert_array_equal(found.filled[0][~gap], values[~gap])
    assert np.isnan(found.lower[0][~gap]).all()
    low, middle, high = (x[0][gap].reshape(4, 4) for x in (found.lower, found.filled, found.upper))
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert (low[:, 0] < high[:, 0]).all()
    assert np.abs(middle[:, 0] - 500).max() < 60
    assert np.array_equal(middle[:, 1:], np.round(middle[:, 1:]))
    assert set(np.unique(middle[:, 3])) <= {0.0, 1.0, 2.0}


def test_filled_series_as_tables_arrays_and_pictures(
    run: poise.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = rows(30, seed=1)
    data = write(tmp_path / "gaps.csv", values, gaps=True)
    for name in ("x.csv", "x.parquet", "x.npz", "x.png"):
        out = str(tmp_path / name)
        assert main(["impute", str(run.path), str(data), "--samples", "20", "--json", "--out", out]) == 0
        assert json.loads(capsys.readouterr().out) == {"out": out, "series": 1, "filled": 16}
    arrays = np.load(tmp_path / "x.npz")
    for table in (polars.read_csv(tmp_path / "x.csv"), polars.read_parquet(tmp_path / "x.parquet")):
        assert table.columns[:5] == ["series", "step", "heat", "heat lower", "heat upper"]
        np.testing.assert_allclose(table.select(COLUMNS).to_numpy(), arrays["filled"][0])
        assert table["heat lower"].null_count() == 26
        np.testing.assert_array_equal(table["door"].to_numpy()[14:], values[14:, 1])


def test_a_long_table_keeps_the_names_of_its_series(tmp_path: Path) -> None:
    tables = [write(tmp_path / f"{name}.csv", rows(60, seed), name=name) for seed, name in enumerate("pq")]
    lines = [table.read_text().splitlines() for table in tables]
    (tmp_path / "long.csv").write_text("\n".join([*lines[0], *lines[1][1:]]) + "\n")
    settings = {**TINY, "window": 6, "series_id": "house"}
    run = poise.train("rvae", tmp_path / "long.csv", steps=2, out=tmp_path / "run", **settings)
    found = poise.forecast(run, tmp_path / "long.csv", horizon=2, samples=5)
    assert found.series.names == ("p", "q")
    one = write(tmp_path / "one.csv", rows(20))  # one series, that no column names
    assert poise.forecast(run, one, horizon=2, samples=5).samples.shape == (5, 1, 2, 4)


def test_evaluation_in_python_and_from_the_shell(run: poise.Run, capsys: pytest.CaptureFixture[str]) -> None:
    scores = poise.held_out(run, draws=10)
    assert isinstance(scores, SequenceEvaluation)
    assert all(math.isfinite(value) for value in scores.to_json().values() if isinstance(value, float))
    assert main(["evaluate", str(run.path), "--draws", "10", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["held_out"]
    assert found["nll"] == pytest.approx(scores.nll)
    assert main(["evaluate", str(run.path), "--draws", "10"]) == 0
    assert f"{scores.nll:.3f} ±" in capsys.readouterr().out


def test_likelihoods_are_in_the_data_s_own_units(tmp_path: Path) -> None:
    """Ten times the numbers are ten times as many units: −ln p of a step is greater by ln 10."""
    scores = []
    for factor in (1, 10):
        data = tmp_path / f"{factor}.npy"
        np.save(data, factor * rows(400)[:, :1])
        run = poise.train("rvae", data, steps=5, window=8, out=tmp_path / f"run-{factor}", **TINY)
        scores.append(poise.held_out(run, draws=10))
    for name in ("nll", "fivo", "ahead", "reconstruction"):
        assert getattr(scores[1], name) - getattr(scores[0], name) == pytest.approx(math.log(10), abs=0.01)


MISUSE = [
    (["forecast", "RUN", "NOW", "--horizon", "0"], "--horizon 0: ask for at least one step"),
    (["forecast", "RUN", "NOW", "--horizon", "2", "--samples", "0"], "--samples 0: ask for at least one"),
    (["forecast", "RUN"], "missing DATA, --horizon; see poise forecast --help"),
    (["forecast", "RUN", "NOW"], "missing --horizon; see poise forecast --help"),
    (["forecast", "RUN", "NOW", "--horizon", "2", "--out", "x.txt"], "cannot write series as x.txt; end --out in .csv"),
    (
        ["forecast", "RUN", "OTHER", "--horizon", "2"],
        r"has other columns than the data of .* \(heat, door, visits, day\)",
    ),
    (["forecast", "RUN", "EMPTY", "--horizon", "2"], "holds no value at all; remove it"),
    (["forecast", "RUN", "HALVES", "--horizon", "2"], "feature 'door' holds 0.5"),
    (["forecast", "RUN", "nowhere.csv", "--horizon", "2"], "no such folder or file"),
    (["forecast", "RUN", "ring", "--horizon", "2"], "ring holds points, no series"),
    (["forecast", "GAN", "NOW", "--horizon", "2"], "holds a gan, which knows no series; train an rvae"),
    (["impute", "RUN", "NOW"], "has no gap to fill"),
    (["impute", "RUN", "NOW", "--samples", "0"], "--samples 0: ask for at least one"),
    (["impute", "RUN", "NOW", "--out", "x.gif"], "cannot write series as x.gif"),
    (["impute", "GAN", "NOW"], "holds a gan, which knows no series"),
    (["sample", "RUN", "--out", "folder"], "cannot write series as folder; end --out in .csv"),
    (["sample", "RUN", "--length", "0"], "--length 0: ask for at least one step"),
    (["sample", "GAN", "--length", "5"], "makes no series, whose length could be chosen"),
    (["sample", "RUN", "--label", "1"], "was trained without classes"),
    (["evaluate", "RUN", "--draws", "1"], "--draws is 1; give at least 2 for series"),
    (["encode", "RUN", "NOW"], "holds a rvae, which has no encoder"),
]


@pytest.mark.parametrize(
    ("command", "message"), MISUSE, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_misuse_is_one_line(
    command: list[str],
    message: str,
    run: poise.Run,
    gan: poise.Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    halves = rows(20)
    halves[3, 1] = 0.5
    places = {"RUN": run.path, "GAN": gan.path, "NOW": write(tmp_path / "now.csv", rows(20))}
    places |= {"HALVES": write(tmp_path / "halves.csv", halves), "OTHER": tmp_path / "other.csv"}
    places["OTHER"].write_text("heat,door\n" + "1,0\n" * 20)
    np.save("empty.npy", np.full((20, 4), np.nan))
    places["EMPTY"] = tmp_path / "empty.npy"
    before = set(tmp_path.iterdir())
    assert main([str(places.get(word, word)) for word in command]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert re.search(message, said[-1]), said
    assert set(tmp_path.iterdir()) == before


def test_a_disk_that_cannot_be_written_is_told_in_one_line(run: poise.Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PoiseError, match="cannot write"):
        main(["sample", str(run.path), "-n", "2", "--out", str(tmp_path / "file" / "x.csv"), "--debug"])
