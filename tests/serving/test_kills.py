"""A server that is killed at any moment loses no answer that it has confirmed."""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from findtune.traffic.feedback import RANKED_LISTS, collect, read_rows
from findtune.traffic.log import PICKS, append_search
from findtune.traffic.reader import read_traffic
from findtune.traffic.records import SearchRecord, now

USERS, SEARCHES = 12, 5  # and searches of each user
URLS = ("a", "b", "c", "d", "e")
DEADLINE = 60  # seconds until the first answer
SERVER = """
import sys
from pathlib import Path
from findtune.serving.app import create_app
from findtune.serving.recording import Recorder
from findtune.serving.served import ServedModels
from findtune.serving.server import run_server

app = create_app(ServedModels(), recorder=Recorder(Path(sys.argv[1])))
run_server(app, "127.0.0.1", int(sys.argv[2]))
"""

Answer = tuple[str, ...] | None  # URLs; None for one that was taken back


class User:
    """Answers searches of its own again and again; what was confirmed must never be lost.

    possible: search -> the answers that may be the last one: that which was confirmed last, and
    those after it whose confirmation a kill cut off.
    """

    def __init__(self, number: int) -> None:
        self.chance = random.Random(number)
        self.keys = [f"{number * SEARCHES + row:032x}" for row in range(SEARCHES)]
        self.possible: dict[str, list[Answer]] = {key: [None] for key in self.keys}
        self.confirmed = 0

    def answer_on(self, address: str, stop: threading.Event) -> None:
        """Answer until the server has gone."""
        with httpx.Client(base_url=address, timeout=30) as client:
            while not stop.is_set():
                key = self.chance.choice(self.keys)
                picks = tuple(self.chance.sample(URLS, self.chance.randrange(4)))
                answer: Answer = None if self.chance.random() < 0.1 else picks
                self.possible[key].append(answer)
                body = {"search": key, "picks": answer if answer is None else [*answer]}
                try:
                    client.post("/v1/picks", json=body).raise_for_status()
                except httpx.TransportError:
                    return
                self.possible[key] = [answer]
                self.confirmed += 1


def record_searches(folder: Path, users: list[User]) -> None:
    sources = [{"url": url, "rank": rank} for rank, url in enumerate(URLS, start=1)]
    for user in users:
        for key in user.keys:
            fields = {"id": key, "time": now(), "version": "v", "question": key}
            search = {**fields, "milliseconds": 1.0, "sources": sources}
            append_search(folder, SearchRecord.model_validate(search))


def answer_until_killed(folder: Path, users: list[User], seconds: float) -> None:
    """Serve users who answer at once, and kill the server some time after the first answer."""
    before = sum(user.confirmed for user in users)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(folder), str(port)]
    arguments = (f"http://127.0.0.1:{port}", stop := threading.Event())
    threads = [threading.Thread(target=user.answer_on, args=arguments) for user in users]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}", server)
            for thread in threads:
                thread.start()
            deadline = time.monotonic() + DEADLINE
            while sum(user.confirmed for user in users) == before:
                assert time.monotonic() < deadline, "no answer was confirmed"
                time.sleep(0.01)
            time.sleep(seconds)
        finally:
            server.send_signal(signal.SIGKILL)
            stop.set()
        for thread in threads:
            thread.join()


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(1200):
        assert server.poll() is None
        try:
            httpx.get(f"{address}/health")
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the server did not start")


def check(folder: Path, users: list[User], kills: int) -> None:
    """Fail if an answer is lost, changed or half read."""
    traffic = read_traffic(folder)
    assert traffic.skipped <= kills  # a torn line each
    for user in users:
        for key, possible in user.possible.items():
            record = traffic.answers.get(key)
            assert (None if record is None else tuple(record.picks or ())) in possible, key


def kill_often(folder: Path, kills: int) -> list[User]:
    chance, users = random.Random(5), [User(number) for number in range(USERS)]
    record_searches(folder, users)
    for number in range(1, kills + 1):
        answer_until_killed(folder, users, chance.uniform(0, 0.5))
        check(folder, users, number)
    return users


@pytest.mark.slow
def test_fifty_kills_while_many_users_pick_lose_nothing(tmp_path: Path) -> None:
    served, training_data = tmp_path / "served", tmp_path / "training_data"
    users = kill_often(served, 50)
    assert sum(user.confirmed for user in users) > 1000
    with (served / PICKS).open("rb") as file:
        assert sum(1 for _ in file) > 1000
    traffic, _ = collect(served, training_data)
    rows = read_rows(training_data / RANKED_LISTS)
    assert rows.keys() == traffic.answers.keys()
    for user in users:
        for key in rows.keys() & {*user.keys}:
            assert tuple(rows[key]["positive_sources"]) in user.possible[key]
