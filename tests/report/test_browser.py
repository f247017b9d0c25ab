"""A real browser opens the report: it sorts and searches, and asks the network for nothing.

Skipped where no Chromium is installed. It is driven by the Chrome DevTools Protocol over a pipe,
so that the test needs no other package.
"""

import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from findtune.report.inputs import read_inputs
from findtune.report.page import render

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
QUESTIONS = "[...document.querySelectorAll('#changes-2 tbody tr')]"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


class Browser:
    """A headless Chromium with one tab. Messages end with a zero byte."""

    def __init__(self, profile: Path) -> None:
        (child_reads, self.writes), (self.reads, child_writes) = os.pipe(), os.pipe()
        # The child needs 3 and 4, so both must first be out of the way.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (child_reads, child_writes)]
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(ends, start=3)]
        command = [f"{CHROMIUM}", *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        self.pid = os.posix_spawn(
            command[0], command, os.environ, file_actions=actions, setsid=True
        )
        for end in (child_reads, child_writes, *ends):
            os.close(end)
        self.buffer, self.number, self.session = b"", 0, ""
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]

    def send(self, method: str, **parameters: Any) -> Any:
        """Return the answer to a command; events that come before it are kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        message |= {"sessionId": self.session} if self.session else {}
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        while (answer := self.receive()).get("id") != self.number:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def receive(self) -> dict[str, Any]:
        """Return the next message."""
        while b"\0" not in self.buffer:
            chunk = os.read(self.reads, 65536)
            assert chunk, "the browser has ended"
            self.buffer += chunk
        message, _, self.buffer = self.buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def open(self, path: Path) -> None:
        """Load a page, and wait until it is complete."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def events_of(self, method: str) -> list[dict[str, Any]]:
        """Return the parameters of the events of one kind."""
        return [event["params"] for event in self.events if event["method"] == method]

    def close(self) -> None:
        """End the browser and its processes."""
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.reads)
        os.close(self.writes)


@pytest.fixture
def browser(judged_project: Path, tmp_path: Path) -> Iterator[Browser]:
    """Return a browser that shows the report."""
    page = tmp_path / "a report.html"
    inputs = read_inputs(judged_project, ["embedder", "reranker", "rewriter"], "small")
    page.write_text(render(inputs, examples=50), encoding="utf-8")
    browser = Browser(tmp_path / "profile")
    try:
        browser.open(page)
        yield browser
    finally:
        browser.close()


def test_the_page_works_and_no_request_leaves_the_file(browser: Browser) -> None:
    changes = f"{QUESTIONS}.map(row => row.cells[3].textContent)"
    assert browser.value(changes) == ["+0.500", "-0.100"]
    # Sorting: the first press puts the largest on top, the second one the smallest.
    press = "document.querySelectorAll('#changes-2 th button')[3].click()"
    browser.value(press)
    assert browser.value(changes) == ["+0.500", "-0.100"]
    browser.value(press)
    assert browser.value(changes) == ["-0.100", "+0.500"]
    sort = "document.querySelectorAll('#changes-2 th')[3].getAttribute('aria-sort')"
    assert browser.value(sort) == "ascending"
    # Searching, by typing: the field has the focus, as it gets it by the tab key.
    browser.value("document.getElementById('changes-2-search').focus()")
    browser.send("Input.insertText", text="BAKERS unhappy")
    visible = f"{QUESTIONS}.filter(row => !row.hidden).map(row => row.cells[3].textContent)"
    assert browser.value(visible) == ["-0.100"]
    count = "document.querySelector('output[for=changes-2-search]').textContent"
    assert browser.value(count) == "1 of 2 rows"
    # Nothing was asked for but the file, no foreign text ran, and nothing was refused.
    requests = browser.events_of("Network.requestWillBeSent")
    assert [event["request"]["url"].rpartition("/")[2] for event in requests] == ["a%20report.html"]
    assert browser.events_of("Page.javascriptDialogOpening") == []
    assert browser.events_of("Log.entryAdded") == browser.events_of("Runtime.exceptionThrown") == []


def test_a_phone_scrolls_down_and_not_sideways(browser: Browser) -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.send("Emulation.setDeviceMetricsOverride", **metrics)
    assert browser.value("document.documentElement.scrollWidth") == 390
    assert browser.value("innerWidth") == 390
