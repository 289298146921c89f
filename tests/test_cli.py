"""The command line, as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from poise.cli import main


def poise(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    status = main(args)
    out, err = capsys.readouterr()
    return status, out, err


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "images.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (40, 28, 28, 3), dtype=np.uint8))
    out = tmp_path / "run"
    status = main(["train", "gan", str(path), "--steps", "2", "--out", str(out), "--batch", "8", "--width", "4"])
    assert status == 0
    capsys.readouterr()
    return out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("trian gan ring", "no command 'trian'; did you mean train?"),
        ("train", "missing RECIPE, DATA"),
        ("train gan", "missing DATA"),
        ("train gann ring", "no recipe 'gann'; did you mean gan?"),
        ("train gan rin", "did you mean ring?"),
        ("train gan no/such/folder", "no such folder or file"),
        ("train gan ring --stesp 4", "did you mean --steps?"),
        ("train gan ring --loss hing", "invalid choice 'hing'"),
        ("train gan ring --batch many", "--batch"),
        ("train gan ring --rule alternate", "did you mean alternating?"),
        ("train gan ring --generator.optimizer adan", "did you mean adam?"),
        ("train gan ring --size 64", "points"),
        ("sample nowhere", "no run in nowhere"),
        ("list recipe", "did you mean recipes?"),
        ("data fetch fashion", "fashion-mnist"),
        ("data push x", "no command 'data push'"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_remedy(
    args: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = poise(capsys, *args.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("poise: ")
    assert says in err
    assert list(tmp_path.iterdir()) in ([], [tmp_path / "cache"])


def test_debug_shows_the_traceback() -> None:
    with pytest.raises(ValueError, match="no recipe"):
        main(["train", "gann", "ring", "--debug"])


def test_help_answers_without_importing_torch() -> None:
    code = (
        "import sys; from poise.cli import main\n"
        "for args in (['--help'], ['train', '--help'], ['phase', '--help']):\n"
        "    try: main(args)\n"
        "    except SystemExit: pass\n"
        "heavy = {'torch', 'matplotlib', 'rich', 'PIL'} & set(sys.modules)\n"
        "print('heavy:', heavy)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "heavy: set()" in said
    assert "--generator.lr" in said
    assert "poise train RECIPE DATA" in said


@pytest.mark.parametrize("what", ["recipes", "rules", "optimizers", "judges", "data"])
def test_lists_are_aligned_or_json(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, text, _ = poise(capsys, "list", what)
    assert status == 0
    _, as_json, _ = poise(capsys, "list", what, "--json")
    rows = json.loads(as_json)
    width = max(map(len, rows))
    assert text.splitlines() == [f"{name:<{width}}  {line}" for name, line in rows.items()]


def test_dry_run_prints_the_resolved_configuration(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    args = "train gan fashion-mnist --dry-run --lr 0.5 --generator.lr 0.25 --device cpu"
    status, out, _ = poise(capsys, *args.split())
    config = json.loads(out)
    assert status == 0
    assert config["model"]["discriminator"]["lr"] == 0.5
    assert config["model"]["generator"]["lr"] == 0.25
    assert config["size"] == 28
    assert config["precision"] in ("float32", "bfloat16")
    assert not (tmp_path / "runs").exists()


def test_samples_as_picture_array_and_folder(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("grid.png", "samples.npz", "folder"):
        assert poise(capsys, "sample", str(run), "-n", "5", "--out", str(tmp_path / name))[0] == 0
    array = np.load(tmp_path / "samples.npz")["samples"]
    assert array.shape == (5, 28, 28, 3)
    files = sorted((tmp_path / "folder").iterdir())
    assert [file.name for file in files] == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert np.array_equal(np.asarray(Image.open(files[2])), array[2])
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.mode == "RGB"
    status, _, err = poise(capsys, "sample", str(run), "--out", str(tmp_path / "folder"))
    assert (status, "exists already" in err) == (2, True)
    status, _, err = poise(capsys, "sample", str(run), "--out", str(tmp_path / "samples.gif"))
    assert (status, ".png or .npz" in err) == (2, True)
    status, _, err = poise(capsys, "sample", str(run), "-n", "0")
    assert (status, "at least one" in err) == (2, True)


def test_unreadable_files_are_counted_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "photos", tmp_path / "run"
    folder.mkdir()
    for index in range(20):
        Image.new("RGB", (32, 32), (index, 0, 0)).save(folder / f"{index}.png")
    (folder / "broken.png").write_bytes(b"no image")
    args = ["train", "gan", str(folder), "--steps", "1", "--batch", "4", "--width", "4", "--out", str(out)]
    status, _, err = poise(capsys, *args)
    assert status == 0
    assert "left out 1 unreadable file, listed in" in err
    assert "broken.png" in (out / "skipped.txt").read_text()


def test_json_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    status, said, err = poise(capsys, *f"train gan ring --steps 10 --json --out {out}".split())
    assert status == 0
    result = json.loads(said)
    assert result["step"] == 10
    assert Path(result["samples"]).exists()
    assert "100%" in err, "plain lines when standard error is no terminal"


def test_a_bar_is_drawn_on_a_terminal(tmp_path: Path) -> None:
    import pty

    primary, secondary = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "poise.cli",
        "train",
        "gan",
        "ring",
        "--steps",
        "40",
        "--out",
        str(tmp_path / "r"),
    ]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=secondary,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(secondary)
    said = b""
    while True:
        try:
            piece = os.read(primary, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(primary)
    assert process.wait() == 0
    assert "━" in said.decode()
    assert "100%" in said.decode()
