"""Reports: what is in them, of whole runs and of damaged ones; the live page; mirrors."""

import json
import re
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

import poise
from poise import api
from poise.cli import main
from poise.errors import NonFinite, PoiseError
from poise.files import write_json
from poise.gallery import nearest_images
from poise.health import Finding
from poise.judging import Judged
from poise.pictures import grid
from poise.reports import NAME, curves, images, one_run
from poise.reports.serve import server
from poise.run import Run
from poise.study import Arm, Budget, Study, StudyFolder
from poise.study.job import Job, Outcome, Phase
from poise.study.results import summarize

SETTINGS: dict[str, Any] = {"width": 8, "batch": 16, "progress": False}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("runs")
    rng = np.random.default_rng(0)
    np.save(root / "faces.npy", rng.integers(0, 256, (60, 28, 28), np.uint8))
    poise.train("gan", "ring", steps=60, sample_every=20, watch_every=10, out=root / "ring", **SETTINGS)
    poise.train("gan", root / "faces.npy", steps=4, sample_every=2, out=root / "faces", **SETTINGS)
    return {"ring": root / "ring", "faces": root / "faces"}


def data_of(page: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    values: dict[str, Any] = json.loads(found)
    return values


def test_every_training_ends_with_a_report(runs: dict[str, Path]) -> None:
    page = (runs["ring"] / NAME).read_text()
    data = data_of(page)
    assert data["steps"] == [20, 40, 60]
    assert [frame["step"] for frame in data["frames"][0]] == [20, 40, 60]
    assert {"Losses", "Diversity"} <= {chart["title"] for chart in data["charts"]}
    assert poise.diagnose(runs["ring"]).verdict.replace("-", " ").capitalize() in page
    assert not re.search(r"""(?:src|href)=["']?https?:|url\(|@import""", page)
    assert len(page) < 1e6


def test_pictures_of_the_end_are_in_it(runs: dict[str, Path]) -> None:
    page = (runs["faces"] / NAME).read_text()
    for title in ("Nearest training images", "Interpolations"):
        assert title in page


def test_nearest_images_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    train, samples = rng.integers(0, 256, (2, 30, 6, 6, 1), np.uint8)
    with mock.patch("poise.gallery.BLOCK", 7):
        found = nearest_images(samples[:4], train, 3)
    for sample, near in zip(samples, found, strict=False):
        distances = [float(((sample.astype(float) - other) ** 2).sum()) for other in train]
        assert np.array_equal(near, train[np.argsort(distances)[:3]])


def test_enlarged_grids_shrink_without_loss(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (9, 28, 28, 1), np.uint8)
    sheet = grid(pictures)
    sheet.save(tmp_path / "sheet.png")
    found = images.inlined(tmp_path / "sheet.png")
    assert found is not None
    assert found.small
    with Image.open(urllib.request.urlopen(found.src)) as opened:
        again = np.asarray(opened.convert("L"))
    assert again.shape == (92, 92)
    assert np.array_equal(again[2:30, 2:30], pictures[0, :, :, 0])
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert images.inlined(tmp_path / "broken.png") is None


def test_forty_frames_at_most_with_both_ends() -> None:
    paths = [Path(f"step-{i:07d}.png") for i in range(333)]
    found = images.chosen(paths)
    assert len(found) == 40
    assert (found[0], found[-1]) == (paths[0], paths[-1])


def test_long_curves_are_thinned_within_their_range() -> None:
    lines = [{"step": i, "gan.loss": float(np.sin(i))} for i in range(10_000)]
    ((series,),) = (chart["series"] for chart in curves.charts(lines))
    assert len(series["x"]) == len(series["y"]) == curves.MOST
    assert min(series["low"]) == pytest.approx(-1, abs=1e-3)
    assert max(series["high"]) == pytest.approx(1, abs=1e-3)
    assert all(low <= y <= high for low, y, high in zip(series["low"], series["y"], series["high"], strict=True))


def test_names_are_escaped(runs: dict[str, Path], tmp_path: Path) -> None:
    wicked = tmp_path / "<script>alert(1)<" / "b>&'\""
    shutil.copytree(runs["ring"], wicked)
    page = poise.report([wicked, runs["ring"]], out=tmp_path / "r.html").read_text()
    assert "<b>" not in page.replace("</b>", "")
    assert page.count("<script") == 2
    assert "b&gt;&amp;&#39;&#34;" in page


def test_several_runs_share_charts_and_the_slider(runs: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(runs["ring"], other)
    (other / "samples" / "step-0000040.png").unlink()
    data = data_of(poise.report([runs["ring"], other], out=tmp_path / "r.html").read_text())
    assert [len(frames) for frames in data["frames"]] == [3, 2]
    losses = next(chart for chart in data["charts"] if chart["title"] == "Losses")
    assert [series["name"] for series in losses["series"]] == [
        "ring discriminator",
        "ring generator",
        "other discriminator",
        "other generator",
    ]


def test_different_data_need_to_be_meant(
    runs: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", str(runs["ring"]), str(runs["faces"]), "--out", str(tmp_path / "r.html")]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "different data (faces, ring); give --mixed" in line.replace(".npy", "")
    assert not (tmp_path / "r.html").exists()
    assert main([*words, "--mixed"]) == 0


def test_of_a_damaged_run_what_can_be_read_is_shown(runs: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(runs["ring"], broken)
    (broken / "config.json").write_text("{half")
    shutil.rmtree(broken / "samples")
    with (broken / "metrics.jsonl").open("a") as file:
        file.write('{"step": 70, "exa')
    page = poise.report(broken).read_text()
    assert "config.json is damaged" in page
    assert "samples: there are no pictures" in page
    assert "Losses" in page
    (broken / "metrics.jsonl").unlink()
    assert "Not judged" in poise.report(broken).read_text()
    with pytest.raises(PoiseError, match="no run in"):
        poise.report(tmp_path / "nothing")


def test_what_a_cure_did_and_why_is_said_first() -> None:
    finding = Finding("mode-collapse", "failure", 900, 500, "samples cover few modes", {"spread": 0.1})
    said = one_run._verdict(Judged(None, [], True, (finding,), (), []))
    assert said == {"level": "failure", "title": "Mode collapse at step 900", "text": "samples cover few modes."}


def test_a_run_that_was_cured_says_why_although_it_is_healthy_now() -> None:
    cure = {"name": "lower learning rates", "code": "divergence", "found": 1_500, "start": 1_000}
    run = mock.Mock(cures=[cure])
    said = one_run._verdict(Judged(run, [{"step": 2_000, "health.step": 2_000}], True, (), (), []))
    assert said["title"] == "Healthy"
    assert said["text"].endswith("Done: lower learning rates, because of divergence at step 1,500; on from step 1,000.")


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (["/home/me/.venv/bin/poise", "train", "gan", "a b"], "poise train gan 'a b'"),
        (["/lib/poise/cli/__main__.py", "train", "gan"], "python -m poise train gan"),
        (["my script.py"], "'my script.py'"),
    ],
)
def test_a_command_is_as_one_types_it(words: list[str], typed: str) -> None:
    assert one_run._again(words) == typed


def test_a_run_that_breaks_leaves_a_report_too(tmp_path: Path) -> None:
    with pytest.raises(NonFinite):
        poise.train("gan-textbook", "ring", steps=5, optimizer="sgd", lr=1e30, out=tmp_path / "run", **SETTINGS)
    assert "Divergence at step 1" in (tmp_path / "run" / NAME).read_text()


def test_a_report_that_fails_loses_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with mock.patch.object(api, "report", side_effect=PoiseError("no room")):
        assert main(["train", "gan", "ring", "--steps", "3", "--out", str(tmp_path / "run")]) == 0
    assert "warning: no report could be written (no room)" in capsys.readouterr().err
    assert Run(tmp_path / "run").step() == 3


def test_reports_while_training(tmp_path: Path) -> None:
    with mock.patch.object(api, "report", side_effect=poise.report) as written:
        poise.train("gan", "ring", steps=6, report_every=2, out=tmp_path / "run", **SETTINGS)
    assert written.call_count == 4


def test_a_study_is_reported(tmp_path: Path) -> None:
    arms = (Arm("adam", "gan"), Arm("sgd", "gan", {"optimizer": "sgd"}))
    study = Study("pair", ("ring", "grid"), arms, Budget("gradients", 24), "frechet", trials=2, seeds=(0, 1))
    folder = StudyFolder.create(tmp_path / "study", study, {"versions": {}, "command": ["poise", "compare", "a b"]})
    outcomes: list[Outcome] = []
    runs: tuple[tuple[Phase, float, int], ...] = (
        ("tuning", 0.5, 9),
        ("tuning", 1.0, 9),
        ("final", 1.0, 0),
        ("final", 1.0, 1),
    )
    for job in [
        Job(data, arm.name, phase, (factor,), seed)
        for data in study.data
        for arm in arms
        for phase, factor, seed in runs
    ]:
        score = 1.0 + len(outcomes)
        spent, curve, lr = (8.0, 24.0), (9.0, score), {"generator": 1e-3 * job.factors[0]}
        path = f"runs/{job.key}"
        outcomes.append(Outcome(job, "finished", score, lr, spent, curve, 12, 24, 99, 0.5, 0.04, None, "", path))
        if job.seed != 1:
            (folder.path / path).mkdir(parents=True)
            (folder.path / path / NAME).write_text("a page")
    write_json(folder.path / "results.json", summarize(study, outcomes, len(outcomes)))
    page = poise.report(folder.path).read_text()
    titles = [chart["title"] for chart in data_of(page)["charts"]]
    assert titles == [
        "frechet over the budget on ring",
        "frechet by learning rate on ring",
        "frechet over the budget on grid",
        "frechet by learning rate on grid",
        "Performance profiles",
    ]
    links = re.findall(r'<a href="([^"]+)">', page)
    assert len(links) == 4
    assert all((folder.path / link).exists() for link in links)
    assert "poise compare &#39;a b&#39;" in page
    with pytest.raises(PoiseError, match="one study at a time"):
        poise.report([folder.path, folder.path])
    (folder.path / "results.json").write_text("{half")
    with pytest.raises(PoiseError, match=r"results\.json is damaged"):
        poise.report(folder.path)
    (folder.path / "results.json").unlink()
    with pytest.raises(PoiseError, match="no results in"):
        poise.report(folder.path)


@pytest.fixture
def address(runs: dict[str, Path]) -> Iterator[str]:
    with server([runs["ring"]], 0) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{served.server_address[1]}"
        served.shutdown()
        thread.join()


def get(address: str, host: str | None = None) -> str:
    request = urllib.request.Request(address, headers={} if host is None else {"Host": host})
    with urllib.request.urlopen(request) as answer:
        text: str = answer.read().decode()
        return text


def test_the_live_page_follows_its_run_and_serves_nothing_else(address: str, runs: dict[str, Path]) -> None:
    page = get(address + "/")
    before = get(address + "/version")
    assert f'now = "{before}"' in page
    with (runs["ring"] / "findings.jsonl").open("a"):
        (runs["ring"] / "samples").touch()
    assert get(address + "/version") != before
    for path in ("/config.json", "/../config.json", "/%2e%2e/config.json", "//etc/passwd", "/metrics.jsonl", "/?x=1"):
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            get(address + path)
        refused.value.close()
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        get(address + "/", host="evil.example")
    refused.value.close()


def test_a_port_in_use_is_one_line(address: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    port = address.rpartition(":")[2]
    assert main(["report", str(runs["ring"]), "--serve", "--port", port]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"port {port} is not free" in line


def test_tensorboard_has_what_metrics_have_and_nothing_twice(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    words = ["train", "gan", "ring", "--batch", "16", "--width", "8", "--tensorboard", "--checkpoint-every", "10"]
    words += ["--out", str(tmp_path / "run")]
    for steps in ("30", "60"):
        assert main([*words, "--steps", steps]) == 0
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    logged = [
        (line["step"], line["generator.loss"]) for line in Run(tmp_path / "run").metrics() if "generator.loss" in line
    ]
    found = [(event.step, event.value) for event in events.Scalars("generator/loss")]
    assert found == [(step, pytest.approx(value, rel=1e-6)) for step, value in logged]


def test_trackio_is_told_by_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a stand-in: the package itself needs a server's libraries, which the tests do not install."""
    tracker = mock.Mock()
    monkeypatch.setitem(__import__("sys").modules, "trackio", tracker)
    words = ["train", "gan", "ring", "--steps", "20", "--batch", "16", "--width", "8", "--trackio"]
    assert main([*words, "--out", str(tmp_path / "run")]) == 0
    tracker.init.assert_called_once_with(project="poise", name="run", resume="allow")
    logged = [call for call in tracker.init.return_value.log.call_args_list if "generator.loss" in call.args[0]]
    assert [call.kwargs["step"] for call in logged] == [10, 20]


@pytest.mark.parametrize("name", ["tensorboard", "trackio"])
def test_a_missing_package_is_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("torch.utils.tensorboard", "trackio"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    assert main(["train", "gan", "ring", f"--{name}", "--out", str(tmp_path / "run")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"pip install 'poise[{name}]'" in line
    assert not (tmp_path / "run").exists()
