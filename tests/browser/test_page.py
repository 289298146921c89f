"""The report in a real browser: the slider, the keyboard, colors, a phone, and not one request.

Chromium is the system's. Where it is missing these tests are skipped, unless POISE_BROWSER is "required".
"""

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

import poise
from poise.reports.serve import server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

if CHROMIUM is None and os.environ.get("POISE_BROWSER") != "required":
    pytest.skip("no Chromium on this machine", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "POISE_BROWSER is required, and there is no Chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pages") / "<script>alert(1)<"
    settings: dict[str, Any] = {"width": 8, "batch": 16, "progress": False}
    run = poise.train(
        "gan", "ring", steps=60, sample_every=20, watch_every=10, log_every=5, out=root / "b>&'", **settings
    )
    poise.evaluate(run, samples=100)
    return poise.report(run)


class Seen:
    """What a page said and asked for."""

    def __init__(self, page: Page) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _dialog(self, dialog: Dialog) -> None:
        self.said.append("a dialog")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith("data:"):
            self.asked.append(request.url)


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report, which must ask for nothing but itself and say nothing on the console."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    seen = Seen(page)
    page.goto(report.resolve().as_uri())
    yield page
    assert len(seen.asked) == 1
    assert seen.said == []
    context.close()


def moment(page: Page) -> tuple[str | None, str | None, list[str | None]]:
    """Which samples are shown, the step in words, and where the cursors stand."""
    cursors = page.locator(".cursor")
    places = [cursors.nth(i).get_attribute("x1") for i in range(cursors.count())]
    return page.locator(".frame").get_attribute("data-step"), page.locator("#now").text_content(), places


def test_the_slider_moves_samples_cursors_and_readouts_together(page: Page) -> None:
    frame, words, last = moment(page)
    assert (frame, words) == ("60", "step 60")
    picture, legend = page.locator(".frame").get_attribute("src"), page.locator(".legend").first.text_content()
    page.locator("#time").fill("0")
    frame, words, first = moment(page)
    assert (frame, words) == ("20", "step 20")
    assert page.locator(".frame").get_attribute("src") != picture
    assert page.locator(".legend").first.text_content() != legend
    assert len(first) == len(page.locator(".plot").all()) >= 3
    assert all(float(a or 0) < float(b or 0) for a, b in zip(first, last, strict=True))


def test_pointing_at_a_curve_shows_that_moment_and_clicking_keeps_it(page: Page) -> None:
    curve = page.locator(".plot svg").first
    curve.scroll_into_view_if_needed()
    box = curve.bounding_box()
    assert box is not None
    middle, height = box["x"] + box["width"] * (52 + 0.5 * 454) / 520, box["y"] + box["height"] / 2  # half of 60 steps
    page.mouse.move(middle, height)
    frame, words, places = moment(page)
    assert (frame, words) == ("20", "step 30")
    assert len(set(places)) == 1
    page.mouse.move(5, 5)
    assert moment(page)[:2] == ("60", "step 60")
    page.mouse.click(box["x"] + box["width"] * (52 + 0.6 * 454) / 520, height)  # step 36, and 40 has samples
    page.mouse.move(5, 5)
    assert moment(page)[:2] == ("40", "step 40")
    assert page.locator("#time").get_attribute("aria-valuetext") == "step 40"


def test_pointing_at_a_curve_of_a_study_reads_it(browser: Browser, tmp_path: Path) -> None:
    arms = tuple(poise.Arm(name, "gan", {"optimizer": name}) for name in ("adam", "sgd"))
    study = poise.Study("mine", ("ring",), arms, poise.Budget("gradients", 24), "coverage", trials=1, seeds=(0,))
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(poise.report(poise.compare(study, out=tmp_path / "study").path).resolve().as_uri())
    legend, cursor = page.locator(".legend").first, page.locator(".cursor").first
    names = legend.text_content()
    page.locator(".plot svg").first.hover()
    assert cursor.get_attribute("visibility") == "visible"
    assert legend.text_content() != names
    page.mouse.move(5, 5)
    assert cursor.get_attribute("visibility") == "hidden"
    assert legend.text_content() == names
    page.close()


def test_cursors_stand_at_one_place_in_all_charts(page: Page) -> None:
    """Losses begin at another step than looks at the health do."""
    page.locator("#time").fill("0")
    _, _, places = moment(page)
    assert len(places) >= 3
    assert len(set(places)) == 1


def test_of_several_runs_each_has_its_color(browser: Browser, report: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(report.parent, other)
    finding = {"code": "cure", "level": "note", "step": 0, "since": 0, "sentence": "from the start"}
    (other / "findings.jsonl").write_text(json.dumps(finding) + "\n")
    page = browser.new_page()
    page.goto(poise.report([report.parent, other], out=tmp_path / "two.html").resolve().as_uri())
    curves = page.locator(".plot").first.locator("path[fill=none]")
    looks = [
        (curves.nth(i).get_attribute("stroke"), curves.nth(i).get_attribute("stroke-dasharray"))
        for i in range(curves.count())
    ]
    assert looks == [(color, dash) for color in ("var(--c0)", "var(--c1)") for dash in ("none", "6 3")]
    page.goto(poise.report(other, out=tmp_path / "one.html").resolve().as_uri())
    marks = page.locator(".mark.note")  # also of step 0, at which nothing is logged
    assert marks.count() == len(page.locator(".plot").all())
    page.close()


def test_on_a_phone_scores_stand_beside_those_of_real_data(browser: Browser, report: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(report.parent, run)
    score = {"value": 17_224, "low": 11_993, "high": 25_719, "floor": 166_500, "better": "real", "about": "how many"}
    scores = dict.fromkeys(("authentic", "FD-lite0 ∞"), score)  # the widest names and numbers of images
    found = {"samples": 1_000, "step": 60, "judge": "efficientnet-lite0", "scores": scores}
    (run / "evaluations.jsonl").write_text(json.dumps(found) + "\n")
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(poise.report(run).resolve().as_uri())
    box = page.get_by_role("columnheader", name="real").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    page.close()


def test_the_keyboard_is_enough(page: Page) -> None:
    page.locator("#time").focus()
    for key, step in (("ArrowLeft", "40"), ("Home", "20"), ("ArrowRight", "40"), ("End", "60")):
        page.keyboard.press(key)
        assert moment(page)[0] == step
    assert page.locator("#time").get_attribute("aria-valuetext") == "step 60"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_it_plays_from_the_start_and_stops_at_the_end(page: Page) -> None:
    page.get_by_role("button", name="Play").click()
    assert moment(page)[0] == "20"
    page.wait_for_function("document.querySelector('.frame').dataset.step === '60'")
    page.get_by_role("button", name="Play").wait_for()


def test_a_name_is_only_a_name(page: Page) -> None:
    assert page.locator("h1").text_content() == "b>&'"
    assert page.locator("script").count() == 2


def test_everything_is_there_to_be_read(page: Page) -> None:
    for title in ("Samples", "Curves", "Scores", "Again"):
        assert page.get_by_role("heading", name=title, exact=True).count() == 1
    assert page.locator("svg path").count() >= 6
    images = page.locator("img")
    assert all(images.nth(i).get_attribute("alt") for i in range(images.count()))
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    page.locator("summary").first.click()
    assert page.get_by_text("generator.lr", exact=False).first.is_visible()


CONTRAST = """() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((c) => c / 255)
      .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (!/, 0\\)$/.test(color)) return color;
    }
    return "rgb(255, 255, 255)";
  };
  let least = 21;
  const texts = "h1,h2,h3,p,td,th,dt,dd,figcaption,code,summary,li span,output,footer,small";
  for (const node of document.querySelectorAll(texts)) {
    if (!node.textContent.trim() || !node.getClientRects().length) continue;
    const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_colors_and_widths(browser: Browser, report: Path, scheme: str, width: int) -> None:
    """Text has a contrast of 4.5 or more (WCAG 2.1, 1.4.3), and no screen scrolls sideways."""
    context = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) >= 4.5
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    page.get_by_role("button", name="Switch between light and dark").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
    assert page.evaluate(CONTRAST) >= 4.5
    context.close()


def test_a_live_page_renews_itself_and_keeps_its_place(browser: Browser, report: Path) -> None:
    run = report.parent
    with server([run], 0) as served:
        thread = threading.Thread(target=served.serve_forever, daemon=True)
        thread.start()
        context = browser.new_context()
        page = context.new_page()
        seen = Seen(page)
        page.goto(f"http://127.0.0.1:{served.server_address[1]}/")
        page.locator("#time").fill("1")
        page.evaluate("window.before = true")
        with (run / "metrics.jsonl").open("a") as file:
            file.write('{"step": 70, "examples": 1120, "seconds": 1.0, "generator.loss": 0.5}\n')
        page.wait_for_function("window.before === undefined", timeout=20_000)
        page.wait_for_function("document.querySelector('.frame').dataset.step === '40'")
        assert seen.said == []
        assert all(url.startswith("http://127.0.0.1:") for url in seen.asked)
        context.close()
        served.shutdown()
        thread.join()
