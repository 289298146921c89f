"""The pages: what they show runs, and what they point to is there."""

import re
from pathlib import Path

import pytest

from poise.rules import RULES

DOCS = Path(__file__).parent.parent / "docs"
RULE_PAGES = sorted((DOCS / "rules").glob("*.md"))
PAGES = [DOCS / "rules.md", *RULE_PAGES, DOCS / "compare.md", DOCS / "health.md", DOCS / "vae.md", DOCS / "rvae.md"]


def test_every_rule_has_a_page() -> None:
    assert {page.stem for page in RULE_PAGES} == set(RULES)


def anchors(page: Path) -> list[str]:
    """Return what a page's headings are linked by: small letters, no punctuation, dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_s_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})


@pytest.mark.parametrize("page", [DOCS.parent / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.stem)
def test_a_page_s_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not link.startswith("https://"):
            file, _, heading = link.partition("#")
            target = page.parent / file if file else page
            assert target.is_file(), link
            assert not heading or heading in anchors(target), link
