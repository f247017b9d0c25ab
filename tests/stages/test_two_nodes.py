"""Two nodes of Ray with working directories of their own write the bytes of one machine.

Needs the extra `ray`. The nodes are two raylets on this machine, which only a token opens, as Ray
gives a node no loopback address. Neither is in the project's folder.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from random import Random
from secrets import token_hex
from shutil import copy
from typing import Any

import pytest

from findtune.cluster.ray_tasks import ADDRESS
from findtune.core.processes import ENGINE, VARIABLE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="the extra ray is not installed"),
]

PROJECT = Path(__file__).parents[2]
RECORDS = 6000
WORDS = [f"word{number}" for number in range(5000)]
VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": token_hex(32),
}
STAGES = {
    "ranked_lists": ("stages.ingest", "reranker", "ranked_lists"),
    "reranker_judgments": ("stages.ingest", "reranker", "judgments"),
    "searches": ("stages.ingest", "rewriter", "searches"),
    "corpus": ("stages.ingest", "rewriter", "corpus"),
    "rewriter_judgments": ("stages.share", "judgments", "reranker", "rewriter"),
    "prepare reranker": ("stages.prepare", "reranker", "small"),
    "prepare rewriter": ("stages.prepare", "rewriter", "small"),
}


def write_feedback(folder: Path) -> None:
    """Write records of twelve documents and three picks, about 5 KB each in both files."""
    rng = Random(1)

    def text(length: int) -> str:
        return " ".join(rng.choices(WORDS, k=length))

    lists, searches = [], []
    for number in range(RECORDS):
        query, variant = text(7), text(5)
        urls = rng.sample(range(4 * RECORDS), 12)
        shown = [
            {"url": f"https://example.org/{url}", "title": text(8), "snippet": text(25)}
            for url in urls
        ]
        picks = [source["url"] for source in rng.sample(shown, 3)]
        when = {"timestamp": f"2025-01-{1 + number % 28:02d}T00:00:00Z"}
        lists.append({"query": query, "all_sources": shown, "positive_sources": picks} | when)
        mapping = {query: {"sources": shown[:6]}, variant: {"sources": shown[6:]}}
        row = {"original_query": query, "query_source_mapping": mapping}
        searches.append(row | {"selected_sources": picks} | when)
    folder.mkdir(parents=True)
    for name, rows in (
        ("reranker_training_data.json", {"reranker_data": lists}),
        ("query_rewriting_training_data.json", {"query_rewriting_data": searches}),
    ):
        (folder / name).write_text(json.dumps(rows))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with feedback, in which all stages have run on one machine."""
    folder = tmp_path_factory.mktemp("project")
    copy(PROJECT / "params.yaml", folder)
    write_feedback(folder / "data" / "training_data")
    for stage in STAGES:
        finish(start(stage, folder, {}))
    return folder


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Start two nodes with one processor each, in folders of their own; end them afterwards."""
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    from ray.cluster_utils import Cluster  # reads them

    nodes = Cluster()
    try:
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            monkeypatch.chdir(tmp_path / name)
            nodes.add_node(num_cpus=1, include_dashboard=False)
        monkeypatch.chdir(PROJECT)
        yield nodes
    finally:
        nodes.shutdown()


def on_ray(cluster: Any) -> Mapping[str, str]:
    """Return the variables with which a stage runs on a cluster."""
    return {ENGINE: "ray", ADDRESS: cluster.address, VARIABLE: "2"}


def start(stage: str, folder: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
    """Start a stage in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **variables}
    command = [sys.executable, "-m", *STAGES[stage]]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait until a stage has ended well; return what it printed on stderr."""
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors
    return errors


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of each file that stages wrote."""
    paths = [
        path
        for name in ("clean", "examples")
        for path in (folder / "data" / name).rglob("*")
        if path.is_file()
    ]
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in paths}


def copy_of(project: Path, folder: Path) -> Path:
    """Return a folder with the feedback of a project, and nothing that was made from it."""
    (folder / "data").mkdir(parents=True)
    copy(project / "params.yaml", folder)
    (folder / "data" / "training_data").symlink_to(project / "data" / "training_data")
    return folder


def test_two_nodes_write_the_bytes_of_one_machine(
    project: Path, cluster: Any, tmp_path: Path
) -> None:
    other = copy_of(project, tmp_path / "project")
    for stage in STAGES:
        finish(start(stage, other, on_ray(cluster)))
    assert hashes(other) == hashes(project)
    assert len(hashes(other)) > 20
    # what a task needs of a file it got as bytes, and its copy is gone
    assert not [*(tmp_path / "first").iterdir()] + [*(tmp_path / "second").iterdir()]


@pytest.mark.parametrize("stage", ["ranked_lists", "prepare rewriter"])
def test_a_node_that_is_killed_half_way_changes_no_byte(
    project: Path, cluster: Any, tmp_path: Path, stage: str
) -> None:
    other = copy_of(project, tmp_path / "project")
    if stage.startswith("prepare"):
        (other / "data" / "clean").symlink_to(project / "data" / "clean")
    running = start(stage, other, on_ray(cluster))
    wait_for_tasks_on(cluster.list_all_nodes()[1], running)
    cluster.remove_node(cluster.list_all_nodes()[1], allow_graceful=False)
    assert running.poll() is None  # it was killed before the end
    finish(running)
    written = hashes(other)
    assert written and {name: hashes(project)[name] for name in written} == written


def wait_for_tasks_on(node: Any, stage: subprocess.Popen[str]) -> None:
    """Wait until a process of a node has worked for a second on tasks of a stage."""
    import psutil

    [raylet] = [info.process.pid for info in node.all_processes["raylet"]]
    while stage.poll() is None:
        for worker in psutil.Process(raylet).children(recursive=True):
            try:
                name, seconds = " ".join(worker.cmdline()), worker.cpu_times().user
            except psutil.Error:
                continue
            if "ray::work" in name and seconds > 1:
                return
        time.sleep(0.05)
    pytest.fail(f"the stage ended first: {stage.communicate()}")
