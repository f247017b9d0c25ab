"""Data and models travel over a DVC remote, and changed bytes are refused, by name."""

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dvc.repo import Repo

from findtune.health.repository import check_remote
from findtune.tracking.hashing import path_md5
from findtune.tracking.lock import all_outs, read_lock

pytestmark = pytest.mark.slow
Tool = Callable[[str], str]


@pytest.fixture
def s3_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start an S3 server on loopback with a bucket; yield `dvc remote add`'s URL of it."""
    import boto3
    from moto.server import ThreadedMotoServer

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    boto3.client("s3").create_bucket(Bucket="models")
    yield "s3://models/team"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def shared(request: pytest.FixtureRequest, tiny_project: Path, tmp_path: Path, tool: Tool) -> str:
    """Give the project a remote, publish it, and return the remote's URL."""
    url = str(tmp_path / "remote")
    if request.param == "s3":
        url = request.getfixturevalue("s3_url")
    tool(f"dvc remote add --default shared {url}")
    tool("dvc remote modify shared verify true")
    tool("git commit --quiet --all --message=Remote")
    tool("dvc push --quiet")
    return url


@pytest.fixture
def clone(shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Tool) -> Path:
    """Enter a fresh clone of the published project."""
    folder = tmp_path / "fresh clöne"
    tool(f"git clone --quiet . '{folder}'")
    monkeypatch.chdir(folder)
    # DVC keeps what it knows of remotes and files here, and nothing of it must help.
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return folder


def test_a_fresh_clone_gets_models_and_measures_without_training(clone: Path, tool: Tool) -> None:
    assert not Path("models/stack/small").exists()
    tool("dvc pull --quiet")
    for path, md5 in all_outs(read_lock()).items():
        assert path_md5(Path(path)) == md5, path
    assert tool("dvc repro --dry").count("didn't change, skipping") == 3
    assert tool("dvc metrics diff") == ""
    assert check_remote(Repo()).status == "ok"


def test_a_flipped_byte_in_the_remote_is_refused_by_name(
    clone: Path, shared: str, tool: Tool
) -> None:
    md5 = path_md5(Path("weights.txt"))
    overwrite(f"{shared}/files/md5/{md5[:2]}/{md5[2:]}", b"First weights\n")
    with pytest.raises(AssertionError) as refusal:
        tool("dvc pull")
    assert "models/stack/small" in str(refusal.value)
    assert not Path("models/stack/small/weights.txt").exists()
    shutil.rmtree(".dvc/cache")
    overwrite(f"{shared}/files/md5/{md5[:2]}/{md5[2:]}", b"first weights\n")
    tool("dvc pull --quiet")
    assert Path("models/stack/small/weights.txt").read_text() == "first weights\n"


def overwrite(url: str, content: bytes) -> None:
    """Replace an object of a remote."""
    if not url.startswith("s3://"):
        Path(url).chmod(0o644)
        Path(url).write_bytes(content)
        return
    import boto3

    bucket, _, key = url.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
