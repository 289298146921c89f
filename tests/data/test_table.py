"""Tables of numbers: what is read, what is refused, and how columns come to one scale."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from poise.data import load
from poise.data.names import header_of, kind_of
from poise.data.scaling import Scaling
from poise.errors import PoiseError

ROWS = "\n".join(f"{i},{i * i},{'ab'[i % 2]}" for i in range(20))


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_with_labels(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path / "t.csv", f"x,y,kind\n{ROWS}\n".replace(",", delimiter))
    assert (kind_of(str(path)), len(header_of(str(path)) or ())) == ("table", 3)
    data = load(path, label_column="kind")
    assert (data.kind, data.columns, data.classes) == ("table", ("x", "y"), ("a", "b"))
    rows = data.in_source_order()
    assert rows[0:20].tolist() == [[i, i * i] for i in range(20)]
    assert rows.labels is not None
    assert rows.labels.tolist() == [i % 2 for i in range(20)]
    assert (len(data.train), len(data.test)) == (18, 2)


def test_parquet_and_arrays(tmp_path: Path) -> None:
    import polars

    values = np.random.default_rng(0).normal(size=(40, 3))
    polars.DataFrame(values, schema=["a", "b", "c"]).write_parquet(tmp_path / "t.parquet")
    np.save(tmp_path / "t.npy", values)
    np.savez(
        tmp_path / "t.npz", train=values[:30], test=values[30:], train_labels=np.arange(30) % 2, test_labels=[0] * 10
    )
    for name in ("t.parquet", "t.npy", "t.npz"):
        path = tmp_path / name
        assert (kind_of(str(path)), len(header_of(str(path)) or ())) == ("table", 3)
        assert np.array_equal(load(path).in_source_order()[0:40], values)
    assert load(tmp_path / "t.npz").classes == ("0", "1")
    assert load(tmp_path / "t.parquet").columns == ("a", "b", "c")


@settings(max_examples=30, deadline=None)
@given(values=arrays(np.float64, (12, 2), elements=st.floats(-1e6, 1e6), unique=True))
def test_a_csv_comes_back_bit_for_bit(values: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    write(path, "p,q\n" + "\n".join(",".join(map(repr, row)) for row in values.tolist()))
    assert np.array_equal(load(path).in_source_order()[0:12], values)


MISTAKES = [
    ("x,y\n" + ROWS.replace(",a", "").replace(",b", "").replace("3,9", "3,"), {}, "column 'y' .* is empty in line 5;"),
    (f"x,y,kind\n{ROWS}", {}, "column 'kind' .* holds 'a' in line 2, no number; name it with --label-column kind"),
    (f"x,y,kind\n{ROWS}", {"label_column": "kin"}, "no column 'kin'; did you mean kind"),
    (f"x,y,kind\n{ROWS.replace('4,16,a', '4,16,')}", {"label_column": "kind"}, "line 6 .* has no label in 'kind'"),
    (f"x,y,kind\n{ROWS.replace('4,16,a', '4,16')}", {}, "line 6 .* has 2 fields, the first line 3"),
    (f"x,x,kind\n{ROWS}", {}, "two columns 'x'"),
    ("x,y\n1,2\n", {}, "has 1 rows; a table needs at least 10"),
    ("x,y\n", {}, "has 0 rows"),
    ("", {}, "is empty; its first line must name the columns"),
    ("1,2\n3,4\n", {}, "begins with numbers; write a first line"),
    ("x,y\n" + "1,7\n2,7\n" * 10, {}, "column 'y' .* is the same in every row; remove it"),
    ("x,y\n" + "1,2\n2,inf\n" * 10, {}, r"holds inf in line 3, column 'y' \(and 9 more\)"),
    ("x\n" + "a\n" * 20, {"label_column": "x"}, "no column beside the labels"),
]


@pytest.mark.parametrize(("text", "options", "message"), MISTAKES)
def test_mistakes_name_the_place(text: str, options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match=message) as caught:
        load(write(tmp_path / "t.csv", text), **options)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"x,y\n\xff\xfe,1\n" * 20)
    with pytest.raises(PoiseError, match="cannot read"):
        load(tmp_path / "t.csv")
    (tmp_path / "t.parquet").write_bytes(b"no parquet")
    assert kind_of(str(tmp_path / "t.parquet")) == "images"  # cannot be told; loading says why
    with pytest.raises(PoiseError, match="cannot read"):
        load(tmp_path / "t.parquet")


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.eye(12))
    with pytest.raises(PoiseError, match=r"--label-column is for \.csv and \.parquet"):
        load(tmp_path / "t.npy", label_column="x")
    with pytest.raises(PoiseError, match="leave the size out"):
        load(write(tmp_path / "t.csv", f"x,y,kind\n{ROWS}"), size=28)
    values = np.eye(12)
    values[3, 1] = np.nan
    np.save(tmp_path / "t.npy", values)
    with pytest.raises(PoiseError, match="holds nan in row 3, column '1'"):
        load(tmp_path / "t.npy")


@settings(max_examples=50, deadline=None)
@given(
    x=arrays(np.float64, (7, 3), elements=st.floats(-1e3, 1e3)),
    offset=st.floats(-1e9, 1e9),
    factor=st.floats(1e-3, 1e6),
)
def test_scaling_standardizes_and_comes_back(x: np.ndarray, offset: float, factor: float) -> None:
    x = x * factor + offset
    assume((x.std(0) > 1e-9 * np.abs(x).max()).all())  # what is left of a number that is mostly offset
    scaling = Scaling.fit(x)
    standard = scaling.apply(x)
    assert standard.dtype == np.float32
    assert np.abs(standard.mean(0)).max() < 1e-3
    assert np.abs(standard.std(0) - 1).max() < 1e-3
    assert (np.abs(scaling.undo(standard) - x) <= 1e-6 * np.abs(x - x.mean(0)) + 1e-12 * np.abs(x).max()).all()
    again = Scaling.from_json(scaling.to_json())
    assert np.array_equal(again.center, scaling.center)
    assert np.array_equal(again.scale, scaling.scale)


def test_a_small_change_on_a_large_offset_survives() -> None:
    x = 1e9 + np.arange(20.0).reshape(-1, 1)
    standard = Scaling.fit(x).apply(x)
    assert len(np.unique(standard)) == 20


def test_missing_values_are_passed_over_by_the_fit() -> None:
    scaling = Scaling.fit(np.array([[1.0], [np.nan], [3.0]]))
    assert (scaling.center.tolist(), scaling.scale.tolist()) == ([2.0], [1.0])


def test_the_log_volume_is_that_of_the_density() -> None:
    """A standard normal scaled by s has the density of the standard one divided by s."""
    scaling = Scaling(np.array([5.0, -1.0]), np.array([2.0, 0.1]))
    assert scaling.log_volume == pytest.approx(np.log(0.2))
