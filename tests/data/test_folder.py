"""Folders of images: what counts, sizes, channels, classes, split, and how many may be bad."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from poise.data import load
from poise.data.layout import read_layout
from poise.data.split import hold_out
from poise.errors import PoiseError

Draw = Callable[..., Path]


def test_colors_and_common_size(photos: Path, draw: Draw) -> None:
    for i in range(20):
        draw(f"{i:02}.png", size=(40, 40))
    data = load(photos)
    assert data.train.shape == (18, 40, 40, 3)
    assert data.test.shape == (2, 40, 40, 3)
    assert (data.name, data.kind, data.classes, data.train_labels, data.skipped) == (
        "photos", "images", (), None, (),
    )  # fmt: skip


def test_gray_only_if_all_are_gray(photos: Path, draw: Draw) -> None:
    draw("a.png", "L")
    draw("b.jpg", "L")
    assert load(photos).train.shape == (2, 32, 32, 1)
    draw("c.png", "RGB")
    assert load(photos).train.shape == (3, 32, 32, 3)


@pytest.mark.parametrize("sizes", [[(32, 32), (40, 40)], [(30, 30)], [(32, 40)], [(256, 256)]])
def test_other_sizes_become_64(photos: Path, draw: Draw, sizes: list[tuple[int, int]]) -> None:
    for i, size in enumerate(sizes):
        draw(f"{i}.png", size=size)
    assert load(photos).train.shape[1:] == (64, 64, 3)


def test_asked_size(photos: Path, draw: Draw) -> None:
    draw("a.png", size=(100, 70))
    assert load(photos, size=48).train.shape == (1, 48, 48, 3)
    with pytest.raises(PoiseError, match="size 50 is not supported; take 48 or 56"):
        load(photos, size=50)
    with pytest.raises(PoiseError, match="size 256 is not supported; take 128"):
        load(photos, size=256)


def test_class_folders(photos: Path, draw: Draw) -> None:
    for i in range(10):
        draw(f"dogs/deep/{i}.png")
        draw(f"cats/{i}.PNG")
    data = load(photos)
    assert data.classes == ("cats", "dogs")
    assert np.bincount(np.concatenate([np.asarray(data.train_labels), np.asarray(data.test_labels)])).tolist() == [
        10,
        10,
    ]
    assert np.asarray(data.train_labels).dtype == np.int64
    assert len(data.test) == len(np.asarray(data.test_labels)) == 2


def test_labels_belong_to_their_images(photos: Path, draw: Draw) -> None:
    for i in range(30):
        draw(f"{'ab'[i % 2]}/{i}.png", "L" if i % 2 else "1", size=(28, 28))
    data = load(photos)
    for rows, labels in ((data.train, data.train_labels), (data.test, data.test_labels)):
        bilevel = np.isin(np.asarray(rows), (0, 255)).all(axis=(1, 2, 3))
        assert np.array_equal(np.asarray(labels), np.where(bilevel, 0, 1))


def test_train_and_test_folders_are_the_split(photos: Path, draw: Draw) -> None:
    for part, n in (("train", 3), ("test", 2)):
        for name in ("x", "y"):
            for i in range(n):
                draw(f"{part}/{name}/{i}.png")
    data = load(photos)
    assert (len(data.train), len(data.test), data.classes) == (6, 4, ("x", "y"))
    assert np.asarray(data.train_labels).tolist() == [0, 0, 0, 1, 1, 1]
    assert np.asarray(data.test_labels).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (["a/1.png", "2.png"], ()),
        (["a/1.png", "a/2.png"], ()),
        (["top/a/1.png", "top/b/1.png"], ("a", "b")),
        (["train/1.png", "trains/1.png"], ("train", "trains")),
        (["train/1.png", "val/1.png"], ()),
        (["train/a/1.png", "test/a/1.png"], ()),
    ],
)
def test_layout(paths: list[str], classes: tuple[str, ...]) -> None:
    assert read_layout(paths).classes == classes


def test_hidden_files_and_others_are_ignored(photos: Path, draw: Draw) -> None:
    draw("a.png")
    draw(".hidden/b.png")
    draw("._c.png", format="PNG")
    (photos / "notes.txt").write_text("not an image")
    data = load(photos)
    assert len(data.train) == 1
    assert data.skipped == ()


def test_links_to_files_are_followed_and_loops_are_not(photos: Path, draw: Draw) -> None:
    file = draw("a.png")
    (photos / "b.png").symlink_to(file)
    (photos / "loop").symlink_to(photos)
    assert len(load(photos).train) == 2


@pytest.mark.parametrize("kind", ["text", "empty", "truncated", "broken link", "pipe"])
def test_one_bad_file_is_skipped(photos: Path, draw: Draw, kind: str) -> None:
    for i in range(3):
        draw(f"{i}.png", size=(64, 64))
    bad = photos / "bad.png"
    if kind == "broken link":
        bad.symlink_to(photos / "nowhere.png")
    elif kind == "pipe":
        os.mkfifo(bad)
    else:
        whole = (photos / "0.png").read_bytes()
        bad.write_bytes({"text": b"hello", "empty": b"", "truncated": whole[:4000]}[kind])
    data = load(photos)
    assert len(data.train) == 3
    assert [skip.path for skip in data.skipped] == ["bad.png"]
    assert data.skipped[0].reason
    assert load(photos).skipped == data.skipped  # from the cache


@pytest.mark.parametrize("bad", ["a/0", "a/4", "a/10", "b/7"])
def test_skipping_at_the_pixels_keeps_labels_in_step(photos: Path, draw: Draw, bad: str) -> None:
    for i in range(12):
        draw(f"{'ab'[i % 2]}/{i}.png", "1" if i % 2 else "L")
    file = photos / f"{bad}.png"
    file.write_bytes(file.read_bytes()[:-50])
    data = load(photos)
    assert [skip.path for skip in data.skipped] == [f"{bad}.png"]
    names = sorted(f"{'ab'[i % 2]}/{i}.png" for i in range(12))
    held_out = [names[i] for i in hold_out(12)[1]]
    assert len(data.test) == len(set(held_out) - {file.relative_to(photos).as_posix()})
    assert len(data.train) + len(data.test) == 11
    for rows, labels in ((data.train, data.train_labels), (data.test, data.test_labels)):
        bilevel = np.isin(np.asarray(rows), (0, 255)).all(axis=(1, 2, 3))
        assert np.array_equal(np.asarray(labels), bilevel)


def test_too_many_bad_files(photos: Path, draw: Draw) -> None:
    for i in range(5):
        draw(f"{i}.png")
    for name in ("x.png", "y.png"):
        (photos / name).write_text("no")
    with pytest.raises(PoiseError, match=r"2 of 7 images in .*photos cannot be used, .*'x.png': not an image"):
        load(photos)


def test_only_bad_files(photos: Path) -> None:
    (photos / "x.png").write_text("no")
    with pytest.raises(PoiseError, match="1 of 1 images"):
        load(photos)


def test_bad_pixels_everywhere_leave_no_cache(photos: Path, draw: Draw, tmp_path: Path) -> None:
    for i in range(3):
        file = draw(f"{i}.png", size=(64, 64))
        file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(PoiseError, match="3 of 3 images"):
        load(photos)
    assert list((tmp_path / "own-cache").iterdir()) == []


def test_one_in_a_hundred(photos: Path, draw: Draw) -> None:
    first = draw("000.png", "L", size=(28, 28)).read_bytes()
    for i in range(1, 200):
        (photos / f"{i:03}.png").write_bytes(first if i > 2 else b"")
    assert len(load(photos).skipped) == 2
    (photos / "003.png").write_bytes(b"")
    with pytest.raises(PoiseError, match="3 of 200"):
        load(photos)


def test_nothing_there(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match=r"no images in .*photos; it must hold files that end in \.png"):
        load(photos)
    with pytest.raises(PoiseError, match=r"no such folder or file, and no built-in set: .*nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(PoiseError, match="did you mean fashion-mnist"):
        load("fashon-mnist")
    with pytest.raises(PoiseError, match="did you mean ring"):
        load("Rings")
    with pytest.raises(PoiseError, match=r"built-in sets are bach, .*fashion-mnist, grid, .*ring"):
        load("zzz")


@pytest.mark.parametrize("source", ["", "~nobody-of-this-name/photos", "nul\0", "x" * 5_000])
def test_paths_that_cannot_be(source: str) -> None:
    with pytest.raises(PoiseError, match="no such folder or file"):
        load(source)


def test_name_that_is_no_unicode(photos: Path, draw: Draw) -> None:
    draw("a.png")
    draw("b.png")
    with open(os.fsencode(photos) + b"/\xff.png", "wb"):
        pass
    assert load(photos).skipped[0].path == "?.png"


def test_unknown_kind_of_file(draw: Draw) -> None:
    with pytest.raises(PoiseError, match="give a folder of images"):
        load(draw("a.png"))


def test_progress(photos: Path, draw: Draw) -> None:
    for i in range(4):
        draw(f"{i}.png")
    told: list[tuple[int, int]] = []
    load(photos, progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
