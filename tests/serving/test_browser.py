"""The pages work in a real browser by keyboard alone, and fit a phone."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from findtune.serving.app import create_app
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from findtune.traffic.reader import read_traffic
from tests.fixtures.browser import CHROMIUM, Browser

PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium"),
]


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
