"""A browser without a screen, and a web server, for pages that are exported."""

import functools
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from espnet_recursive.export.onnxruntime_web import FILES, PACKAGE, VERSION

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --window-size=1100,1400"
).split()


def find_program(*names: str) -> str:
    """The first of some programs that is here; where there is none, the test is skipped."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"there is no {' or '.join(names)} here")
    return found


def fetch_package(folder: Path, package: str) -> Path:
    """A package such as name@version as npm gives it; where that cannot be, the test is skipped."""
    npm = find_program("npm")
    command = [npm, "pack", package, "--ignore-scripts", "--prefer-offline"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"npm cannot fetch {package}: {done.stderr[-200:]}")
    (file,) = folder.glob("*.tgz")
    return file


def fetch_onnxruntime_web(folder: Path) -> Path:
    """onnxruntime-web as npm gives it; where that cannot be, the test is skipped."""
    return fetch_package(folder, f"{PACKAGE}@{VERSION}")


class _Handler(SimpleHTTPRequestHandler):
    headers_more: dict[str, str] = {}

    def end_headers(self) -> None:
        for name, value in self.headers_more.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path, **headers: str) -> Iterator[str]:
    """A folder on a web server of its own.

    Args:
        folder: The folder.
        **headers: More headers, with _ for -.

    Yields:
        Its address.
    """
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    handler = type("Handler", (_Handler,), {"headers_more": more})
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class Page:
    """A page of a recogniser in Chromium."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, address: str) -> "Page":
        """Open a page, and wait until its model is loaded or cannot be."""
        self.driver.get(address)
        self.until(lambda: self["status"] in ("Ready", "The model is not loaded."))
        return self

    def __getitem__(self, id: str) -> str:
        """The text of an element, also of one that cannot be seen."""
        return self.find(id).get_property("textContent").strip()

    def find(self, id: str) -> Any:
        """An element."""
        return self.driver.find_element(By.ID, id)

    def shown(self, id: str) -> bool:
        """Whether an element can be seen."""
        return self.find(id).is_displayed()

    def until(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Wait."""
        wait = WebDriverWait(self.driver, seconds, 0.05)
        wait.until(lambda _: condition(), self["error"] or self["status"])

    def recognise(self, file: Path) -> str:
        """Open a file; its text."""
        self.find("file").send_keys(str(file))
        self.settle()
        return self["text"]

    def settle(self) -> None:
        """Wait until all is computed, or something is said to be wrong."""
        self.until(lambda: self["error"] or self._done())

    def _done(self) -> bool:
        # The status first: the rows that it speaks of are there then.
        if not self["status"].startswith("Recognised"):
            return False
        rows = self.depths() if self.shown("depths") else []
        return "\u2026" not in [row[1] for row in rows]

    def choose(self, loops: int) -> None:
        """Move the slider as a finger does."""
        self.driver.execute_script(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
            self.find("loops"),
            loops,
        )
        self.settle()

    def depths(self) -> list[tuple[int, str]]:
        """The rows of the comparison: loops and their text."""
        rows = self.driver.execute_script(
            "return [...document.querySelectorAll('#depths tbody tr')].map("
            "row => [...row.children].map(cell => cell.textContent.trim()))"
        )
        return [(int(loops), " ".join(text.split())) for loops, text, _ in rows]

    def prefer(self, scheme: str, width: int = 1100) -> None:
        """Be a device of a user who likes it light or dark, with a screen of some width."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def words(self) -> list[str]:
        """The words with their times."""
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#words button')].map(b => b.textContent)"
        )


@contextmanager
def chromium(*flags: str) -> Iterator[Page]:
    """Chromium with nothing of a user; where there is none, the test is skipped."""
    binary = find_program("chromium", "chromium-browser", "google-chrome")
    driver_file = find_program("chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*_FLAGS, f"--user-data-dir={profile}", *flags):
            options.add_argument(flag)
        service = webdriver.ChromeService(executable_path=driver_file)
        driver = webdriver.Chrome(options=options, service=service)
        try:
            yield Page(driver)
        finally:
            driver.quit()


def console(page: Page) -> Sequence[str]:
    """What the browser complained of."""
    return [entry["message"] for entry in page.driver.get_log("browser")]


def write_package(folder: Path) -> Path:
    """A folder that looks like onnxruntime-web unpacked, with nothing that runs in its files."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"// {name}\n", encoding="utf-8")
    about = {"name": PACKAGE, "version": VERSION}
    (folder / "package.json").write_text(json.dumps(about), encoding="utf-8")
    return folder
