"""One file to one array: colors, depth, transparency, orientation, crop, and everything that may be wrong."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from poise.data.dataset import Skipped
from poise.data.decode import decode, read_header


def bytes_of(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def decoded(data: bytes, size: int = 32, gray: bool = False) -> np.ndarray:
    result = decode("x", lambda: io.BytesIO(data), size, gray)
    assert not isinstance(result, Skipped), result.reason
    assert result.shape == (size, size, 1 if gray else 3)
    assert result.dtype == np.uint8
    return result


def reason(data: bytes) -> str:
    """Why the pixels cannot be had."""
    result = decode("x", lambda: io.BytesIO(data), 32, gray=False)
    assert isinstance(result, Skipped)
    return result.reason


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_pixels_of_the_right_size_are_kept() -> None:
    pixels = np.random.default_rng(0).integers(256, size=(32, 32, 3), dtype=np.uint8)
    assert np.array_equal(decoded(bytes_of(Image.fromarray(pixels))), pixels)


def test_crops_at_the_center() -> None:
    pixels = np.zeros((32, 48), np.uint8)
    pixels[:, 8:40] = 200
    assert (decoded(bytes_of(Image.fromarray(pixels)), gray=True) == 200).all()
    upright = np.ascontiguousarray(pixels.T)
    assert (decoded(bytes_of(Image.fromarray(upright)), gray=True) == 200).all()


def test_resizing_does_not_alias() -> None:
    stripes = np.zeros((128, 128), np.uint8)
    stripes[:, ::2] = 255  # finer than the result can show: must come out gray
    inside = decoded(bytes_of(Image.fromarray(stripes)), gray=True)[4:-4, 4:-4]
    assert (abs(inside.astype(int) - 127) < 8).all()


def test_large_jpeg_keeps_its_look() -> None:
    ramp = np.tile(np.linspace(0, 255, 1024).astype(np.uint8), (1024, 1))
    small = decoded(bytes_of(Image.fromarray(ramp), "JPEG", quality=95), gray=True)[16, :, 0]
    assert np.abs(small - (np.arange(32) + 0.5) * 255 / 32).max() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    upright = np.zeros((32, 32), np.uint8)
    upright[:16, :16] = 255  # the bright quarter is at the top left when upright
    upright[:16, 16:] = 128
    turns: dict[int, Callable[[np.ndarray], np.ndarray]] = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    assert np.array_equal(decoded(bytes_of(stored, exif=exif), gray=True)[..., 0], upright)


@pytest.mark.filterwarnings("ignore")
def test_damaged_exif_does_not_cost_the_image() -> None:
    assert decoded(bytes_of(Image.new("L", (32, 32), 9), exif=b"Exif\0\0II*\0junk"), gray=True)[0, 0, 0] == 9


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_becomes_white(mode: str) -> None:
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    clear.paste((10, 10, 10, 255), (0, 0, 16, 32))
    result = decoded(bytes_of(clear.quantize(4) if mode == "PA" else clear.convert(mode)))
    assert (result[:, 20:] == 255).all()
    assert (result[:, :12] == 10).all()


def test_half_transparent_is_mixed() -> None:
    half = decoded(bytes_of(Image.new("RGBA", (32, 32), (0, 100, 200, 128))))[0, 0].astype(int)
    assert (abs(half - [127, 177, 227]) <= 1).all()


def test_color_key_transparency() -> None:
    assert (decoded(bytes_of(Image.new("L", (32, 32), 5), transparency=5), gray=True) == 255).all()


def test_16_bits_are_scaled() -> None:
    values = np.array([0, 128, 129, 257, 32_768, 65_535], np.uint16)
    image = Image.fromarray(np.resize(values, (32, 32)))
    result = decoded(bytes_of(image), gray=True)[0, :6, 0]
    assert result.tolist() == np.round(values / 257).astype(int).tolist() == [0, 0, 1, 1, 128, 255]
    assert np.array_equal(decoded(bytes_of(image, "TIFF"), gray=True)[0, :6, 0], result)
    assert np.array_equal(decoded(bytes_of(image, "PPM"), gray=True)[0, :6, 0], result)
    assert np.array_equal(decoded(bytes_of(image))[0, :6, 2], result)


def test_palette_cmyk_bilevel() -> None:
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    assert decoded(bytes_of(red.quantize(2)))[0, 0].tolist() == [255, 0, 0]
    assert (abs(decoded(bytes_of(red.convert("CMYK"), "TIFF"))[0, 0].astype(int) - [255, 0, 0]) < 3).all()
    assert decoded(bytes_of(Image.new("1", (32, 32), 1)), gray=True)[0, 0, 0] == 255


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("L", (32, 32), value) for value in (50, 250)]
    data = bytes_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decoded(data) == 50).all()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_formats(format: str) -> None:
    assert (abs(decoded(bytes_of(Image.new("RGB", (40, 40), (90, 90, 90)), format)).astype(int) - 90) < 3).all()


@pytest.mark.parametrize(
    ("mode", "gray"), [("L", True), ("1", True), ("LA", True), ("I;16", True), ("RGB", False), ("P", False)]
)
def test_header_tells_gray(mode: str, gray: bool) -> None:
    header = read_header("x", lambda: io.BytesIO(bytes_of(Image.new(mode, (30, 20)))))
    assert header == (30, 20, gray)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_truncated(format: str) -> None:
    noise = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    data = bytes_of(Image.fromarray(noise), format)
    assert reason(data[: len(data) // 2])


def test_flipped_bit_in_png() -> None:
    data = bytearray(bytes_of(Image.fromarray(np.arange(1024, dtype=np.uint8).reshape(32, 32))))
    data[60] ^= 1
    assert reason(bytes(data))


def test_bad_files_have_reasons() -> None:
    assert reason(b"") == "empty (zero bytes)"
    assert reason(b"hello, I am a text file") == "not an image, or of a format that Poise does not read"
    assert "not an image" in reason(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "floating-point" in reason(bytes_of(Image.new("F", (32, 32)), "TIFF"))
    assert "16 bits" in reason(bytes_of(Image.new("I", (32, 32), 1_000_000), "TIFF"))


@pytest.mark.parametrize("side", [9_500, 50_000])
def test_decompression_bomb(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    assert "decompression bomb" in reason(bomb)
    assert isinstance(read_header("x", lambda: io.BytesIO(bomb)), Skipped)


def test_unreadable_file(tmp_path: Path) -> None:
    missing = read_header("x", lambda: (tmp_path / "gone.png").open("rb"))
    assert missing == Skipped("x", "No such file or directory")


@pytest.mark.filterwarnings("ignore")
@given(cut=st.integers(1, 900), byte=st.integers(0, 255), format=st.sampled_from(["PNG", "JPEG", "GIF", "TIFF"]))
def test_damage_is_a_reason_or_an_image(cut: int, byte: int, format: str) -> None:
    data = bytearray(bytes_of(Image.fromarray(np.arange(1024, dtype=np.uint8).reshape(32, 32)), format))
    data[cut % len(data)] = byte
    result = decode("x", lambda: io.BytesIO(bytes(data)), 28, gray=True)
    assert isinstance(result, Skipped) or result.shape == (28, 28, 1)
