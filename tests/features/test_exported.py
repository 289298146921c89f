"""Exported networks: sizes, batches and scales as the graph says, and graphs that do not fit."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from poise.errors import PoiseError
from poise.features import judge
from poise.features.blocks import colors

Shape = list[int | str]
IMAGES = np.random.default_rng(0).integers(0, 256, (19, 12, 10, 3), dtype=np.uint8)


def write(
    path: Path,
    shape: Shape,
    notes: dict[str, str] | None = None,
    kind: int = TensorProto.FLOAT,
    node: str = "GlobalAveragePool",
    **options: Any,
) -> str:
    """Write a graph of one node from images to features, by default the means of the colors."""
    ins = [helper.make_tensor_value_info("x", kind, shape)]
    outs = [helper.make_tensor_value_info("y", kind, None)]
    graph = helper.make_graph([helper.make_node(node, ["x"], ["y"], **options)], "means", ins, outs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, notes or {})
    onnx.save(model, str(path))
    return str(path)


@pytest.mark.parametrize("shape", [["n", 3, "h", "w"], [1, 3, "h", "w"], [4, 3, 12, 10], ["n", 3, 12, 10]])
def test_the_first_output_is_flattened(shape: Shape, tmp_path: Path) -> None:
    one = judge(write(tmp_path / "means.onnx", shape))
    assert (one.name, one.distance, one.kind) == ("means", "FD-means", "images")
    assert np.allclose(one.features(IMAGES).numpy(), IMAGES.mean((1, 2)) / 255, atol=1e-5)


def test_images_are_resized_to_the_size_of_the_graph(tmp_path: Path) -> None:
    one = judge(write(tmp_path / "all.onnx", ["n", 3, 6, 8], node="Identity"))
    assert np.allclose(one.features(IMAGES).numpy(), colors(IMAGES, (6, 8)).numpy().reshape(19, -1))


def test_gray_images_are_taken_as_gray_color(tmp_path: Path) -> None:
    one = judge(write(tmp_path / "means.onnx", ["n", 3, "h", "w"]))
    gray = IMAGES[..., :1]
    assert np.allclose(one.features(gray).numpy(), np.repeat(gray.mean((1, 2)) / 255, 3, axis=1), atol=1e-5)


def test_metadata_says_how_to_standardize(tmp_path: Path) -> None:
    notes = {"mean": "[0.1, 0.2, 0.3]", "std": "0.5,0.25,1"}
    one = judge(write(tmp_path / "means.onnx", ["n", 3, "h", "w"], notes))
    expected = (IMAGES.mean((1, 2)) / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 1]
    assert np.allclose(one.features(IMAGES).numpy(), expected, atol=1e-5)
    with pytest.raises(PoiseError, match="metadata std = '1,2'; write three numbers"):
        judge(write(tmp_path / "bad.onnx", ["n", 3, "h", "w"], {"std": "1,2"}))


def test_another_file_of_the_same_name_has_another_version(tmp_path: Path) -> None:
    first = judge(write(tmp_path / "net.onnx", ["n", 3, "h", "w"]))
    second = judge(write(tmp_path / "net.onnx", ["n", 3, "h", "w"], node="Relu"))
    assert first.version != second.version


@pytest.mark.parametrize(
    ("shape", "kind"),
    [(["n", 1, 8, 8], TensorProto.FLOAT), (["n", 3], TensorProto.FLOAT), (["n", 3, 8, 8], TensorProto.DOUBLE)],
)
def test_graphs_that_take_something_else_are_refused(shape: Shape, kind: int, tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match=r"net\.onnx takes x tensor.*export it with one float32 input") as error:
        judge(write(tmp_path / "net.onnx", shape, kind=kind, node="Identity"))
    assert "\n" not in str(error.value)


def test_without_onnxruntime_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(PoiseError, match=r"needs onnxruntime to be run; pip install 'poise\[onnx\]'"):
        judge(write(tmp_path / "net.onnx", ["n", 3, "h", "w"]))


def test_a_graph_that_mixes_images_is_refused(tmp_path: Path) -> None:
    one = judge(write(tmp_path / "net.onnx", ["n", 3, "h", "w"], node="ReduceMean", axes=[0]))
    with pytest.raises(PoiseError, match="for 16 images; export one row an image"):
        one.features(IMAGES)


def test_a_graph_that_fails_says_so_in_one_line(tmp_path: Path) -> None:
    one = judge(write(tmp_path / "net.onnx", ["n", 3, "h", "w"], node="MaxPool", kernel_shape=[64, 64]))
    with pytest.raises(PoiseError, match="fails on images of") as error:
        one.features(IMAGES)
    assert "\n" not in str(error.value)


def test_features_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    one = judge(write(tmp_path / "net.onnx", ["n", 3, "h", "w"], node="Log"))
    images = np.full((3, 4, 4, 3), 7, np.uint8)
    images[1, 2, 2, 0] = 0  # log 0
    with pytest.raises(
        PoiseError, match="net gives features that are not finite for 1 of 3 samples, first for number 1"
    ):
        one.features(images)
