"""The pages ask, show, pick and undo; and what a stranger tries on them does not work."""

import base64
import fcntl
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from findtune.serving import pages, recording
from findtune.serving.keys import Keys
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from findtune.traffic.log import LOCK
from findtune.traffic.reader import Traffic, read_traffic
from findtune.traffic.records import PickRecord

Make = Callable[..., TestClient]

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"


@pytest.fixture
def client(served: ServedModels, recorder: Recorder, make_client: Make) -> TestClient:
    """Return a browser on a server that records, whose search finds five documents."""
    from findtune.stack.pipeline import Hit

    hostile = Hit("javascript:alert(1)", ATTACK, ATTACK, 2, 1, 0.4, 0.2)
    more = [Hit(f"https://{n}.example", n, f"About {n}", 3, 2, None, None) for n in "abc"]
    served.searches["stack/small"].others.extend([hostile, *more])
    return make_client(served, recorder=recorder)


def token(client: TestClient) -> str:
    [value] = set(re.findall(r'name="token" value="(\w+)"', client.get("/").text))
    return value


def send(client: TestClient, path: str, **fields: str) -> Response:
    return client.post(path, data={"token": token(client), **fields})


def ask(client: TestClient, question: str = "bread?") -> Response:
    page = send(client, "/ask", question=question)
    assert page.status_code == 200
    assert page.url.path.startswith("/searches/")
    return page


def picks(recorder: Recorder) -> Any:
    traffic = read_traffic(recorder.folder)
    return traffic.picks_of(traffic.searches[-1])


def test_a_question_leads_to_its_rewrites_and_sources(client: TestClient) -> None:
    page = ask(client, "  how much\tis bread? ")
    assert "<h1>how much is bread?</h1>" in page.text
    assert "<li>more</li>" in page.text
    assert page.text.count('class="snippet"') == 5
    assert client.get(page.url.path).status_code == 200  # it can be loaded again


def test_rewrites_are_folded_away_so_that_a_phone_shows_sources_first(client: TestClient) -> None:
    page = ask(client).text
    folded = page[page.index("<details") : page.index("</details>")]
    assert "<li>more</li>" in folded
    assert re.search(r"<summary>Also searched: \d+ other quer", folded)
    assert "<details open" not in page


def test_a_question_in_which_nothing_can_be_seen_is_refused(
    client: TestClient, recorder: Recorder
) -> None:
    for question in ("", " ", "\x00", "\u200b"):
        page = send(client, "/ask", question=question)
        assert page.status_code == 400
        assert "ask something" in page.text
    assert not read_traffic(recorder.folder).searches


def test_up_to_three_sources_are_picked_in_order_and_taken_back(
    client: TestClient, recorder: Recorder
) -> None:
    path = ask(client).url.path
    for number in "204":
        page = send(client, path, pick=number)
    assert picks(recorder) == ["https://a.example", "u", "https://c.example"]
    assert re.findall(r"(\d\w\w) pick", page.text) == ["2nd", "1st", "3rd"]
    assert "Pick as" not in page.text
    page = send(client, path, pick="1")
    assert page.status_code == 400
    assert "take one back first" in page.text
    page = send(client, path, pick="2")
    assert picks(recorder) == ["u", "https://c.example"]
    assert page.url.fragment == "source-3"  # where the reader was
    send(client, path, undo="1")
    assert picks(recorder) is None


def test_a_pick_is_added_while_no_other_server_of_the_folder_writes(
    client: TestClient, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else of two picks at once, on two servers, the second would replace the first.
    path = ask(client).url.path
    find = recording.find_answer
    looked = []

    def find_locked(folder: Path, key: str) -> PickRecord | None:
        with (folder / LOCK).open("a") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        looked.append(key)
        return find(folder, key)

    search = read_traffic(recorder.folder).searches[0]
    monkeypatch.setattr(recording, "find_answer", find_locked)
    for source in search.sources[:2]:
        recorder.change_and_write(search, source.url)
    assert looked == [path.removeprefix("/searches/")] * 2
    assert picks(recorder) == [source.url for source in search.sources[:2]]


def test_none_is_right_is_an_answer_and_taking_the_last_pick_back_is_none(
    client: TestClient, recorder: Recorder
) -> None:
    path = ask(client).url.path
    assert "none of them is right" in send(client, path, none="1").text
    assert picks(recorder) == []
    send(client, path, pick="0")
    send(client, path, pick="0")
    assert picks(recorder) is None


def test_the_queue_asks_what_nobody_answered(client: TestClient) -> None:
    path = ask(client, "bread?").url.path
    assert 'value="bread?"' in client.get("/queue").text
    send(client, path, none="1")
    assert 'value="bread?"' not in client.get("/queue").text


def test_what_was_collected_is_shown_and_undone(client: TestClient, recorder: Recorder) -> None:
    path = ask(client).url.path
    send(client, path, pick="0")
    page = client.get("/collected").text
    assert "1 of 1 searches" in page
    assert "<li>Bread</li>" in page
    key = path.removeprefix("/searches/")
    assert "0 of 1 searches" in send(client, "/collected", search=key).text
    assert picks(recorder) is None


def test_a_search_is_shown_only_to_the_browser_that_asked(client: TestClient) -> None:
    path = ask(client).url.path
    client.cookies.clear()
    page = client.get(path)
    assert (page.status_code, "bread?" in page.text) == (404, False)
    assert send(client, path, pick="0").status_code == 404


def test_no_text_of_a_user_or_a_source_becomes_html(client: TestClient) -> None:
    path = ask(client, ATTACK).url.path
    send(client, path, pick="1")
    for address in (path, "/collected", "/queue"):
        page = client.get(address)
        assert not re.search(r"<(script|img)", page.text), address
        assert not re.search(r"href=.javascript", page.text), address
        assert "script-src" not in page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert ATTACK in unescape(client.get(path).text)


def test_a_form_of_another_site_or_of_another_session_is_refused(
    client: TestClient, recorder: Recorder
) -> None:
    mine = token(client)
    for fields in ({}, {"token": ""}, {"token": "0" * 64}, {"token": "\u00e9"}):
        page = client.post("/ask", data={"question": "bread?", **fields})
        assert page.status_code == 403, fields
    data = {"question": "bread?", "token": mine}
    page = client.post("/ask", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    assert page.status_code == 403
    client.cookies.clear()
    assert client.post("/ask", data=data).status_code == 403
    assert token(client) != mine
    assert client.post("/ask", data=data).status_code == 403
    assert not read_traffic(recorder.folder).searches


def test_no_script_reads_the_cookie_and_of_other_sites_only_links_send_it(
    client: TestClient,
) -> None:
    # A link in a mail that did not send it ("strict") would be answered with another name, and
    # what was asked under the old one would be lost to its user.
    path = ask(client).url.path
    cookie = client.get("/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert client.get(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/searches/..%2fpicks.jsonl", "/searches/%2e%2e/.salt", "/page.css/../../.salt"]
)
def test_no_path_leads_out_of_the_pages(client: TestClient, path: str) -> None:
    ask(client)
    assert client.get(path).status_code in (404, 422)


def test_forms_that_are_too_large_or_no_forms_are_refused(client: TestClient) -> None:
    assert send(client, "/ask", question="a" * 2001).status_code == 400
    assert send(client, "/ask", question=" \n").status_code == 400
    assert send(client, "/ask", question="a" * 70_000).status_code == 413
    assert send(client, "/ask", **{f"f{n}": "" for n in range(30)}).status_code == 400
    assert client.post("/ask", json={"question": "a"}).status_code == 415
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/ask", content=b"question=%ff", headers=headers).status_code == 400


def test_a_page_takes_the_key_as_a_password_and_no_other_route_does(
    served: ServedModels, recorder: Recorder, make_client: Make
) -> None:
    client = make_client(served, recorder=recorder, keys=Keys("k\u00e9y", "admin"))
    page = client.get("/")
    assert page.status_code == 401
    assert page.headers["WWW-Authenticate"].startswith("Basic ")
    for sent in ("any:wrong", "any:", ":", "k\u00e9y"):
        basic = base64.b64encode(sent.encode()).decode()
        assert client.get("/", headers={"Authorization": f"Basic {basic}"}).status_code == 401
    assert client.get("/", headers={"Authorization": b"Basic \xe9!"}).status_code == 401
    basic = base64.b64encode("any:k\u00e9y".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    assert client.get("/queue", headers=headers).status_code == 200
    assert client.get("/v1/models", headers=headers).status_code == 401
    assert client.post("/admin/reload", headers=headers).status_code == 401


def test_keys_and_tokens_are_compared_in_constant_time(
    served: ServedModels, recorder: Recorder, make_client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hmac

    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda a, b: compared.append((a, b)) or compare(a, b)
    )
    client = make_client(served, recorder=recorder, keys=Keys("key"))
    client.get("/v1/models", headers={"Authorization": "Bearer kez"})
    assert compared == [(b"kez", b"key")]
    compared.clear()
    basic = {"Authorization": f"Basic {base64.b64encode(b':key').decode()}"}
    client.headers.update(basic)
    mine = token(client)
    client.post("/ask", data={"question": "a", "token": "guess"})
    assert (b"guess", mine.encode()) in compared


def test_one_page_at_a_time_reads_all_that_was_recorded(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A year of searches takes gigabytes, and each page that is asked for would take them again.
    running: list[Path] = []
    together = threading.Event()

    def read(folder: Path) -> Traffic:
        running.append(folder)
        if len(running) > 1:
            together.set()
        together.wait(0.2)  # for another page that reads, too
        running.pop()
        return Traffic([], {}, 0)

    monkeypatch.setattr(pages, "read_traffic", read)
    with ThreadPoolExecutor(3) as executor:
        answers = [*executor.map(client.get, ["/queue", "/collected", "/queue"])]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert not together.is_set()
