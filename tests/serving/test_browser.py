"""The pages work in a real browser by keyboard alone, and fit a phone."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from findtune.serving.app import create_app
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from findtune.traffic.reader import read_traffic

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or ""
KEYS = {"Tab": 9, "Enter": 13, " ": 32}
FOCUS = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium"),
]


class Browser:
    """One page of a headless Chromium. Source: the Chrome DevTools Protocol, over pipes."""

    def __init__(self, profile: Path) -> None:
        (there, self.out), (self.incoming, back) = os.pipe(), os.pipe()
        options = f"--headless --no-sandbox --user-data-dir={profile} --remote-debugging-pipe"
        command = ["bash", "-c", f"exec {CHROMIUM} {options} 3<&{there} 4>&{back}"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, pass_fds=(there, back), **quiet)
        os.close(there)
        os.close(back)
        self.number, self.buffer, self.session = 0, b"", None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    def call(self, method: str, **params: Any) -> Any:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                return answer["result"]

    def read(self) -> Any:
        while b"\0" not in self.buffer:
            self.buffer += os.read(self.incoming, 65536)
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def evaluate(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"]
        return result.get("value")

    def wait_for(self, script: str) -> None:
        for _ in range(200):
            if self.evaluate(f"document.readyState == 'complete' && ({script})"):
                return
            time.sleep(0.05)
        raise AssertionError(f"never true: {script}")

    def press(self, key: str) -> None:
        fields: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": KEYS[key]}
        fields |= {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **fields)
        self.call("Input.dispatchKeyEvent", type="keyUp", **fields)

    def tab_to(self, label: str) -> None:
        for _ in range(60):
            self.press("Tab")
            if f"{self.evaluate(FOCUS)}".startswith(label):
                return
        raise AssertionError(f"no key leads to {label}")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """Return a page of a browser with a new profile."""
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.process.kill()
    browser.process.wait()


@pytest.fixture
def address(served: ServedModels, recorder: Recorder) -> Iterator[str]:
    """Serve five documents on a free port, and return where."""
    from findtune.stack.pipeline import Hit

    text = "unbroken" * 60
    more = [Hit(f"https://{n}.example/{text}", n, text, 2, 1, None, None) for n in "abcd"]
    served.searches["stack/small"].others.extend(more)
    config = uvicorn.Config(create_app(served, recorder=recorder), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://localhost:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_the_keyboard_alone_asks_picks_and_undoes(
    browser: Browser, address: str, recorder: Recorder
) -> None:
    browser.call("Page.navigate", url=f"{address}/")
    browser.wait_for("document.activeElement.id == 'question'")
    browser.call("Input.insertText", text="how much is bread?")
    browser.press("Enter")
    browser.wait_for("location.pathname.startsWith('/searches/')")
    for count, label in enumerate(("Pick as 1st: a", "Pick as 2nd: b"), start=1):
        browser.tab_to(label)
        browser.press("Enter")
        browser.wait_for(f"document.querySelectorAll('.picked').length == {count}")
    traffic = read_traffic(recorder.folder)
    picks = traffic.picks_of(traffic.searches[0]) or []
    assert [url[:17] for url in picks] == ["https://a.example", "https://b.example"]
    browser.tab_to("Take the answer back")
    browser.press("Enter")
    browser.wait_for("document.querySelectorAll('.picked').length == 0")
    browser.tab_to("None is right")
    browser.press("Enter")
    browser.wait_for("document.body.innerText.includes('none of them is right')")
    traffic = read_traffic(recorder.folder)
    assert traffic.picks_of(traffic.searches[0]) == []


def test_no_page_is_wider_than_a_phone(browser: Browser, address: str) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", **PHONE)
    browser.call("Page.navigate", url=f"{address}/")
    browser.wait_for("document.activeElement.id == 'question'")
    browser.call("Input.insertText", text="bread" * 100)
    browser.press("Enter")
    browser.wait_for("location.pathname.startsWith('/searches/')")
    path = browser.evaluate("location.pathname")
    for page in (path, "/", "/queue", "/collected"):
        browser.call("Page.navigate", url=f"{address}{page}")
        browser.wait_for(f"location.pathname == '{page}'")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), page
