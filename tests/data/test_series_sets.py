"""The built-in sets of series: that they are what they say, held to the files they come from and to equations."""

import csv
import gzip
import importlib
from typing import Any

import numpy as np
import pytest

from poise.data import SeriesOptions, Windows, chorales, load
from poise.data.names import SETS, kind_of
from poise.data.packages import package_file
from poise.data.series_sets import SETS as READERS
from poise.data.synthetic import lorenz, sines
from poise.errors import PoiseError

# series, steps in all, longest, shapes of the parts
FACTS: dict[str, tuple[int, int, int, tuple[int, int, int], int, int]] = {
    "bach": (364, 79_240, 772, (292, 772, 88), 36, 36),
    "bach-quarters": (364, 19_810, 193, (292, 193, 88), 36, 36),
    "lorenz": (1, 20_000, 20_000, (15_701, 100, 3), 20, 20),
    "motions": (80, 8_000, 100, (36, 100, 6), 4, 40),
    "power": (1_096, 26_304, 24, (61, 24, 1), 6, 1_029),
    "sines": (10_000, 240_000, 24, (8_000, 24, 5), 1_000, 1_000),
    "stocks": (1, 5_031, 5_031, (3_726, 100, 10), 6, 6),
    "temperatures": (1, 8_759, 8_759, (6_710, 100, 2), 9, 9),
    "vowels": (640, 9_961, 29, (243, 29, 12), 27, 370),
}


def test_every_set_has_a_reader_and_facts() -> None:
    assert {name for name, known in SETS.items() if known.kind == "series"} == set(READERS) == set(FACTS)


@pytest.mark.parametrize("name", FACTS)
def test_the_counts(name: str) -> None:
    n, total, longest, train, valid, test = FACTS[name]
    assert kind_of(name) == "series"
    series = READERS[name]()
    assert (len(series.lengths), series.lengths.sum(), series.lengths.max()) == (n, total, longest)
    assert len(series.values) == total
    data = load(name)
    assert (data.name, data.kind, data.skipped, data.train.shape, len(data.test)) == (name, "series", (), train, test)
    assert isinstance(data.valid, Windows)
    assert len(data.valid) == valid
    assert len(data.columns) == train[2]
    assert not np.isnan(series.values).any()
    scaled = data.standardized()
    assert np.nanmax(np.abs(scaled.train[0:50])) < 50
    assert data.fingerprint == load(name, series=SeriesOptions()).fingerprint


@pytest.mark.parametrize(("name", "classes", "counts"), [("vowels", 9, 30), ("motions", 4, 10), ("power", 2, None)])
def test_the_classes(name: str, classes: int, counts: int | None) -> None:
    data = load(name)
    assert len(data.classes) == classes
    assert data.train_labels is not None
    assert data.valid_labels is not None
    assert data.test_labels is not None
    trained = np.bincount(np.concatenate([data.train_labels, data.valid_labels]))
    assert trained.min() > 0
    if counts is not None:
        assert trained.tolist() == [counts] * classes
    assert len(data.test_labels) == len(data.test)


def test_a_window_may_be_chosen() -> None:
    assert load("sines", series=SeriesOptions(window=12)).train.shape == (8_000 * 13, 12, 5)
    with pytest.raises(PoiseError, match="--window 30 is longer than every series of power"):
        load("power", series=SeriesOptions(window=30))
    with pytest.raises(PoiseError, match=r"lorenz is a built-in set, .*; leave --series-id and --time out"):
        load("lorenz", series=SeriesOptions(time="t"))
    with pytest.raises(PoiseError, match="lorenz holds series, which have no size"):
        load("lorenz", size=28)


@pytest.mark.parametrize(("name", "package"), [("stocks", "arch"), ("bach", "music21"), ("vowels", "sktime")])
def test_a_package_that_is_not_there(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poise.data.packages.find_spec", lambda _: None)
    with pytest.raises(PoiseError, match=rf"{name} comes in the package {package}, .*; pip install 'poise\[series\]'"):
        load(name)


def test_a_package_without_the_file() -> None:
    with pytest.raises(PoiseError, match=r"the package arch has no data/none; pip install --upgrade 'poise\[series\]'"):
        package_file("stocks", "arch", "data", "none")


def test_stocks_are_those_of_the_files() -> None:
    series = READERS["stocks"]()
    for index, first in (("sp500", 0), ("nasdaq", 5)):
        with gzip.open(package_file("stocks", "arch", "data", index, f"{index}.csv.gz"), "rt") as file:
            rows = list(csv.DictReader(file))
        kept = ["Open", "High", "Low", "Close", "Volume"]
        assert series.columns[first : first + 5] == tuple(f"{index} {name.lower()}" for name in kept)
        expected = [[float(row[name]) for name in kept] for row in rows]
        np.testing.assert_array_equal(series.values[:, first : first + 5], expected)
        assert all(row["Close"] == row["Adj Close"] for row in rows)  # which is why it is left out


def test_both_cities_have_the_same_hours() -> None:
    hours = []
    for city in ("seattle", "sf"):
        with package_file("temperatures", "vega_datasets", "_data", f"{city}-temps.csv").open() as file:
            hours.append([row["date"][:16] for row in csv.DictReader(file)])
    assert hours[0] == hours[1] == sorted(set(hours[0]))


@pytest.mark.parametrize("name", ["bwv1.6", "bwv66.6", "bwv104.6", "bwv253", "bwv269"])
@pytest.mark.filterwarnings("ignore")
def test_chorales_are_those_that_music21_reads(name: str) -> None:
    """Sample the score as music21 understands it, note by note, at the beginning of every sixteenth."""
    file = package_file("bach", "music21", "corpus", "bach", f"{name}.mxl")
    roll = chorales.read_score(chorales._score(file))
    score: Any = importlib.import_module("music21.converter").parse(file)
    slow = np.zeros_like(roll)
    for note in score.flatten().notes:
        begin, end = 4 * float(note.offset), 4 * float(note.offset + note.quarterLength)
        for t in range(len(roll)):
            if begin <= t < end:
                slow[t, note.pitch.midi - 21] = 1
    np.testing.assert_array_equal(roll, slow)


def test_chorales_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = package_file("bach", "music21", "corpus", "bach")
    files = chorales._files(folder)[:5]
    monkeypatch.setattr(chorales, "_files", lambda _: files)
    first = chorales.kept_chorales(folder)
    assert list(first) == ["bwv10.7", "bwv101.7", "bwv102.7", "bwv103.6"]  # bwv1.6 has five parts
    expected = {file.stem: chorales.read_score(chorales._score(file)) for file in files}
    monkeypatch.setattr(chorales, "read_chorales", lambda _: pytest.fail("parsed again"))
    for found in (first, chorales.kept_chorales(folder)):
        for name, roll in found.items():
            np.testing.assert_array_equal(roll, expected[name])


def test_quarters_are_every_fourth_sixteenth() -> None:
    sixteenths, quarters = READERS["bach"](), READERS["bach-quarters"]()
    assert sixteenths.names == quarters.names
    assert set(np.unique(sixteenths.values)) == {0, 1}
    assert sixteenths.columns[0] == "A0"
    assert sixteenths.columns[39] == "C4"
    assert sixteenths.columns[87] == "C8"
    for i in (0, 100, 363):
        begin, end = sixteenths.starts[i], sixteenths.starts[i] + sixteenths.lengths[i]
        first, last = quarters.starts[i], quarters.starts[i] + quarters.lengths[i]
        np.testing.assert_array_equal(quarters.values[first:last], sixteenths.values[begin:end:4])
    assert sixteenths.values.sum(axis=1).max() <= 4


def test_sines_are_sines() -> None:
    """sin(w(t + 1)) + sin(w(t − 1)) = 2 cos(w) sin(wt), and so for any phase."""
    waves = sines()
    middle, around = waves[:, 1:-1], waves[:, 2:] + waves[:, :-2]
    cosine = (around * middle).sum(axis=1) / (2 * middle**2).sum(axis=1)
    np.testing.assert_allclose(around, 2 * cosine[:, None] * middle, atol=1e-8)
    frequency = np.arccos(np.clip(cosine, -1, 1)) / (2 * np.pi)
    assert frequency.max() < 0.1
    assert np.abs(np.histogram(frequency, bins=10, range=(0, 0.1))[0] - 5_000).max() < 400
    assert np.abs(waves[:, 0].mean(axis=0)).max() < 0.03
    np.testing.assert_array_equal(waves, sines())


def test_lorenz_moves_as_its_equations_say() -> None:
    points = lorenz(2_000, dt=0.005)
    x, y, z = points[1:-1].T
    flow = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)
    speed = (points[2:] - points[:-2]) / 0.01
    assert np.abs(speed - flow).max() < 0.01 * np.abs(flow).max()
    whole = lorenz()
    assert (np.abs(whole).max(axis=0) < [20, 28, 50]).all()
    assert (whole[:, 0] > 5).mean() == pytest.approx((whole[:, 0] < -5).mean(), abs=0.05)
