"""How series are split and cut: nothing that is held out touches what is trained on, and nothing is lost in silence."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from poise.data import Dataset, Windows
from poise.data.cut import Spans, overlapping, side_by_side, split, split_off_valid, window_of
from poise.data.series import Series, assemble_series, one_after_another
from poise.errors import PoiseError

FEW = st.lists(st.integers(1, 300), min_size=1, max_size=9)
MANY = st.lists(st.integers(1, 60), min_size=10, max_size=60)


def spans(lengths: Sequence[int]) -> Spans:
    steps = np.array(lengths)
    return Spans(np.cumsum(steps) - steps, steps, np.arange(len(steps)))


def rows_of(part: Spans) -> list[set[int]]:
    return [set(range(s, s + n)) for s, n in zip(part.starts.tolist(), part.lengths.tolist(), strict=True)]


def walks(lengths: Sequence[int], seed: int = 0, **given: object) -> Series:
    rng = np.random.default_rng(seed)
    found = [rng.normal(size=(n, 2)) for n in lengths]
    return one_after_another(found, ("a", "b"), "walks", **given)  # type: ignore[arg-type]


def parts_of(data: Dataset) -> dict[str, Windows]:
    assert isinstance(data.train, Windows)
    assert isinstance(data.test, Windows)
    parts = {"train": data.train, "test": data.test}
    assert data.valid is None or isinstance(data.valid, Windows)
    return parts if data.valid is None else {**parts, "valid": data.valid}


@given(FEW, st.integers(2, 40))
def test_few_series_are_split_in_time_with_a_gap(lengths: list[int], window: int) -> None:
    whole = spans(lengths)
    if max(lengths) < 5 * window:
        with pytest.raises(PoiseError, match="too few steps"):
            split(whole, window, "x")
        return
    train, valid, test = split(whole, window, "x")
    assert train.series.tolist() == list(range(len(lengths)))
    assert valid.series.tolist() == test.series.tolist() == [i for i, n in enumerate(lengths) if n >= 5 * window]
    for i, n in enumerate(lengths):
        begin = int(whole.starts[i])
        (trained,) = rows_of(train.at(np.array([i])))
        assert min(trained) == begin
        if n < 5 * window:
            assert trained == set(range(begin, begin + n))
            continue
        (validated,) = rows_of(valid.at(np.flatnonzero(valid.series == i)))
        (tested,) = rows_of(test.at(np.flatnonzero(test.series == i)))
        assert len(trained) >= window
        assert len(validated) == len(tested) == max(n // 10, window)
        assert min(validated) - max(trained) - 1 == min(tested) - max(validated) - 1 == window
        assert max(tested) == begin + n - 1


@given(MANY)
def test_many_series_are_held_out_whole(lengths: list[int]) -> None:
    whole = spans(lengths)
    parts = split(whole, 2, "x")
    numbers = np.concatenate([part.series for part in parts])
    assert sorted(numbers.tolist()) == list(range(len(lengths)))
    assert [len(part.series) for part in parts[1:]] == [len(lengths) // 10] * 2
    for part in parts:
        np.testing.assert_array_equal(part.lengths, whole.lengths[part.series])
        np.testing.assert_array_equal(part.starts, whole.starts[part.series])
    again = split(whole, 7, "y")
    assert all(np.array_equal(a.series, b.series) for a, b in zip(parts, again, strict=True))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(2, 20))
def test_pieces_are_those_of_a_plain_loop(lengths: list[int], window: int) -> None:
    whole = spans(lengths)
    every, beside = [], []
    for i, n in enumerate(lengths):
        begin = int(whole.starts[i])
        every += [(begin + k, min(window, n), i) for k in range(max(1, n - window + 1))]
        pieces = [(begin + k, min(window, n - k), i) for k in range(0, n, window)]
        beside += [piece for piece in pieces if piece[1] >= 2 or len(pieces) == 1]
    assert list(zip(*(values.tolist() for values in overlapping(whole, window)), strict=True)) == every
    assert list(zip(*(values.tolist() for values in side_by_side(whole, window)), strict=True)) == beside


@settings(deadline=None)
@given(st.one_of(FEW, MANY), st.one_of(st.none(), st.integers(2, 60)))
def test_no_piece_of_one_part_comes_near_another(lengths: list[int], window: int | None) -> None:
    assume(max(lengths) > 1)
    try:
        data = assemble_series("walks", walks(lengths), window)
    except PoiseError as error:
        assert len(lengths) < 10 or "--window" in str(error)  # noqa: PT017  (either outcome is right here)
        return
    steps = window_of(np.array(lengths), window, "walks")
    covered = {
        name: np.concatenate([np.arange(s, s + n) for s, n in zip(part.starts, part.lengths, strict=True)])
        for name, part in parts_of(data).items()
    }
    series_of = np.repeat(np.arange(len(lengths)), lengths)
    for name, rows in covered.items():
        for other, others in covered.items():
            if name == other:
                continue
            for row in np.unique(rows):
                near = others[np.abs(others - row) <= (steps if len(lengths) < 10 else 0)]
                assert not (series_of[near] == series_of[row]).any()
    if len(lengths) >= 10:
        numbers = [set(part.series.tolist()) for part in parts_of(data).values()]
        assert sum(map(len, numbers)) == len(set().union(*numbers)) == len(lengths)
    for part in parts_of(data).values():
        assert part.shape[1:] == data.train.shape[1:]
        np.testing.assert_array_equal(series_of[part.starts], part.series)
        np.testing.assert_array_equal(series_of[part.starts + part.lengths - 1], part.series)


@pytest.mark.parametrize(
    ("lengths", "window"),
    [
        ([5000], 100),
        ([300], 30),
        ([45], 4),
        ([12], 2),
        ([80, 30], 8),
        ([24] * 50, 24),
        ([7, 29] * 50, 29),
        ([1001] * 10, 100),
    ],
)
def test_the_window_follows_the_series(lengths: list[int], window: int) -> None:
    assert window_of(np.array(lengths), None, "x") == window


def test_windows_that_do_not_fit() -> None:
    lengths = np.array([30] * 20)
    assert window_of(lengths, 12, "x.npy") == 12
    for given_window, message in (
        (1, "--window 1 is too short; take 2 or more"),
        (31, r"--window 31 is longer than every series of x.npy \(the longest has 30 steps\); use --window 30 or less"),
    ):
        with pytest.raises(PoiseError, match=message):
            window_of(lengths, given_window, "x.npy")
    with pytest.raises(PoiseError, match=r"no series of x.npy has more than one step; give series of 2 steps or more"):
        window_of(np.ones(20, np.int64), None, "x.npy")
    with pytest.raises(PoiseError, match="takes 5 windows of 40 steps; use --window 20 or less"):
        split(spans([100]), 40, "x.csv")
    with pytest.raises(PoiseError, match="takes 5 windows of 2 steps; give longer series, or 10 of them"):
        split(spans([9, 5]), 2, "x.csv")


@pytest.mark.parametrize(("n", "held_out"), [(19, 0), (20, 2), (61, 6)])
def test_validation_series_beside_a_given_test_part(n: int, held_out: int) -> None:
    train, valid = split_off_valid(spans([5] * n))
    assert (len(train.series), len(valid.series)) == (n - held_out, held_out)
    data = assemble_series("walks", walks([5] * (n + 3), parts=(n, 3)), None)
    assert (data.valid is None) == (held_out == 0)
    assert parts_of(data)["test"].series.tolist() == [n, n + 1, n + 2]


def test_a_given_split_is_used_as_it_is() -> None:
    labels = np.array(list("aabbccdd") + ["e"] * 6)
    data = assemble_series("walks", walks([9] * 14, labels=labels, parts=(8, 4, 2)), 4)
    assert {name: sorted(set(part.series.tolist())) for name, part in parts_of(data).items()} == {
        "train": list(range(8)),
        "valid": [8, 9, 10, 11],
        "test": [12, 13],
    }
    assert (len(data.train), data.train.shape[1:], len(data.test)) == (8 * 6, (4, 2), 2 * 2)  # 4, 4, and 1 step over
    assert data.train_labels is not None
    assert data.train_labels.tolist() == [i for i in (0, 0, 1, 1, 2, 2, 3, 3) for _ in range(6)]
    assert data.valid_labels is not None
    assert set(data.valid_labels.tolist()) == {4}
    assert data.classes == ("a", "b", "c", "d", "e")


@settings(deadline=None)
@given(MANY, st.integers(0, 2**32))
def test_pieces_in_source_order(lengths: list[int], seed: int) -> None:
    assume(max(lengths) > 9)
    names = tuple(f"s{i}" for i in range(len(lengths)))
    data = assemble_series("walks", walks(lengths, seed, names=names, labels=np.arange(len(lengths)) % 3), 10)
    rows = data.in_source_order()
    parts = parts_of(data)
    assert len(rows) == sum(map(len, parts.values()))
    places = sorted(
        (int(s), int(t), name, i)
        for name, part in parts.items()
        for i, (s, t) in enumerate(zip(part.series, part.starts, strict=True))
    )
    assert rows.names == tuple(f"s{s}" for s, *_ in places)
    assert rows.labels is not None
    assert rows.labels.tolist() == [s % 3 for s, *_ in places]
    expected = np.concatenate([parts[name][i : i + 1] for _, _, name, i in places])
    np.testing.assert_array_equal(rows[0 : len(rows)], expected)


def test_pieces_without_a_value_are_left_out_and_counted() -> None:
    series = walks([100, 100])
    series.values[20:40] = np.nan
    series.values[130:140, 0] = np.nan
    data = assemble_series("walks", series, 10)
    assert data.skipped == (("series 0", "11 pieces without a single value"),)
    plain = assemble_series("walks", walks([100, 100]), 10)
    assert len(data.train) == len(plain.train) - 11
    assert not np.isnan(data.train[:]).all(axis=(1, 2)).any()
    assert np.isnan(data.train[:]).any()


def refused(message: str, series: Series, window: int | None = None) -> None:
    with pytest.raises(PoiseError, match=message) as caught:
        assemble_series("walks", series, window)
    assert "\n" not in str(caught.value)


def test_values_that_cannot_be_used() -> None:
    for value in (np.inf, -np.inf):
        series = walks([30] * 12)
        series.values[65, 1] = value
        refused(f"column 'b' of walks, series 2, step 5 is {value}; mend it, or leave it empty", series)
    series = walks([30] * 12)
    series.values[60:90] = np.nan
    refused("series 2 of walks holds no value at all; remove it", series)
    series = walks([30] * 12)
    series.values[:, 1] = 7
    refused("column 'b' of walks is the same in every step to train on; remove it", series)
    series.values[:, 1] = np.nan
    refused("column 'b' of walks holds no value to train on; remove it", series)
    refused(
        r"labels of walks has the shape \[3\]; give one label per sample, \[12\]", walks([30] * 12, labels=np.arange(3))
    )


def test_what_is_constant_only_while_trained_on_is_refused() -> None:
    series = walks([100])
    series.values[:60, 0] = 1.5
    refused("column 'a' of walks is the same", series)


def test_a_bit_that_never_changes_is_kept() -> None:
    rolls = [np.tile(np.array([[0, 1, 1], [1, 1, 1]], np.uint8), (6, 1)) for _ in range(20)]
    data = assemble_series("rolls", one_after_another(rolls, ("a", "b", "c"), "rolls"), None)
    assert data.train.shape == (16, 12, 3)
    assert data.standardized().scaling is not None
    assert not np.isnan(data.standardized().train[:]).any()
