"""Series in files: what is read, and what is refused, with the place and the remedy."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.data import Dataset, SeriesOptions, Windows, load, series_arrays
from poise.data.series_arrays import read_series_arrays
from poise.data.series_tables import read_folder, read_table
from poise.errors import PoiseError

PLAIN = SeriesOptions()
RNG = np.random.default_rng(0)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def pieces(part: Any) -> Windows:
    assert isinstance(part, Windows)
    return part


def save(path: Path, **arrays: Any) -> Path:
    write_all: Any = np.savez  # whose types take every keyword for an option
    write_all(path, **arrays)
    return path


def wide(n: int = 60, header: str = "x,y", first: Callable[[int], str] = lambda i: str(i)) -> str:
    return header + "\n" + "".join(f"{first(i)},{i * i % 17}\n" for i in range(n))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_wide_csv_is_one_series(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "t.csv", wide(100).replace(",", delimiter))
    data = load(path, series=PLAIN)
    assert (data.name, data.kind, data.columns, data.classes) == ("t.csv", "series", ("x", "y"), ())
    assert (data.train.shape, pieces(data.valid).shape, data.test.shape) == ((51, 10, 2), (1, 10, 2), (1, 10, 2))
    assert data.train[3:4][0].tolist() == [[i, i * i % 17] for i in range(3, 13)]
    assert data.test[:][0].tolist() == [[i, i * i % 17] for i in range(90, 100)]


def test_empty_fields_are_missing_and_a_blank_end_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "x,y\n1,2\n,3\nNA,nan\n\n4,NaN\n\n\n")
    nan = np.nan
    np.testing.assert_array_equal(
        read_table(path, PLAIN, None).values, [[1, 2], [nan, 3], [nan, nan], [nan, nan], [4, nan]]
    )
    np.testing.assert_array_equal(read_table(write(path, "x\n1\n\n3\n"), PLAIN, None).values, [[1], [nan], [3]])


def test_parquet(tmp_path: Path) -> None:
    import polars

    times = [datetime(2026, 1, 1) + timedelta(hours=i) for i in range(50)]
    frame = polars.DataFrame({"when": times, "x": RNG.normal(size=50), "b": [True, None, False, True, True] * 10})
    frame.write_parquet(tmp_path / "t.parquet")
    data = load(tmp_path / "t.parquet", series=SeriesOptions(time="when", window=5))
    assert data.columns == ("x", "b")
    assert np.isnan(data.train[:][:, :, 1]).sum() > 0
    with pytest.raises(
        PoiseError, match=r"column 'when' of .* holds dates; if they are the time of each row, say --time when"
    ):
        load(tmp_path / "t.parquet", series=PLAIN)
    frame.with_columns(polars.col("when").reverse()).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(PoiseError, match=r"row 2 of .* has in 'when' an earlier time than row 1; sort it"):
        load(tmp_path / "t.parquet", series=SeriesOptions(time="when"))


@settings(deadline=None, max_examples=50)
@given(order=st.lists(st.sampled_from(["ann", "bob", "7", "é"]), min_size=1, max_size=40), with_time=st.booleans())
def test_a_long_csv_in_any_order_of_its_series(
    order: list[str], with_time: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("long") / "t.csv"
    write(path, "x,who,t\n" + "".join(f"{i * 0.5},{who},{3 * i}\n" for i, who in enumerate(order)))
    series = read_table(path, SeriesOptions(series_id="who", time="t" if with_time else None), None)
    names = list(dict.fromkeys(order))  # in the order of their first rows
    assert series.names == tuple(names)
    for i, name in enumerate(names):
        rows = [k for k, who in enumerate(order) if who == name]
        begin, steps = int(series.starts[i]), int(series.lengths[i])
        assert (series.values[begin : begin + steps, 0] * 2).tolist() == rows
        assert series.place(begin, 0) == f"column 'x' of {path} in line {rows[0] + 2}"


def test_a_long_csv_with_classes(tmp_path: Path) -> None:
    text = "who,t,x,kind\n" + "".join(f"{k},{t},{k + 0.1 * t},{'ab'[k % 2]}\n" for t in range(6) for k in range(20))
    path = write(tmp_path / "t.csv", text)
    data = load(path, series=SeriesOptions(series_id="who", time="t"), label_column="kind")
    assert (data.classes, data.columns, data.train.shape) == (("a", "b"), ("x",), (16, 6, 1))
    assert np.asarray(data.train_labels).tolist() == (pieces(data.train).series % 2).tolist()
    assert data.in_source_order().names == tuple(map(str, range(20)))
    with pytest.raises(PoiseError, match=r"line 22 of .* has b in 'kind', other rows of its series have a; give each"):
        load(
            write(path, text.replace("0,1,0.1,a", "0,1,0.1,b")),
            series=SeriesOptions(series_id="who"),
            label_column="kind",
        )
    with pytest.raises(
        PoiseError, match="is one series, which has one class; leave --label-column out, or add --series-id"
    ):
        load(path, series=PLAIN, label_column="kind")


def test_a_folder_of_csv(tmp_path: Path) -> None:
    for i in range(30):
        write(tmp_path / f"{i:02}.csv", "t,x,y\n" + "".join(f"{k},{i + k / 8},{k * k}\n" for k in range(4 + i % 5)))
    write(tmp_path / "notes.txt", "not a series")
    write(tmp_path / ".hidden.csv", "nor this")
    data = load(tmp_path, series=SeriesOptions(time="t"))
    assert (data.columns, data.train.shape) == (("x", "y"), (24, 8, 2))
    rows = data.in_source_order()
    assert rows.names == tuple(f"{i:02}.csv" for i in range(30))
    for i, piece in enumerate(rows[0:30]):
        assert piece[: 4 + i % 5, 0].tolist() == [i + k / 8 for k in range(4 + i % 5)]
        assert np.isnan(piece[4 + i % 5 :]).all()
    series = read_folder(tmp_path, SeriesOptions(time="t"))
    assert series.place(6, 1) == f"column 'y' of {tmp_path / '01.csv'} in line 4"
    write(tmp_path / "07.csv", "t,x,z\n1,2,3\n")
    with pytest.raises(PoiseError, match=r"07.csv has the columns x, z, .*00.csv has x, y; give all files the same"):
        load(tmp_path, series=SeriesOptions(time="t"))
    with pytest.raises(PoiseError, match=r"each file of .* is a series; leave --series-id out"):
        load(tmp_path, series=SeriesOptions(series_id="t"))
    with pytest.raises(PoiseError, match="--label-column is for"):
        load(tmp_path, series=PLAIN, label_column="x")


TIMES = [
    (lambda i: str(i * 10), None),
    (lambda i: f"2026-01-{i % 28 + 1:02}", "line 30 of .* has in 't' an earlier time than line 29; sort it"),
    (lambda i: f"2026-{i // 28 + 1:02}-{i % 28 + 1:02}", None),
    (lambda i: f"2026-01-01T{i // 60:02}:{i % 60:02}:00.{i:03}Z", None),
    (lambda i: f"2026-01-01 00:{i:02}:00+02:00", None),
    (lambda i: str(min(i, 40)), "line 43 of .* has in 't' the same time as line 42; remove one of them"),
    (lambda i: f"day {i}", "column 't' of .* holds 'day 0' in line 2, neither a number nor a date as 2026-01-31 or"),
    (lambda i: "" if i == 5 else str(i), "line 7 of .* has no time in 't'; fill it or remove the row"),
]


@pytest.mark.parametrize(("time", "message"), TIMES)
def test_times_must_be_in_order(time: Callable[[int], str], message: str | None, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", wide(header="t,x", first=time))
    if message is None:
        assert load(path, series=SeriesOptions(time="t")).columns == ("x",)
        return
    with pytest.raises(PoiseError, match=message) as caught:
        load(path, series=SeriesOptions(time="t"))
    assert "\n" not in str(caught.value)


def test_times_are_in_order_within_each_series(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "who,t,x\na,5,1\nb,1,2\na,6,3\nb,2,4\na,6,5\n")
    with pytest.raises(PoiseError, match=r"line 6 of .* has in 't' the same time as line 4; remove one"):
        read_table(path, SeriesOptions(series_id="who", time="t"), None)


LONG = "who,x\n" + "".join(f"{i % 12},{i}\n" for i in range(60))
MISTAKES: list[tuple[str, SeriesOptions, str]] = [
    (wide().replace("7,15", "7,15,9"), PLAIN, "line 9 of .* has 3 fields, the first line 2; mend that line"),
    (
        wide(header="kind,x", first=lambda i: "ab"[i % 2]),
        PLAIN,
        "column 'kind' of .* 'a' in line 2, no number; remove it, or say --series-id kind",
    ),
    (
        wide(header="day,x", first=lambda i: f"2026-01-{i % 28 + 1:02}"),
        PLAIN,
        "column 'day' of .* holds dates; if they are the time of each row, say --time day",
    ),
    (
        "day,x,y\n2026-01-01,1,2\n2026-01-02,2,3\n",
        SeriesOptions(time="x"),
        "column 'day' of .* holds dates; x is the time already, so remove it",
    ),
    (wide(), SeriesOptions(time="z"), "has no column 'z'; choose one of x, y"),
    (LONG, SeriesOptions(series_id="whom"), "has no column 'whom'; did you mean who"),
    (LONG.replace("3,27", ",27"), SeriesOptions(series_id="who"), "line 29 of .* has no series in 'who'; fill it"),
    (
        LONG,
        SeriesOptions(series_id="who", window=6),
        "--window 6 is longer than every series of .*; use --window 5 or less",
    ),
    ("who\n1\n2\n", SeriesOptions(series_id="who"), "has no column of values; add at least one of numbers"),
    ("x,y\n", PLAIN, "holds no rows; write one for each step below the names"),
    ("x,y\n\n\n", PLAIN, "holds no rows"),
    ("", PLAIN, "is empty; its first line must name the columns"),
    ("1,2\n3,4\n", PLAIN, "begins with numbers; write a first line"),
    (wide().replace("7,15", "7,inf"), PLAIN, "column 'y' of .* in line 9 is inf; mend it, or leave it empty"),
    ("x,y\n" + "".join(f"{i},5\n" for i in range(60)), PLAIN, "column 'y' of .* is the same in every step to train on"),
    ("x,y\n" + "".join(f"{i},\n" for i in range(60)), PLAIN, "column 'y' of .* holds no value to train on; remove it"),
    (
        re.sub(r"(?m)^3,.*", "3,", LONG),
        SeriesOptions(series_id="who"),
        "series 3 of .* holds no value at all; remove it",
    ),
    (wide(8), PLAIN, "takes 5 windows of 2 steps; give longer series, or 10 of them"),
]


@pytest.mark.parametrize(("text", "options", "message"), MISTAKES)
def test_mistakes_in_tables(text: str, options: SeriesOptions, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", text)
    with pytest.raises(PoiseError, match=message) as caught:
        load(path, series=options)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["float64", "float32", "uint8", "bool"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays(tmp_path: Path, kind: str, suffix: str) -> None:
    rows = (RNG.normal(size=(30, 7, 3)) > 0).astype(kind)
    (np.save if suffix == ".npy" else np.savez)(tmp_path / f"x{suffix}", rows)
    data = load(tmp_path / f"x{suffix}", series=PLAIN)
    assert (data.columns, data.train.shape, pieces(data.valid).shape, data.test.shape) == (
        ("0", "1", "2"),
        (24, 7, 3),
        (3, 7, 3),
        (3, 7, 3),
    )
    np.testing.assert_array_equal(data.in_source_order()[0:30], rows)
    np.testing.assert_array_equal(data.train[:], rows[pieces(data.train).series])


def test_one_series_in_an_array(tmp_path: Path) -> None:
    rows = np.asfortranarray(RNG.normal(size=(200, 2)))
    np.save(tmp_path / "x.npy", rows)
    data = load(tmp_path / "x.npy", series=PLAIN)
    assert data.train.shape == (200 - 80 - 19, 20, 2)
    np.testing.assert_array_equal(data.train[5:6][0], rows[5:25])


def test_unequal_lengths_and_classes(tmp_path: Path) -> None:
    rows, lengths = RNG.normal(size=(40, 9, 2)), RNG.integers(2, 9, size=40)
    for i, n in enumerate(lengths):
        rows[i, n:] = np.inf  # padding is never looked at
    save(tmp_path / "x.npz", anything=rows, lengths=lengths, labels=np.arange(40) % 4)
    data = load(tmp_path / "x.npz", series=PLAIN)
    assert data.train.shape == (32, lengths.max(), 2)
    for part, labels in ((pieces(data.train), data.train_labels), (pieces(data.test), data.test_labels)):
        np.testing.assert_array_equal(part.lengths, lengths[part.series])
        np.testing.assert_array_equal(np.asarray(labels), part.series % 4)
        expected = np.where(np.isinf(rows), np.nan, rows)[part.series, : lengths.max()]
        np.testing.assert_array_equal(part[:], expected)


def test_a_split_in_an_npz(tmp_path: Path) -> None:
    parts = {
        "train": RNG.normal(size=(12, 5, 2)),
        "valid": RNG.normal(size=(3, 8, 2)),
        "test": RNG.normal(size=(4, 6, 2)),
    }
    lengths = {"train_lengths": np.full(12, 4), "test_lengths": np.array([6, 1, 2, 3])}
    labels = {"train_labels": list("abcabcabcabc"), "valid_labels": list("aab"), "test_labels": list("dddd")}
    data = load(save(tmp_path / "x.npz", **parts, **lengths, **labels), series=PLAIN)
    assert (data.train.shape, pieces(data.valid).shape, data.test.shape) == ((12, 8, 2), (3, 8, 2), (4, 8, 2))
    np.testing.assert_array_equal(data.train[:][:, :4], parts["train"][:, :4])
    assert np.isnan(data.train[:][:, 4:]).all()
    np.testing.assert_array_equal(pieces(data.valid)[:], parts["valid"])
    assert pieces(data.test).lengths.tolist() == [6, 1, 2, 3]
    assert data.classes == ("a", "b", "c", "d")
    assert np.asarray(data.test_labels).tolist() == [3] * 4
    rows = data.in_source_order()
    np.testing.assert_array_equal(rows[12:15], parts["valid"])
    parts["valid"][1, 2, 0] = np.inf
    with pytest.raises(PoiseError, match=r"valid in .*x.npz\[1, 2, 0\] is inf; mend it"):
        load(save(tmp_path / "x.npz", **parts), series=PLAIN)


FLOATS = RNG.normal(size=(12, 5, 2))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"x": FLOATS, "lengths": np.full(12, 6)}, "the lengths of x in .* hold 6 for series 0; they must be 1 to 5"),
    ({"x": FLOATS, "lengths": np.r_[[5] * 7, 0, [5] * 4]}, "hold 0 for series 7; they must be 1 to 5"),
    ({"x": FLOATS, "lengths": np.full(11, 5)}, r"the lengths of x in .* are int64 \[11\]; give integers \[12\]"),
    ({"x": FLOATS, "lengths": np.full(12, 5.0)}, r"are float64 \[12\]; give integers"),
    ({"x": FLOATS, "labels": np.arange(5)}, r"labels of .* has the shape \[5\]; give one label per sample, \[12\]"),
    ({"x": FLOATS, "labels": np.arange(12.0)}, "has the dtype float64; save labels as integers or text"),
    ({"x": FLOATS[0, 0]}, r"x in .* is float64 \[2\]; series are numbers \[n, t, d\], one series \[t, d\]"),
    ({"x": FLOATS.astype(complex)}, "is complex128"),
    ({"x": FLOATS.astype(str)}, r"series are numbers"),
    ({"x": FLOATS[:, :0]}, r"is empty, its shape is \[12, 0, 2\]"),
    ({"x": np.array([{}, None])}, r"holds Python objects, not numbers; .* series as floats \[n, t, d\]"),
    ({"x": FLOATS, "z": FLOATS}, "holds x, z; name the arrays train, valid and test, or give one"),
    ({}, "holds no array; name the arrays"),
    ({"train": FLOATS, "valid": FLOATS}, "holds train, valid; name the arrays"),
    ({"train": FLOATS, "test": FLOATS[..., :1]}, r"the arrays of .* have \[2, 1\] features; save all alike"),
    (
        {"train": FLOATS, "test": FLOATS, "test_labels": np.arange(12)},
        "only some parts of .* have labels; give all or none",
    ),
    (
        {"train": FLOATS, "test": FLOATS, "train_labels": np.arange(2), "test_labels": np.arange(12)},
        r"labels of train in .* have the shape \[2\]; give one label per series, \[12\]",
    ),
    ({"x": np.where(FLOATS[3, 1, 0] == FLOATS, np.inf, FLOATS)}, r"x in .*\[3, 1, 0\] is inf; mend it"),
    (
        {"x": np.where(np.arange(60).reshape(12, 5, 1) // 5 == 4, np.nan, FLOATS)},
        "series 4 of x in .* holds no value at all",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), WRONG)
def test_mistakes_in_arrays(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = save(tmp_path / "x.npz", **arrays)
    with pytest.raises(PoiseError, match=message) as caught:
        load(path, series=PLAIN)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_array_stays_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", FLOATS.astype(np.float32))
    small = load(tmp_path / "x.npy", series=PLAIN)
    assert not isinstance(pieces(small.train).values, np.memmap)
    monkeypatch.setattr(series_arrays, "IN_MEMORY", 100)

    def parts(data: Dataset) -> list[Windows]:
        return [pieces(data.train), pieces(data.valid), pieces(data.test)]

    large = load(tmp_path / "x.npy", series=SeriesOptions(window=3))
    for part in (*parts(large), *parts(large.standardized())):
        assert isinstance(part.values, np.memmap)
        assert part.values.base is not None
    assert load(tmp_path / "x.npy", series=PLAIN).fingerprint == small.fingerprint
    np.save(tmp_path / "x.npy", np.asfortranarray(FLOATS))
    with pytest.raises(PoiseError, match=r"is in Fortran's order.*; save numpy.ascontiguousarray of it"):
        load(tmp_path / "x.npy", series=PLAIN)


def test_a_step_of_one_series_is_named_by_two_numbers(tmp_path: Path) -> None:
    rows = RNG.normal(size=(60, 2))
    rows[40, 1] = -np.inf
    np.save(tmp_path / "x.npy", rows)
    with pytest.raises(PoiseError, match=r"x.npy\[40, 1\] is -inf"):
        load(tmp_path / "x.npy", series=PLAIN)
    assert read_series_arrays(tmp_path / "x.npy").what == str(tmp_path / "x.npy")


def test_what_is_no_series_is_told_what_one_is(tmp_path: Path, photos: Path, draw: Any) -> None:
    draw("a.png")
    (tmp_path / "x.zip").write_bytes(b"")
    for source in (photos, tmp_path / "x.zip", "ring", "fashion-mnist"):
        with pytest.raises(PoiseError, match=r"; a series is a \.csv or \.parquet whose rows are time, a folder of"):
            load(source, series=PLAIN)
    with pytest.raises(PoiseError, match="no such folder or file"):
        load(tmp_path / "nowhere", series=PLAIN)
    np.save(tmp_path / "x.npy", FLOATS)
    with pytest.raises(PoiseError, match=r"--series-id and --time name columns, of which .*x.npy has none"):
        load(tmp_path / "x.npy", series=SeriesOptions(time="t"))
    with pytest.raises(PoiseError, match="holds series, which have no size; leave the size out"):
        load(tmp_path / "x.npy", series=PLAIN, size=28)
    for array in (FLOATS, np.where(FLOATS > 1, np.nan, FLOATS)):
        np.save(tmp_path / "x.npy", array)
        with pytest.raises(PoiseError, match=r"uint8 0\.\.255, or train on them as series: poise train rvae"):
            load(tmp_path / "x.npy")


def test_a_folder_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(PoiseError, match=r"cannot read the folder .*: Permission denied; allow it or move it away"):
        load(tmp_path, series=PLAIN)
