"""The page in a real browser: it opens from the disk, shows every picture, and asks nobody for anything."""

import http.server
import shutil
import subprocess
import threading

import numpy as np
import pytest
from PIL import Image

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

MAKER = ("google.com", "googleapis.com", "gvt1.com")
"""Hosts that the browser asks by itself, for updates and the time, whatever the page."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="chromium is not installed: apt-get install chromium"),
]


@pytest.fixture
def proxy():
    """A proxy that writes down what it is asked for and gives nothing."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def refuse(self):
            asked.append(self.path)
            self.send_error(404)

        do_GET = do_CONNECT = do_POST = refuse  # noqa: N815 (the names that the server calls)

        def log_message(self, *details):
            """Stay silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, asked
    server.shutdown()
    thread.join()
    server.server_close()


def browse(page, tmp_path, port, *, width):
    picture = tmp_path / f"{width}.png"
    quiet = [f"--disable-{part}" for part in ("gpu", "background-networking", "component-update", "sync", "extensions")]
    subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--no-first-run",
            *quiet,
            f"--proxy-server=http://127.0.0.1:{port}",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--screenshot={picture}",
            f"--window-size={width},2400",
            page.resolve().as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=240,
    )
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB"))


def test_page_opens_without_asking_anybody(written, tmp_path, proxy):
    port, asked = proxy
    page = written / "report.html"
    wide = browse(page, tmp_path, port, width=1280)
    assert wide.shape == (2400, 1280, 3)
    colours = len(np.unique(wide.reshape(-1, 3), axis=0))
    assert colours > 200, "text, curves and pictures are drawn"
    text = page.read_text(encoding="utf-8")
    assert not any(host in text for host in MAKER)
    assert [path for path in asked if not any(host in path for host in MAKER)] == []


def test_the_proxy_would_have_noticed(tmp_path, proxy):
    port, asked = proxy
    page = tmp_path / "bad.html"
    page.write_text('<img src="http://example.invalid/pixel.png">')
    browse(page, tmp_path, port, width=400)
    assert any("example.invalid" in path for path in asked)
