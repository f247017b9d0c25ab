"""The whole loop on tiny models: serve, users pick, train, judge, promote, hot swap, roll back.

Users have words of their own for the documents, which no untrained model can know: only what they
picked teaches them.
"""

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
import yaml

from findtune.core.files import read_jsonl, sha256
from findtune.core.text import content_words, stem
from findtune.tracking.lock import read_lock
from findtune.traffic.feedback import RANKED_LISTS
from findtune.traffic.reader import read_traffic
from tests.fixtures.browser import CHROMIUM, Browser
from tests.fixtures.projects import tiny_params
from tests.fixtures.small_data import CATALOGS, CORPUS, FILES, words

pytestmark = pytest.mark.slow

USERS = 200
ON_PAGE = 10 if CHROMIUM else 0  # users with a browser, which takes a second each
EARLIER = 60  # questions that were answered before anything was served
FILES_OF_PROJECT = (
    *("dvc.yaml", ".dvcignore", ".gitignore", ".dvc/config", "Makefile", "README.md"),
    *("pyproject.toml", "requirements.lock", "requirements.torch.lock"),
)
START_SECONDS, RUN_SECONDS = 120, 900


class World:
    """Documents, and what people call them.

    Each document has two words of slang, which stand in no document. A question is one of them and
    two words that mean nothing.
    """

    def __init__(self) -> None:
        rows = [row for name in CATALOGS for row in csv.DictReader((CORPUS / name).open())]
        self.documents = [
            {
                "url": f"https://catalog.example/{row['dcid']}",
                "title": row["Name"],
                "snippet": row["Description"],
            }
            for row in rows
        ]
        texts = [f"{row['title']} {row['snippet']}" for row in self.documents]
        shown = {stem(word) for text in texts for word in words(text)}
        known = {word for name in FILES for word in words((CORPUS / name).read_text("utf-8"))}
        by_stem = {stem(word): word for word in sorted(known) if content_words(word)}
        free = [word for key, word in sorted(by_stem.items()) if key not in shown]
        count = 2 * len(self.documents)
        self.slang, self.others = free[:count], free[count:]

    def need(self, number: int) -> tuple[str, str]:
        """Return the question of a person, and the URL that answers it."""
        chance = Random(f"person {number}")
        index = number % len(self.slang)
        question = " ".join([self.slang[index], *chance.sample(self.others, 2)])
        return question, self.documents[index % len(self.documents)]["url"]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def project(
    world: World, tiny_base: Path, tiny_t5: Path, ten_line_corpus: Path, tmp_path: Path
) -> Path:
    """Return a committed project with a little feedback, in which nothing has run."""
    folder = tmp_path / "project"
    for name in ("stages", "findtune", "commands", "docs"):
        shutil.copytree(name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ten_line_corpus, folder / "data")
    (folder / ".dvc").mkdir()
    for name in FILES_OF_PROJECT:
        shutil.copyfile(name, folder / name)
    bases = {"embedder": tiny_base, "reranker": tiny_base, "rewriter": tiny_t5}
    text = yaml.safe_dump(eager_params(bases), sort_keys=False)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    write_earlier_feedback(folder / "data" / "training_data", world)
    make_environment(folder / ".venv" / "bin")
    run_git(
        folder,
        "init --quiet --initial-branch=main",
        "config user.name Somebody",
        "config user.email somebody@example.org",
        "add --all",
        "commit --quiet --message=Start",
    )
    return folder


def run_git(folder: Path, *commands: str) -> None:
    for command in commands:
        subprocess.run(["git", *command.split()], cwd=folder, check=True)


def eager_params(bases: dict[str, Path]) -> dict[str, Any]:
    """Return params.yaml for tiny models that learn a language, and for many questions of test."""
    params = tiny_params(bases)
    for room, name in (("embedder", "lists"), ("reranker", "lists"), ("rewriter", "questions")):
        params["prepare"][room]["small"][name] = {"dev": 0.15, "test": 0.45, "fold": 0}
    params["embedder"]["small"]["feedback_passes"] = 10
    params["reranker"]["small"]["retriever"]["epochs"] = 8
    return params


def make_environment(folder: Path) -> None:
    """Write what `make setup` makes, with this Python."""
    folder.mkdir(parents=True)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    (folder / ".ready").touch()


def write_earlier_feedback(folder: Path, world: World) -> None:
    """Write lists of ten documents, with the right one among them, and the same as searches."""
    lists, searches = [], []
    for number in range(1000, 1000 + EARLIER):
        question, right = world.need(number)
        shown = Random(number).sample(world.documents, 10)
        if right not in [row["url"] for row in shown]:
            shown[-1] = next(row for row in world.documents if row["url"] == right)
        lists.append({"query": question, "all_sources": shown, "positive_sources": [right]})
        searches.append(
            {
                "original_query": question,
                "selected_sources": [right],
                "query_source_mapping": {question: {"sources": shown}},
            }
        )
    folder.mkdir()
    for name, key, records in (
        ("reranker_training_data", "reranker_data", lists),
        ("query_rewriting_training_data", "query_rewriting_data", searches),
    ):
        (folder / f"{name}.json").write_text(json.dumps({key: records}), encoding="utf-8")


def environment() -> dict[str, str]:
    names = {"DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **names}


def make(project: Path, *arguments: str) -> str:
    """Run a target of the Makefile; return what it printed."""
    result = subprocess.run(
        ["make", *arguments], cwd=project, env=environment(), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_SECONDS,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-4000:]
    return result.stdout


@contextmanager
def served(project: Path, *arguments: str) -> Iterator[str]:
    """Serve a project on a free port, and give the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (project.parent / "server.log").open("w") as log:
        process = subprocess.Popen(
            ["make", "serve", f"PORT={port}", *arguments],
            cwd=project, env=environment(), stdout=log, stderr=log,
        )  # fmt: skip
        try:
            address = f"http://localhost:{port}"
            wait_for_server(process, address)
            yield address
        finally:
            process.terminate()
            process.wait(60)


def wait_for_server(process: "subprocess.Popen[bytes]", address: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            httpx.get(f"{address}/health")
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("the server did not start")


def use_api(address: str, world: World, number: int) -> int:
    """Ask and pick as a client does; return the status of the answer to the pick."""
    question, right = world.need(number)
    with httpx.Client(base_url=address, timeout=120) as client:
        body = {"query": question, "user": f"person {number}"}
        found = client.post("/v1/search", json=body).raise_for_status().json()
        shown = [row["url"] for row in found["documents"]]
        picks = [right] if right in shown else []
        return client.post("/v1/picks", json={"search": found["id"], "picks": picks}).status_code


def use_page(browser: Browser, address: str, world: World, number: int) -> None:
    """Ask and pick on the page, as somebody who has not been there before."""
    question, right = world.need(number)
    title = next(row["title"] for row in world.documents if row["url"] == right)
    browser.call("Network.clearBrowserCookies")
    browser.call("Page.navigate", url=f"{address}/")
    browser.wait_for("document.activeElement.id == 'question'")
    browser.call("Input.insertText", text=question)
    browser.press("Enter")
    browser.wait_for("location.pathname.startsWith('/searches/')")
    label = f"Pick as 1st: {title}"
    script = "[...document.querySelectorAll('button')].map(button => button.ariaLabel)"
    browser.tab_to(label if label in browser.evaluate(script) else "None is right")
    browser.press("Enter")
    browser.wait_for("document.body.innerText.includes('Saved:')")


def use(address: str, world: World, request: pytest.FixtureRequest) -> None:
    """Let all users ask and pick at once."""
    with ThreadPoolExecutor(8) as executor:
        clients = executor.map(
            lambda number: use_api(address, world, number), range(ON_PAGE, USERS)
        )
        if ON_PAGE:
            browser: Browser = request.getfixturevalue("browser")
            for number in range(ON_PAGE):
                use_page(browser, address, world, number)
        assert {*clients} == {200}


def searches_while(address: str, change: Callable[[], object], number: int = 4) -> list[str]:
    """Let clients search on and on while something changes; return the ids of their searches."""
    stop, ids = threading.Event(), list[str]()

    def search(client: httpx.Client) -> None:
        body = {"query": "snow", "rewrite_query": False, "max_num_results": 1}
        ids.append(client.post("/v1/search", json=body).raise_for_status().json()["id"])

    def search_on() -> None:
        with httpx.Client(base_url=address, timeout=120) as client:
            while not stop.is_set():
                search(client)
            search(client)  # one that surely begins after the change

    with ThreadPoolExecutor(number) as executor:
        clients = [executor.submit(search_on) for _ in range(number)]
        try:
            while not ids and not any(client.done() for client in clients):
                time.sleep(0.05)
            change()
        finally:
            stop.set()
        for client in clients:
            client.result()
    return ids


def hot_swap(project: Path, address: str) -> list[str]:
    """Have the server load what is live now, while clients search.

    Return the versions that answered, in the order of time.
    """
    ids = searches_while(
        address, lambda: httpx.post(f"{address}/admin/reload", timeout=300).raise_for_status()
    )
    versions = {row.id: row.version for row in read_traffic(project / "data/served").searches}
    return [*dict.fromkeys(versions[key] for key in ids)]


def version_here(project: Path) -> str:
    """Return the version of the stack that is in the folders now."""
    return sha256(project / "models/stack/small/stack.json")[:12]


def trained(project: Path) -> dict[str, str]:
    """Return the hash of each room's model."""
    stages = read_lock(project / "dvc.lock")
    return {
        room: stages[f"train@{room}-small"].outs[f"models/{room}/small"]
        for room in ("embedder", "reranker", "rewriter")
    }


def test_what_users_pick_trains_a_stack_that_wins_goes_live_and_back(
    project: Path, world: World, request: pytest.FixtureRequest
) -> None:
    make(project, "train")
    run_git(project, "add --all", "commit --quiet --message=Train")
    assert "stack v1.0.0 is live in prod: " in make(project, "promote", "FORCE=1")
    old, old_models = version_here(project), trained(project)
    with served(project, "LIVE=1", "RECORD=1") as address:
        use(address, world, request)
        traffic = read_traffic(project / "data/served")
        assert (len(traffic.answers), traffic.skipped) == (USERS, 0)
        assert {row.version for row in traffic.searches} == {old}
        second = make(project, "loop")
        collected = [*read_jsonl(project / "data/training_data" / RANKED_LISTS)]
        assert {row["query"] for row in collected} == {
            world.need(number)[0] for number in range(USERS)
        }
        new, new_models = version_here(project), trained(project)
        assert not {*new_models.values()} & {*old_models.values()}  # every room has learned
        assert re.search(r"against v1.0.0, live in prod: ndcg@10 .*WIN", second), second[-2000:]
        assert "stack v1.1.0 is live in prod instead of v1.0.0" in second
        assert hot_swap(project, address) == [old, new]
        assert "stack v1.0.0 is live in prod instead of v1.1.0" in make(project, "rollback")
        assert hot_swap(project, address) == [new, old]
    assert "v1.0.0 (rollback)" in make(project, "history")
