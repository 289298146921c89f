"""A report that is made anew whenever it is looked at and its runs have changed; on this machine only."""

import http.server
from collections.abc import Sequence
from pathlib import Path

from ..errors import PoiseError
from . import html

WATCHED = ("metrics.jsonl", "findings.jsonl", "evaluations.jsonl", "results.json", "samples")
LIVE = """
<script>
(() => {
  const now = "%s";
  setInterval(async () => {
    try {
      const answer = await fetch("/version", { cache: "no-store" });
      if (!answer.ok || (await answer.text()) === now) return;
      const slider = document.getElementById("time");
      if (slider && slider.value !== slider.max) history.replaceState(null, "", `#at=${slider.value}`);
      else history.replaceState(null, "", "/");
      location.reload();
    } catch { /* the server has ended: the page stays as it is */ }
  }, 2000);
})();
</script>
</body>"""


def server(folders: Sequence[Path], port: int, mixed: bool = False) -> http.server.ThreadingHTTPServer:
    """Return a server of one page, on 127.0.0.1.

    Nothing is read by a path that the browser names: there is the page, and how new it is.

    Args:
        folders: as of `report`.
        port: 0 for any that is free.
        mixed: as of `report`.

    Raises:
        PoiseError: no such run, or the port is in use.
    """
    html(folders, Path("report.html"), mixed)  # mistakes are told before anything is served

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            if host not in ("127.0.0.1", "localhost") or self.path not in ("/", "/version"):
                self.send_error(404)
                return
            now = version(folders)
            text = now if self.path == "/version" else _live(html(folders, Path("report.html"), mixed), now)
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain" if self.path == "/version" else "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise PoiseError(f"port {port} is not free ({error.strerror}); give another one with --port") from None


def version(folders: Sequence[Path]) -> str:
    """Return a word that changes when a run has written something."""
    times = [path.stat().st_mtime_ns for folder in folders for name in WATCHED if (path := folder / name).exists()]
    return str(max(times, default=0))


def _live(page: str, now: str) -> str:
    return page.replace("</body>", LIVE % now, 1)
