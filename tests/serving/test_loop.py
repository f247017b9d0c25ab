"""Two hundred users ask and pick at once, by page and by API, and nothing of it is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from findtune.core.files import read_jsonl
from findtune.serving.forms import COOKIE, csrf_token
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from findtune.traffic.feedback import RANKED_LISTS, collect
from findtune.traffic.reader import read_traffic

USERS = 200


@pytest.mark.slow
def test_two_hundred_users_at_once_lose_nothing(
    served: ServedModels,
    recorder: Recorder,
    make_client: Callable[..., TestClient],
    tmp_path: Path,
) -> None:
    client = make_client(served, recorder=recorder, load=lambda: served)
    client.follow_redirects = False
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # users share a client

    def use_page(user: int) -> int:
        session = f"{user:032x}"
        browser = {"Cookie": f"{COOKIE}={session}"}
        fields = {"token": csrf_token(recorder.salt, session), "question": f"question {user}"}
        path = client.post("/ask", data=fields, headers=browser).headers["Location"]
        return client.post(path, data={**fields, "pick": "0"}, headers=browser).status_code

    def use_api(user: int) -> int:
        body = {"query": f"question {user}", "user": f"{user}"}
        key = client.post("/v1/search", json=body).json()["id"]
        return client.post("/v1/picks", json={"search": key, "picks": ["u"]}).status_code

    def use(user: int) -> int:
        if user % 50 == 0:
            client.post("/admin/reload")
        return use_page(user) if user % 2 else use_api(user)

    with ThreadPoolExecutor(16) as executor:
        statuses = list(executor.map(use, range(USERS)))
    assert statuses == [200, 303] * (USERS // 2)
    traffic = read_traffic(recorder.folder)
    assert traffic.skipped == 0
    assert len({row.session for row in traffic.searches}) == USERS
    collect(recorder.folder, tmp_path)
    questions = {row["query"] for row in read_jsonl(tmp_path / RANKED_LISTS)}
    assert questions == {f"question {user}" for user in range(USERS)}
