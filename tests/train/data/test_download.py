"""Download of photos from a local server that supports or ignores Range, closes connections, or sends wrong
headers.
"""

import hashlib
import http.server
import io
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fststyle.errors import InputError, OutputError
from fststyle.train.data import download
from fststyle.train.data.download import prepare_photos, prepared_photos
from fststyle.train.data.settings import PhotoSettings


def archive_of(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        for name, content in entries.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


ENTRIES = {f"val/{i:03d}.jpg": bytes([i]) * 40_000 for i in range(10)} | {
    "val/": b"",
    "val/readme.txt": b"text",
    "__MACOSX/._000.jpg": b"x",
}
ARCHIVE = archive_of(ENTRIES)


class Server(http.server.ThreadingHTTPServer):
    content = ARCHIVE
    ranges = True
    wrong_range = False
    breaks: list[int]
    status = 200
    seen: list[str | None]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        content, asked = self.server.content, self.headers.get("Range")
        self.server.seen.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = int(asked[len("bytes=") : -1]) if asked and self.server.ranges else 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header(
                "Content-Range",
                f"bytes {start + 7 * self.server.wrong_range}-{len(content) - 1}/{len(content)}",
            )
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = start + self.server.breaks.pop(0) if self.server.breaks else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setenv("FSTSTYLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "_PAUSE", 0.001)
    monkeypatch.setattr(download, "_BLOCK", 4096)
    with Server(("127.0.0.1", 0), Handler) as running:
        running.breaks, running.seen = [], []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def settings_for(server: Server, **more: object) -> PhotoSettings:
    return PhotoSettings(
        **{
            "url": f"http://127.0.0.1:{server.server_port}/a.zip",
            "md5": hashlib.md5(server.content).hexdigest(),
            **more,
        }
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def check_complete(folder: Path) -> None:
    assert names(folder) == [f"{i:03d}.jpg" for i in range(10)]
    assert (folder / "007.jpg").read_bytes() == bytes([7]) * 40_000
    assert names(folder.parent) == [folder.name]


def part_of(settings: PhotoSettings, tmp_path: Path, content: bytes) -> Path:
    """A `.part` file as an interrupted download leaves it."""
    source = hashlib.sha256(f"{settings.url} {settings.md5}".encode()).hexdigest()[:12]
    part = tmp_path / "cache" / f".photos-{source}.zip.part"
    part.parent.mkdir(exist_ok=True)
    part.write_bytes(content)
    return part


def test_downloads_and_unpacks(server, tmp_path):
    seen: dict[str, list[tuple[int, int | None]]] = {}
    assert prepared_photos() is None
    folder = prepare_photos(
        settings_for(server), lambda stage, done, total: seen.setdefault(stage, []).append((done, total))
    )
    assert folder == tmp_path / "cache" / "photos" == prepared_photos()
    check_complete(folder)
    assert server.seen == [None]
    assert list(seen) == ["download", "check", "unpack"]
    assert seen["download"][0] == (0, len(ARCHIVE))
    assert seen["download"][-1] == (len(ARCHIVE), len(ARCHIVE))
    assert seen["unpack"][-1] == (10, 10)


def test_existing_photos_need_no_download(server):
    settings = settings_for(server)
    folder = prepare_photos(settings)
    assert prepare_photos(settings) == folder
    assert len(server.seen) == 1


def test_own_folder_without_checksum(server, tmp_path):
    folder = prepare_photos(settings_for(server, folder=tmp_path / "deep" / "mine", md5=""))
    assert folder == tmp_path / "deep" / "mine"
    check_complete(folder)
    assert prepared_photos() is None


def test_partial_download_is_resumed(server, tmp_path):
    settings = settings_for(server)
    part_of(settings, tmp_path, ARCHIVE[:100_000])
    check_complete(prepare_photos(settings))
    assert server.seen == ["bytes=100000-"]


def test_complete_download_is_not_repeated(server, tmp_path):
    settings = settings_for(server)
    part_of(settings, tmp_path, ARCHIVE)
    check_complete(prepare_photos(settings))


@pytest.mark.parametrize(
    "rest",
    [ARCHIVE[:1000], b"z" * 1000, b"z" * len(ARCHIVE), ARCHIVE + b"more"],
    ids=["good", "stale", "stale whole", "too long"],
)
@pytest.mark.parametrize("kind", ["ranges", "no ranges", "wrong range"])
def test_any_partial_file_is_completed_or_replaced(server, tmp_path, rest, kind):
    server.ranges, server.wrong_range = kind != "no ranges", kind == "wrong range"
    settings = settings_for(server)
    part_of(settings, tmp_path, rest)
    check_complete(prepare_photos(settings))


def test_broken_connections_are_resumed(server):
    server.breaks = [100_000, 0, 0, 0, 150_000, 0, 50_000]
    check_complete(prepare_photos(settings_for(server)))
    assert server.seen[:2] == [None, "bytes=100000-"]
    assert server.seen[-1] == "bytes=300000-"


def test_repeated_failures_stop_and_keep_the_partial_file(server, tmp_path):
    server.breaks = [100_000] + [0] * 50
    settings = settings_for(server)
    with pytest.raises(InputError, match="download failed: the connection was lost after 100,000 of"):
        prepare_photos(settings)
    assert len(server.seen) == 1 + download._ATTEMPTS - 1
    (part,) = (tmp_path / "cache").iterdir()
    assert part.read_bytes() == ARCHIVE[:100_000]
    server.breaks = []
    check_complete(prepare_photos(settings))


def test_ctrl_c_keeps_the_partial_file_and_leaves_no_folder(server, tmp_path):
    def stop(stage: str, done: int, total: int | None) -> None:
        if (stage, done) == ("unpack", 3) or (stage == "download" and 200_000 < done < 210_000):
            raise KeyboardInterrupt

    for _ in range(2):  # once in the download, once in the unpacking
        with pytest.raises(KeyboardInterrupt):
            prepare_photos(settings_for(server), stop)
        assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".part"]
    check_complete(prepare_photos(settings_for(server)))
    assert len(server.seen) == 3


def test_wrong_checksum_leaves_no_file(server, tmp_path):
    with pytest.raises(InputError, match=r"has MD5 .* not 0123"):
        prepare_photos(settings_for(server, md5="0123" * 8))
    assert list((tmp_path / "cache").iterdir()) == []
    assert len(server.seen) == 1


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (503, download._ATTEMPTS)])
def test_http_errors_are_reported(server, status, requests):
    server.status = status
    with pytest.raises(InputError, match=str(status)) as caught:
        prepare_photos(settings_for(server))
    assert "\n" not in str(caught.value)
    assert len(server.seen) == requests


def test_unreachable_server_is_reported(server):
    settings = settings_for(server)
    server.server_close()
    with pytest.raises(InputError, match="download failed"):
        prepare_photos(settings)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a.zip",
        "nonsense",
        "",
        "http://",
        "http://[::1",
        "http://a b/c.zip",
        "http://x:port/",
    ],
)
def test_invalid_urls_are_refused(server, url):
    with pytest.raises(InputError) as caught:
        prepare_photos(settings_for(server, url=url))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["../out.jpg", "a/../../out.jpg", "/out.jpg", "..\\out.jpg", "C:\\out.jpg"])
def test_paths_outside_the_folder_are_refused(server, tmp_path, name):
    server.content = archive_of({"a.jpg": b"fine", name: b"bad"})
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="unsafe path"):
        prepare_photos(settings_for(server))
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "cache"}
    assert not Path("/out.jpg").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is no zip" * 50, "not a zip"),
        (ARCHIVE[:-30], "not a zip"),
        (ARCHIVE[:5000] + b"!" + ARCHIVE[5001:], "Bad CRC"),
        (archive_of({"a.txt": b"x"}), "no photos"),
        (archive_of({"a/x.jpg": b"1", "b/x.jpg": b"2"}), "two files named"),
    ],
)
def test_invalid_archives_are_refused(server, tmp_path, content, message):
    server.content = content
    with pytest.raises(InputError, match=message):
        prepare_photos(settings_for(server))
    assert list((tmp_path / "cache").iterdir()) == []


def test_sizes_are_bounded(server, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(download, "MAX_FILE", 39_999)
        with pytest.raises(InputError, match="at most 39,999 are allowed"):
            prepare_photos(settings_for(server))
    monkeypatch.setattr(download, "MAX_ARCHIVE", 1000)
    with pytest.raises(InputError, match="at most 1,000 are allowed"):
        prepare_photos(settings_for(server))


def test_disk_space_is_checked_first(server, tmp_path, monkeypatch):
    monkeypatch.setattr(
        download.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": download._MARGIN + 500_000})
    )
    with pytest.raises(OutputError, match="MiB of disk space is needed"):
        prepare_photos(settings_for(server))
    assert list((tmp_path / "cache").iterdir()) == []


def test_unwritable_outputs_are_refused(server, tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("keep me")
    for folder in (tmp_path / "file" / "photos", tmp_path / "file", tmp_path / "full"):
        with pytest.raises(OutputError, match=str(tmp_path)):
            prepare_photos(settings_for(server, folder=folder))
    assert names(tmp_path / "full") == ["letter.txt"]
    assert server.seen == []


def test_import_creates_nothing_and_needs_no_torch(tmp_path):
    code = (
        "import sys, fststyle.train.data.download as p; p.prepared_photos(); sys.exit('torch' in sys.modules"
        " or 'onnx' in sys.modules)"
    )
    environment = {"FSTSTYLE_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=Path(__file__).parents[3], check=False
        ).returncode
        == 0
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", [ValueError, OSError, InputError])
def test_errors_of_the_progress_function_keep_the_download(server, tmp_path, kind):
    def fail(stage: str, done: int, total: int | None) -> None:
        if (stage, done) == ("unpack", 3):
            raise kind("of the caller")

    with pytest.raises(kind, match=r"^of the caller$"):
        prepare_photos(settings_for(server), fail)
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".part"]
    check_complete(prepare_photos(settings_for(server)))
