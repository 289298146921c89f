"""Downloading, from a web server on this machine that may misbehave."""

import contextlib
import gzip
import hashlib
import importlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poise.data import fetch
from poise.errors import PoiseError

module = importlib.import_module("poise.data.fetch")  # the package's `fetch` is the function
CONTENTS = {"a.gz": gzip.compress(b"a" * 5_000), "b.gz": gzip.compress(bytes(range(256)) * 2_000)}


class Server:
    """Serves CONTENTS; a file in `faults` is served with that fault."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with contextlib.suppress(OSError):  # the client has gone
                    outer.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/sets/"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        name = to.path.removeprefix("/sets/")
        self.asked.append(name)
        fault, body = self.faults.get(name), CONTENTS.get(name)
        if fault == "hang":
            time.sleep(0.6)
        if body is None or fault == "404":
            return to.send_error(404)
        if fault == "500":
            return to.send_error(500)
        if fault == "other":
            body = gzip.compress(b"something else")
        if fault == "not gzip":
            body = b"<html>log in to the hotel's network</html>"
        if fault == "flipped":
            body = body[:40] + bytes([body[40] ^ 8]) + body[41:]
        if fault == "nonsense":
            to.wfile.write(b"nonsense\r\n\r\n")
            return None
        to.send_response(200)
        if fault != "no length":
            to.send_header("Content-Length", str(len(body) + 100 * (fault == "short")))
        to.end_headers()
        to.wfile.write(body)
        return None


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    files = {
        name: module.File(len(data), hashlib.sha256(gzip.decompress(data)).hexdigest())
        for name, data in CONTENTS.items()
    }
    monkeypatch.setitem(module.FILES, "fashion-mnist", files)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


def test_downloads_once(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = fetch("fashion-mnist", url=server.url, progress=lambda done, total: told.append((done, total)))
    assert folder == tmp_path / "own-data" / "fashion-mnist"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == CONTENTS
    total = sum(map(len, CONTENTS.values()))
    assert told[-1] == (total, total)
    assert told == sorted(told)
    fetch("fashion-mnist", url=server.url)
    assert server.asked == ["a.gz", "b.gz"]


def test_damaged_file_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"half")
    fetch("fashion-mnist", to=tmp_path, url=server.url.rstrip("/"))
    assert (tmp_path / "a.gz").read_bytes() == CONTENTS["a.gz"]


def test_repacked_file_is_as_good(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a" * 5_000, 1))
    fetch("fashion-mnist", to=tmp_path, url=server.url)
    assert server.asked == ["b.gz"]


def test_without_a_length(server: Server, tmp_path: Path) -> None:
    server.faults["a.gz"] = "no length"
    fetch("fashion-mnist", to=tmp_path, url=server.url)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("404", "404.*give another mirror as url"),
        ("500", "500"),
        ("other", "damaged or different file; give another mirror"),
        ("not gzip", "damaged or different file"),
        ("flipped", "damaged or different file"),
        ("short", r"broke off after .* bytes; try again"),
        ("nonsense", "cannot download"),
        ("hang", "timed out"),
    ],
)
def test_faults_leave_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str, message: str
) -> None:
    monkeypatch.setattr(module, "TIMEOUT", 0.2)
    server.faults["b.gz"] = fault
    folder = tmp_path / "to"
    with pytest.raises(PoiseError, match=message) as caught:
        fetch("fashion-mnist", to=folder, url=server.url)
    assert f"{server.url}b.gz" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [file.name for file in folder.iterdir()] == ["a.gz"]
    server.faults.clear()
    fetch("fashion-mnist", to=folder, url=server.url)
    assert len(list(folder.iterdir())) == 2


def test_endless_file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 20)
    with pytest.raises(PoiseError, match="sends more than"):
        fetch("fashion-mnist", to=tmp_path / "to", url=server.url)


def test_bomb_in_gzip(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIMIT", 4_000)  # a.gz has fewer bytes, and more unpacked
    with pytest.raises(PoiseError, match="damaged or different"):
        fetch("fashion-mnist", to=tmp_path / "to", url=server.url)


def test_refused_connection_and_bad_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(PoiseError, match=r"cannot download .*refused.*give another mirror"):
        fetch("fashion-mnist", to=tmp_path, url="http://127.0.0.1:9")
    for url in ("http://127.0.0.1:port", "http://a..b", "http://a b"):
        with pytest.raises(PoiseError, match="cannot download"):
            fetch("fashion-mnist", to=tmp_path, url=url)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PoiseError, match="must begin with http"):
        fetch("fashion-mnist", to=tmp_path, url="file:///etc")
    with pytest.raises(PoiseError, match="sets that can: fashion-mnist"):
        fetch("ring")


def test_unwritable_folder(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PoiseError, match=r"cannot write .*; give another folder"):
        fetch("fashion-mnist", to=tmp_path / "file" / "sub", url=server.url)
