"""What holds for every judge: names, kinds, finite features that do not depend on the samples beside them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from poise.errors import PoiseError
from poise.features import FILES, JUDGES, judge
from poise.features.judge import Samples

RANDOM = np.random.default_rng(0)


def samples_of(kind: str, n: int = 21) -> Samples:
    if kind == "images":
        return RANDOM.integers(0, 256, (n, 40, 36, 3), dtype=np.uint8)
    return RANDOM.normal(size=(n, 30, 2) if kind == "series" else (n, 5))


@pytest.mark.parametrize("name", JUDGES)
def test_every_judge_keeps_its_contract(name: str) -> None:
    one = judge(name)
    samples, told = samples_of(one.kind), list[tuple[int, int]]()
    before = samples.copy()
    features = one.features(samples, lambda done, total: told.append((done, total)))
    assert one.name == name
    assert one.distance.startswith("FD-")  # "FID" is Inception's
    assert features.dtype == torch.float32
    assert features.shape == (len(samples), features.shape[1])
    assert not features.requires_grad
    assert told == sorted(told)
    assert all(pair == (21, 21) for pair in told[-1:])
    assert (samples == before).all()


@pytest.mark.parametrize("name", JUDGES)
def test_features_depend_neither_on_place_nor_on_neighbors(name: str) -> None:
    one = judge(name)
    samples = samples_of(one.kind)
    whole, turned = one.features(samples), one.features(samples[::-1].copy())
    alone = torch.cat([one.features(samples[:1]), one.features(samples[1:18]), one.features(samples[18:])])
    for other in (turned.flip(0), alone):
        assert (whole - other).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize("name", JUDGES)
def test_constant_samples_have_finite_features(name: str) -> None:
    one = judge(name)
    features = one.features(np.zeros_like(samples_of(one.kind)[:3]))
    assert (features == features[0]).all()


@pytest.mark.parametrize("name", [name for name in JUDGES if judge(name).kind == "images"])
@pytest.mark.parametrize("shape", [(2, 3, 3), (2, 28, 28, 2), (2, 28, 28, 4)])
def test_images_of_other_shapes_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(PoiseError, match=r"takes images, uint8 \[n, h, w, c\] with 1 or 3 channels, not uint8"):
        judge(name).features(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("name", JUDGES)
def test_samples_of_another_kind_or_none_are_refused(name: str) -> None:
    one = judge(name)
    with pytest.raises(PoiseError, match=f"the judge {name} takes {one.kind}") as error:
        one.features(np.zeros((3, 4, 4, 3, 1)))
    assert "\n" not in str(error.value)
    with pytest.raises(PoiseError, match="nothing to judge"):
        one.features(samples_of(one.kind)[:0])


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_features_that_are_not_finite_are_counted(value: float) -> None:
    points = samples_of("points")
    points[4, 1] = value
    with pytest.raises(PoiseError, match="not finite for 1 of 21 samples, first for number 4"):
        judge("points").features(points)


def test_pixels_are_scaled_and_averaged_over_equal_cells() -> None:
    image = RANDOM.integers(0, 256, (1, 50, 70, 3), dtype=np.uint8)
    cells = (round(50 * 32 / 70), 32)
    fine = image[0].astype(float).repeat(cells[0], 0).repeat(cells[1], 1)  # borders lie between these pixels
    means = fine.reshape(cells[0], 50, cells[1], 70, 3).mean((1, 3)) / 255
    assert np.allclose(judge("pixels").features(image)[0].numpy(), means.ravel(), atol=1e-6)
    small = RANDOM.integers(0, 256, (2, 32, 20, 1), dtype=np.uint8)
    assert np.allclose(judge("pixels").features(small).numpy(), small.reshape(2, -1) / 255, atol=1e-6)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(PoiseError, match=r"no judge 'efficientnet_lite0'; did you mean efficientnet-lite0\?"):
        judge("efficientnet_lite0")
    with pytest.raises(PoiseError, match="Inception's weights do not come with Poise; give the path"):
        judge("inception")


@pytest.mark.parametrize(
    "name", ["efficientnet-lite0@65", "efficientnet-lite0@0", "efficientnet-lite0@big", "pixels@8"]
)
def test_a_size_that_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises(PoiseError, match=r"multiples of 32|write the size in pixels|did you mean pixels"):
        judge(name)


def test_a_size_is_part_of_all_names() -> None:
    usual, small = judge("efficientnet-lite0"), judge("efficientnet-lite0@64")
    for one, other in zip(*[(j.name, j.distance, j.version) for j in (usual, small)], strict=True):
        assert one != other
    again = judge("efficientnet-lite0@96")
    assert (again.name, again.distance, again.version) == (usual.name, usual.distance, usual.version)


@pytest.mark.parametrize("name", ["net.pt", "net.PTH", "folder/net.pkl"])
def test_pickles_are_refused_unread(name: str, tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match=r"can run code as it is read.*save_file.*net\.safetensors") as error:
        judge(str(tmp_path / name))  # is not there, and nobody looks
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", FILES)
def test_missing_and_damaged_files_are_one_line(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{kind}"
    with pytest.raises(PoiseError, match=r"cannot read the judge .*No such file"):
        judge(str(path))
    path.write_bytes(b"\x10\x00\x00\x00 neither this nor that")
    with pytest.raises(PoiseError, match="net") as error:
        judge(str(path))
    assert "\n" not in str(error.value)
