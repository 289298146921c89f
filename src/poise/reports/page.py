"""From what a page shows to HTML: one template, with its style, its script and its data within."""

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent / "assets"


def render(page: Mapping[str, Any]) -> str:
    """Return the whole page. Every word that a person may have chosen is escaped."""
    import jinja2  # late: a tenth of a second

    loader = jinja2.FileSystemLoader(ASSETS)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["unbroken"] = _unbroken
    data = {name: page[name] for name in ("charts", "steps", "xlabel")}
    data["frames"] = [run["frames"] for run in page.get("runs", [])]
    return environment.get_template("page.html").render(
        page=page,
        style=(ASSETS / "style.css").read_text(),
        script=(ASSETS / "script.js").read_text(),
        # within a script element nothing is unescaped, but an end tag would end it
        data=json.dumps(data).replace("<", "\\u003c"),
        version=version("poise"),
    )


def _unbroken(text: str) -> Any:
    """Keep options such as --trials on one line, which browsers break after the first dash.

    Example:
        >>> _unbroken("more --trials & more")
        Markup('more <span class="option">--trials</span> &amp; more')
    """
    import markupsafe  # comes with jinja2

    escaped = str(markupsafe.escape(text))
    return markupsafe.Markup(re.sub(r"--\w[\w.-]*", r'<span class="option">\g<0></span>', escaped))
