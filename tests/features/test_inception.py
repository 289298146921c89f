"""InceptionV3: names and shapes from the paper's tables, what differs for the FID, and files that do not fit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from poise.errors import PoiseError
from poise.features import judge
from poise.features.blocks import colors
from poise.features.fid import load_network
from poise.features.inception import InceptionV3

Row = tuple[str, int, int, int, int]  # name, channels in and out, height and width of the kernel
STEM: list[Row] = [
    ("Conv2d_1a_3x3", 3, 32, 3, 3),
    ("Conv2d_2a_3x3", 32, 32, 3, 3),
    ("Conv2d_2b_3x3", 32, 64, 3, 3),
    ("Conv2d_3b_1x1", 64, 80, 1, 1),
    ("Conv2d_4a_3x3", 80, 192, 3, 3),
]
# channels and side of the maps after each part (the paper's table 1; inside Mixed_5 and 6 as in the published graph)
MAPS = {
    "Conv2d_1a_3x3": (32, 149), "Conv2d_2a_3x3": (32, 147), "Conv2d_2b_3x3": (64, 147), "Conv2d_3b_1x1": (80, 73),
    "Conv2d_4a_3x3": (192, 71), "Mixed_5b": (256, 35), "Mixed_5c": (288, 35), "Mixed_5d": (288, 35),
    "Mixed_6a": (768, 17), "Mixed_6b": (768, 17), "Mixed_6c": (768, 17), "Mixed_6d": (768, 17), "Mixed_6e": (768, 17),
    "Mixed_7a": (1280, 8), "Mixed_7b": (2048, 8), "Mixed_7c": (2048, 8),
}  # fmt: skip


def chain(name: str, *widths: int, kernels: list[tuple[int, int]]) -> list[Row]:
    """Convolutions in a row, name_1, name_2, ..., through the widths."""
    steps = zip(widths, widths[1:], kernels, strict=False)
    return [(f"{name}_{i}", a, b, *kernel) for i, (a, b, kernel) in enumerate(steps, 1)]


def mixed_5(c: int, pool: int) -> list[Row]:
    rows: list[Row] = [("branch1x1", c, 64, 1, 1), ("branch_pool", c, pool, 1, 1)]
    rows += chain("branch5x5", c, 48, 64, kernels=[(1, 1), (5, 5)])
    return rows + chain("branch3x3dbl", c, 64, 96, 96, kernels=[(1, 1), (3, 3), (3, 3)])


def mixed_6(inner: int) -> list[Row]:
    rows: list[Row] = [("branch1x1", 768, 192, 1, 1), ("branch_pool", 768, 192, 1, 1)]
    rows += chain("branch7x7", 768, inner, inner, 192, kernels=[(1, 1), (1, 7), (7, 1)])
    widths = (768, inner, inner, inner, inner, 192)
    return rows + chain("branch7x7dbl", *widths, kernels=[(1, 1), (7, 1), (1, 7), (7, 1), (1, 7)])


def mixed_7(c: int) -> list[Row]:
    rows: list[Row] = [("branch1x1", c, 320, 1, 1), ("branch_pool", c, 192, 1, 1), ("branch3x3_1", c, 384, 1, 1)]
    rows += [("branch3x3_2a", 384, 384, 1, 3), ("branch3x3_2b", 384, 384, 3, 1)]
    rows += chain("branch3x3dbl", c, 448, 384, kernels=[(1, 1), (3, 3)])
    return [*rows, ("branch3x3dbl_3a", 384, 384, 1, 3), ("branch3x3dbl_3b", 384, 384, 3, 1)]


def all_rows() -> Iterator[Row]:
    yield from STEM
    reduce_6: list[Row] = [("branch3x3", 288, 384, 3, 3)]
    reduce_6 += chain("branch3x3dbl", 288, 64, 96, 96, kernels=[(1, 1), (3, 3), (3, 3)])
    reduce_7 = chain("branch3x3", 768, 192, 320, kernels=[(1, 1), (3, 3)])
    reduce_7 += chain("branch7x7x3", 768, 192, 192, 192, 192, kernels=[(1, 1), (1, 7), (7, 1), (3, 3)])
    blocks = {"5b": mixed_5(192, 32), "5c": mixed_5(256, 64), "5d": mixed_5(288, 64), "6a": reduce_6}
    blocks |= {part: mixed_6(inner) for part, inner in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192))}
    blocks |= {"7a": reduce_7, "7b": mixed_7(1280), "7c": mixed_7(2048)}
    for block, rows in blocks.items():
        for name, *numbers in rows:
            a, b, height, width = numbers
            yield f"Mixed_{block}.{name}", a, b, height, width


def shapes() -> dict[str, tuple[int, ...]]:
    wanted: dict[str, tuple[int, ...]] = {}
    for name, a, b, height, width in all_rows():
        wanted[f"{name}.conv.weight"] = (b, a, height, width)
        wanted |= {f"{name}.bn.{part}": (b,) for part in ("weight", "bias", "running_mean", "running_var")}
    return wanted


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    """Random weights of the published layout, with the classifier."""
    generator, tensors = torch.Generator().manual_seed(0), {"fc.weight": torch.zeros(1008, 2048)}
    for name, shape in shapes().items():
        if name.endswith("conv.weight"):
            scale = (2 / np.prod(shape[1:])) ** 0.5
            tensors[name] = float(scale) * torch.randn(shape, generator=generator)
        elif name.endswith(("bn.weight", "running_var")):
            tensors[name] = 0.5 + torch.rand(shape, generator=generator)
        else:
            tensors[name] = 0.1 * torch.randn(shape, generator=generator)
    return tensors


def test_names_shapes_and_number_of_weights() -> None:
    network = InceptionV3()
    found = {name: tuple(x.shape) for name, x in network.state_dict().items() if not name.endswith("tracked")}
    assert found == shapes()
    assert len(list(all_rows())) == 94
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_785_568


def test_maps_and_pools_are_those_of_the_network_of_the_fid(weights: dict[str, Tensor]) -> None:
    network = load_network(Path("some"), save(weights))
    outputs: dict[str, tuple[Tensor, Tensor]] = {}
    pooled: dict[str, Tensor] = {}
    for name in MAPS:
        part = network.get_submodule(name)
        part.register_forward_hook(lambda _, ins, out, name=name: outputs.__setitem__(name, (ins[0], out)))
        if isinstance(pool := getattr(part, "branch_pool", None), torch.nn.Module):
            pool.register_forward_hook(lambda _, ins, out, name=name: pooled.__setitem__(name, ins[0]))
    image = torch.rand(1, 3, 299, 299, generator=torch.Generator().manual_seed(0)) * 2 - 1
    plain = InceptionV3().eval()
    plain.load_state_dict({name: x for name, x in weights.items() if name != "fc.weight"}, strict=False)
    with torch.no_grad():
        features, unfolded = network(image), plain(image)
    assert features.shape == (1, 2048)
    assert torch.allclose(features, unfolded, rtol=1e-3, atol=1e-5 * float(unfolded.max()))
    assert {name: tuple(outputs[name][1].shape[1:]) for name in MAPS} == {
        name: (c, s, s) for name, (c, s) in MAPS.items()
    }
    assert len(pooled) == 9
    for name, found in pooled.items():
        into = outputs[name][0]
        side = into.shape[-1]
        share = avg_pool2d(torch.ones(1, 1, side, side), 3, 1, 1)
        mean = avg_pool2d(into, 3, 1, 1) / share  # without what lies outside
        expected = max_pool2d(into, 3, 1, 1) if name == "Mixed_7c" else mean
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5), name


def test_a_file_of_weights_makes_a_judge(weights: dict[str, Tensor], tmp_path: Path) -> None:
    save_file(weights, tmp_path / "weights.safetensors")
    one = judge(str(tmp_path / "weights.safetensors"))
    images = np.random.default_rng(0).integers(0, 256, (1, 64, 48, 3), dtype=np.uint8)
    network = InceptionV3().eval()
    network.load_state_dict({name: x for name, x in weights.items() if name != "fc.weight"}, strict=False)
    with torch.no_grad():
        expected = network((colors(images, (299, 299)) * 255 - 128) / 128)
    assert (one.name, one.distance, one.kind) == ("inception", "FID", "images")
    assert torch.allclose(one.features(images), expected, rtol=1e-3, atol=1e-5 * float(expected.max()))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"Mixed_7c.branch_pool.conv.weight": None},
            r"lacks Mixed_7c\.branch_pool\.conv\.weight \[192, 2048, 1, 1\];",
        ),
        ({"Mixed_5b.branch1x1.bn.bias": torch.zeros(3)}, r"has Mixed_5b\.branch1x1\.bn\.bias \[3\], not \[64\];"),
        ({"head.weight": torch.zeros(2)}, r"has head\.weight, which the network has not;"),
        ({"fc.weight": torch.zeros(1000, 2048)}, "trained for torchvision"),
        ({"AuxLogits.fc.weight": torch.zeros(1)}, "trained for torchvision"),
    ],
)
def test_weights_of_another_network_are_refused(
    weights: dict[str, Tensor], change: dict[str, Tensor | None], says: str
) -> None:
    tensors = {name: x for name, x in {**weights, **change}.items() if x is not None}
    with pytest.raises(PoiseError, match=says) as error:
        load_network(Path("some.safetensors"), save(tensors))
    assert "\n" not in str(error.value)
