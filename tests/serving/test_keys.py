"""The key of the clients does not open what is for the people who run the server."""

import base64
import hmac
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from findtune.serving.keys import Keys
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels

Ask = Callable[..., Response]

ADMIN = [("GET", "/collected"), ("POST", "/collected"), ("POST", "/admin/reload")]
OTHERS = [("GET", "/v1/models"), ("GET", "/"), ("GET", "/queue")]


@pytest.fixture
def ask(
    served: ServedModels, recorder: Recorder, make_client: Callable[..., TestClient]
) -> Callable[[Keys], Ask]:
    """Return the function that makes a client of a server with some keys."""

    def with_keys(keys: Keys) -> Ask:
        client = make_client(served, recorder=recorder, keys=keys, load=lambda: served)

        def ask(method: str, path: str, key: str = "", password: str = "") -> Response:
            basic = base64.b64encode(f"any:{password}".encode()).decode()
            sent = f"Bearer {key}" if key else f"Basic {basic}" if password else ""
            return client.request(method, path, headers={"Authorization": sent})

        return ask

    return with_keys


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_the_clients_key_opens_no_admin_path(
    ask: Callable[[Keys], Ask], method: str, path: str
) -> None:
    both = ask(Keys("client", "admin"))
    for key in ("", "client", "Admin", "admin "):
        assert both(method, path, key).status_code == 401
        assert both(method, path, password=key).status_code == 401
    assert both(method, path, "admin").status_code in (200, 415)  # 415: this is no form


@pytest.mark.parametrize(("method", "path"), OTHERS)
def test_either_key_opens_the_other_paths(
    ask: Callable[[Keys], Ask], method: str, path: str
) -> None:
    both = ask(Keys("client", "admin"))
    assert both(method, path).status_code == 401
    assert (
        both(method, path, "client").status_code == both(method, path, "admin").status_code == 200
    )


@pytest.mark.parametrize(("method", "path"), ADMIN)
def test_without_an_admin_key_a_server_with_a_key_opens_its_admin_paths_to_nobody(
    ask: Callable[[Keys], Ask], method: str, path: str
) -> None:
    answer = ask(Keys("client"))(method, path, "client")
    assert answer.status_code == 403
    assert "FINDTUNE_ADMIN_KEY" in answer.json()["message"]
    assert ask(Keys())(method, path).status_code in (200, 415)
    assert ask(Keys(None, "admin"))(method, path).status_code == 401


def test_a_browser_asks_for_the_admin_key_apart_from_the_other(
    ask: Callable[[Keys], Ask],
) -> None:
    both = ask(Keys("client", "admin"))
    realms = [both("GET", path).headers["WWW-Authenticate"] for path in ("/", "/collected")]
    assert [realm.partition(",")[0] for realm in realms] == [
        'Basic realm="Findtune"',
        'Basic realm="Findtune admin"',
    ]
    assert both("GET", "/collected", password="admin").status_code == 200
    assert both("POST", "/admin/reload", password="admin").status_code == 401  # a page only


@pytest.mark.parametrize(
    "path",
    [
        "/collected/",
        "/x/../collected",
        "/%63ollected",
        "/collected?page=1",
        "/collected%0A",  # the patterns of Starlette's routes end in $
        "/collected%0A/",
        "/collected%00",
        "/collected%0D%0A",
    ],
)
def test_no_spelling_of_a_path_gets_round_the_key(ask: Callable[[Keys], Ask], path: str) -> None:
    answer = ask(Keys("client", "admin"))("GET", path, "client")
    assert answer.status_code in (401, 404)


def test_all_keys_are_compared_in_constant_time(
    ask: Callable[[Keys], Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append(b) or compare(a, b))
    ask(Keys("client", "admin"))("GET", "/v1/models", "client")
    assert compared == [b"client", b"admin"]  # also after the one that fits


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEARER", "Bearer "])
def test_the_name_of_the_scheme_may_be_in_any_case_but_not_the_key(
    served: ServedModels, make_client: Callable[..., TestClient], scheme: str
) -> None:
    client = make_client(served, keys=Keys("Client"))
    for key, status in (("Client", 200), ("client", 401), ("Client x", 401), ("", 401)):
        sent = {"Authorization": f"{scheme} {key}"}
        assert client.get("/v1/models", headers=sent).status_code == status


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearerclient", ""])
def test_a_key_with_another_scheme_opens_nothing(
    served: ServedModels, make_client: Callable[..., TestClient], scheme: str
) -> None:
    client = make_client(served, keys=Keys("client"))
    sent = {"Authorization": f"{scheme} client"}
    assert client.get("/v1/models", headers=sent).status_code == 401
