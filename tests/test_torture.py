"""Random kills, full disks, flipped bits and fuzzed inputs: nothing is lost, and nothing hangs.

`make torture` runs it all and prints one table. It takes hours at its full size; KILLS, FLIPS and
FUZZED make it smaller.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from findtune.core.errors import InputError
from findtune.core.params import read
from findtune.health.contents import check_cache, check_manifests, check_outputs
from findtune.ingest.clean_files import write_clean
from findtune.ingest.kinds import KINDS
from findtune.ingest.limits import LIMITS
from findtune.tracking.lock import Stages, read_lock

pytestmark = pytest.mark.slow

SEED = 13
RUN_SECONDS = 900  # a run that takes longer hangs
TO_KILL = ("make", "commands.reproduce", "stages.")  # what is in a command line of a victim
STAGES = ("base", "ingest", "prepare", "train", "evaluate", "card", "stack", "report")
ROOMS = ("embedder", "reranker", "rewriter")
KILLS_BETWEEN_RUNS = 20
TARGETS = [*(f"card@{room}-small" for room in ROOMS), "stack@small", "report@small"]


def start(project: Path, *command: str, **options: object) -> subprocess.Popen[str]:
    """Start a command in a project, in a group of its own; its output goes to a file."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}
    with (project.parent / "output").open("a") as output:
        return subprocess.Popen(
            command, cwd=project, env=environment, start_new_session=True, text=True,
            stdout=output, stderr=output, **options,
        )  # fmt: skip


def train(project: Path, kind: str = "make") -> subprocess.Popen[str]:
    """Start `make train`, or DVC as make starts it."""
    if kind == "make":
        return start(project, "make", "-o", "setup", "train", "SIZE=small")
    return start(project, sys.executable, "-m", "commands.reproduce", *TARGETS)


def finish(project: Path, counts: Counter[str]) -> None:
    """Run to the end; count a run that fails, and end one that hangs."""
    process = train(project)
    try:
        counts["runs that failed"] += process.wait(RUN_SECONDS) != 0
    except subprocess.TimeoutExpired:
        counts["hangs"] += 1
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def kill_at_random(process: subprocess.Popen[str], chance: random.Random) -> bool:
    """Send a signal to make, DVC or a stage of a run; return whether there was one."""
    number = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    with suppress(psutil.Error):
        run = psutil.Process(process.pid)
        family = [run, *run.children(recursive=True)]
        victims = [
            member
            for victim in TO_KILL
            for member in family
            if victim in " ".join(member.cmdline()[:3])
        ]
        if victims:
            chance.choice(victims).send_signal(number)
            return True
    return False


def wait_until_all_have_ended(process: subprocess.Popen[str], counts: Counter[str]) -> None:
    """Wait for a killed run; count a run, or a process of its group, that goes on."""
    end = time.monotonic() + RUN_SECONDS
    while time.monotonic() < end:
        process.poll()
        members = (member for member in psutil.process_iter() if belongs(member, process.pid))
        if not any(members):
            return
        time.sleep(0.2)
    counts["hangs"] += 1
    os.killpg(process.pid, signal.SIGKILL)


def belongs(member: psutil.Process, session: int) -> bool:
    """Return whether a process that has not ended is in a session."""
    with suppress(OSError, psutil.Error):
        return os.getsid(member.pid) == session and member.status() != psutil.STATUS_ZOMBIE
    return False


def touch(project: Path, chance: random.Random, number: int) -> None:
    """Let some stages run again, with the same results: a comment is added to their code."""
    for name in chance.sample(STAGES, 2):
        with (project / "stages" / f"{name}.py").open("a") as file:
            file.write(f"# {number}\n")


def lost_entries(lock: Path, names: set[str]) -> int:
    """Return how many stages a dvc.lock lacks; all of them if it can't be read."""
    try:
        return len(names - {*read_lock(lock)})
    except InputError:
        return len(names)


def lost_bytes(project: Path, reference: Stages, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many outputs of a finished run are not those of an undisturbed one."""
    with monkeypatch.context() as patch:
        patch.chdir(project)
        stages, cache = read_lock(), Path(".dvc/cache/files/md5")
        outs = {name: stage.outs for name, stage in stages.items()}
        wrong = sum(outs.get(name) != stage.outs for name, stage in reference.items())
        findings = [*check_outputs(stages, cache), *check_manifests(stages)]
        findings += check_cache(stages, cache)
        return wrong + sum(finding.status != "ok" for finding in findings)


def tracebacks(project: Path) -> int:
    """Return how many tracebacks the runs of a project printed."""
    return (project.parent / "output").read_text(errors="replace").count("Traceback (most recent")


def show(name: str, tries: int, counts: Counter[str]) -> None:
    """Print a row of the table of docs/operations.md, and fail if anything was lost."""
    columns = ("bytes lost", "lock entries lost", "tracebacks", "hangs")
    print(f"\n| {name} | {tries:,} | " + " | ".join(f"{counts[key]}" for key in columns) + " |")
    assert not +counts, counts


@pytest.fixture
def project(whole_pipeline: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of a project in which `make train` has run."""
    folder = tmp_path / "project"
    shutil.copytree(whole_pipeline, folder, symlinks=True)
    for name in ("commands", "Makefile"):
        source = Path(name)
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / name)
    yield folder


def test_random_kills_lose_nothing(
    project: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, counts = random.Random(SEED), Counter()
    begin = time.monotonic()
    touch(project, chance, -1)
    finish(project, counts)
    seconds = time.monotonic() - begin
    reference = read_lock(project / "dvc.lock")
    kills, wanted = 0, pytestconfig.getoption("kills")
    while kills < wanted:
        touch(project, chance, kills)
        process = train(project, chance.choice(["make", "dvc"]))
        time.sleep(chance.uniform(1, seconds))
        killed = kill_at_random(process, chance)
        kills += killed
        wait_until_all_have_ended(process, counts)
        counts["lock entries lost"] += lost_entries(project / "dvc.lock", {*reference})
        if killed and (kills % KILLS_BETWEEN_RUNS == 0 or kills == wanted):
            finish(project, counts)
            counts["bytes lost"] += lost_bytes(project, reference, monkeypatch)
            counts["parts left"] += len([*project.glob("m*/**/.*.part")])
    counts["tracebacks"] += tracebacks(project)
    show("random kills of make, DVC and stages", kills, counts)


def limit_files(size: int) -> Callable[[], None]:
    """Return what makes writes beyond a size fail in a process, as on a full disk."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def limited_run(project: Path, command: list[str], size: int) -> tuple[str, bool]:
    """Run a command that can't write larger files; return its output, and whether it hangs.

    The output goes to a pipe, which has no such limit.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    limit = limit_files(size)
    process = subprocess.Popen(command, cwd=project, preexec_fn=limit, **pipes)
    try:
        return process.communicate(timeout=RUN_SECONDS)[0], False
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0], True


def test_full_disks_are_told_in_one_line(
    project: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, counts = random.Random(SEED), Counter()
    reference = read_lock(project / "dvc.lock")
    rooms = [
        [name, room, "small"] for name in ("base", "prepare", "train", "card") for room in ROOMS
    ]
    stages = [*rooms, ["ingest", "embedder", "catalog"], ["ingest", "rewriter", "searches"]]
    stages += [["evaluate", "embedder", "small"], ["report", "small"], ["stack", "small"]]
    for number in range(wanted := pytestconfig.getoption("full_disks")):
        name, *arguments = stages[number % len(stages)]
        command = [sys.executable, "-B", "-m", f"stages.{name}", *arguments]
        size = chance.choice([0, 10, 100, 1000, 10_000])
        output, hangs = limited_run(project, command, size)
        counts["tracebacks"] += "Traceback" in output
        counts["hangs"] += hangs
        counts["parts left"] += len([*project.glob("[dm]*/**/.*.part")])
        counts["reruns that failed"] += start(project, *command).wait(RUN_SECONDS) != 0
    finish(project, counts)
    counts["bytes lost"] += lost_bytes(project, reference, monkeypatch)
    counts["tracebacks"] += tracebacks(project)
    show("full disks", wanted, counts)


def test_flipped_bits_are_all_noticed(
    project: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance, counts = random.Random(SEED), Counter()
    monkeypatch.chdir(project)
    stages, cache = read_lock(), Path(".dvc/cache/files/md5")
    kept = [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size]
    models = [
        path for path in Path("models").rglob("[!.]*") if path.is_file() and path.stat().st_size
    ]
    for _ in range(wanted := pytestconfig.getoption("flips")):
        path = chance.choice([*kept, *models])
        content, status = bytearray(path.read_bytes()), path.stat()
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        original = path.with_name(f"{path.name}.kept")
        path.rename(original)
        path.write_bytes(content)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        checks = check_cache(stages, cache) if path in kept else check_manifests(stages)
        counts["bytes lost"] += all(finding.status == "ok" for finding in checks)
        original.replace(path)
    show("flipped bits", wanted, counts)


# Fuzzed inputs

BITS = [
    b'"',
    b"'",
    b",",
    b";",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b"]",
]
BITS += [
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"&amp;",
    b"<b>",
    b"%F0%9F",
    b"=1+1",
    b"1e999",
    b"-0",
    b"null",
]
BITS += [b"true", b"\t", b":", "\u202e".encode(), "é".encode(), "茶".encode(), b"\x1b[2J", b"NaN"]
FUZZED = {
    "catalog": "autogen_input/small/variables.csv",
    "sentence_pairs": "finetuning/sentence_pairs.csv",
    "ranked_lists": "training_data/reranker_training_data.json",
    "searches": "training_data/query_rewriting_training_data.json",
    "judgments": "training_data/judgments.json",
}


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Return a part of a file with a few bytes deleted, inserted, repeated or replaced."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        begin = chance.randrange(len(changed) + 1)
        end = min(len(changed), begin + chance.choice([0, 0, 1, 1, 2, 40]))
        part = chance.choice(
            [chance.choice(BITS), chance.randbytes(2), changed[begin:end] * 2, b""]
        )
        changed[begin:end] = part
    return bytes(changed)


def too_long(number: int, frame: object) -> None:
    """Raise TimeoutError: a reader hangs."""
    raise TimeoutError


def test_fuzzed_inputs_raise_nothing_but_a_users_mistake(
    ten_line_corpus: Path, forty_lists: Path, tmp_path: Path,
    pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    chance, counts = random.Random(SEED), Counter()
    limits = {name: read(name, kind) for name, kind in LIMITS.items()}
    bar = nullcontext(SimpleNamespace(update=lambda size: None))
    data = tmp_path / "data"
    shutil.copytree(ten_line_corpus, data)
    shutil.copytree(forty_lists, data / "training_data")
    monkeypatch.chdir(tmp_path)
    originals = {kind: (data / name).read_bytes()[:6000] for kind, name in FUZZED.items()}
    signal.signal(signal.SIGALRM, too_long)
    for number in range(wanted := pytestconfig.getoption("fuzzed")):
        kind = [*FUZZED][number % len(FUZZED)]
        (data / FUZZED[kind]).write_bytes(mutate(originals[kind], chance))
        signal.alarm(20)
        try:
            options = {"limits": limits[KINDS[kind].section], "progress_bar": lambda size: bar}
            write_clean(kind, data=data, out=tmp_path / "clean", **options)
        except InputError:
            counts["refused"] += 1
        except TimeoutError:
            counts["hangs"] += 1
        except Exception:
            counts["tracebacks"] += 1
            shutil.copy(data / FUZZED[kind], f"/tmp/fuzzed-{kind}-{number}")
            raise
        finally:
            signal.alarm(0)
    refused = counts.pop("refused")
    print(f"\n{refused:,} of {wanted:,} fuzzed files were refused, the others read")
    show("fuzzed inputs of both readers", wanted, counts)
