"""Checks of every byte of outputs, of DVC's cache, of models and of their bases.

dvc.lock holds the md5 of each output, and the cache the md5 of each file in an output's folder.
A model folder also has a manifest of its own, which was written with it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from findtune.bases.entry import BaseEntry
from findtune.core.files import sha256
from findtune.core.manifest import MANIFEST, problems
from findtune.health.finding import Finding, at_most
from findtune.tracking.hashing import (
    Progress,
    file_hashes,
    file_md5,
    folder_md5,
    no_progress,
    object_path,
    read_listing,
)
from findtune.tracking.lock import FOLDER, Stages, all_outs

REPORT = "metrics/report-"  # prefix of the only paths in metrics/ that DVC keeps, not git


def check_outputs(stages: Stages, cache: Path, progress: Progress = no_progress) -> list[Finding]:
    """Compare the outputs here with dvc.lock, and name each file that differs.

    cache: the folder of DVC's objects.
    """
    outs = {path: md5 for path, md5 in all_outs(stages).items() if Path(path).exists()}
    findings = [
        Finding("outputs", "fail", f"{name} differs from dvc.lock", checkout(path))
        for path, md5 in outs.items()
        for name in differences(Path(path), md5, cache, progress)
    ]
    return at_most(findings) or [Finding("outputs", "ok", f"{len(outs)} are as in dvc.lock")]


def check_manifests(stages: Stages) -> list[Finding]:
    """Compare the model folders here that stages wrote with their manifests."""
    outs = sorted(path for path in all_outs(stages) if path.startswith("models/"))
    folders = [path for path in outs if Path(path).is_dir()]
    findings = [
        Finding("manifests", "fail", problem, f"`rm -r {path} && dvc checkout`, or `make train`")
        for path in folders
        for problem in problems(Path(path))
    ]
    return at_most(findings) or [
        Finding("manifests", "ok", f"{len(folders)} model folders are as in their {MANIFEST}")
    ]


def checkout(path: str) -> str:
    """Return how to restore the recorded bytes of an output."""
    # DVC considers a file with the same size and time unchanged, so remove it first.
    in_git = path.startswith("metrics/") and not path.startswith(REPORT)
    restore = "git checkout" if in_git else f"rm -r {path} && dvc checkout"
    return f"`{restore} {path}` restores it; if the change is intended, `dvc commit`"


def differences(path: Path, md5: str, cache: Path, progress: Progress) -> Iterator[str]:
    """Yield the files of an output whose bytes are not the recorded ones."""
    if not path.is_dir():
        if file_md5(path, progress) != md5:
            yield str(path)
        return
    files = file_hashes(path, progress)
    if folder_md5(files) == md5:
        return
    recorded = read_listing(object_path(cache, md5))
    if not recorded:
        yield str(path)
    for name in sorted(recorded.keys() | files.keys() if recorded else ()):
        if recorded.get(name) != files.get(name):
            yield str(path / name)


def check_cache(stages: Stages, cache: Path, progress: Progress = no_progress) -> list[Finding]:
    """Compare every object of the cache with its name, which is the md5 of its bytes.

    DVC trusts its cache, so only this check notices a byte that flipped on the disk.
    """
    objects, names = cache_objects(cache), names_of(stages, cache)
    findings = [
        Finding("cache", "fail", f"{path} was changed ({names.get(md5, 'an old version')})", repair)
        for path in objects
        if (md5 := path.parent.name + path.name).removesuffix(FOLDER) != file_md5(path, progress)
        for repair in [repair_object(path, md5 in names)]
    ]
    return at_most(findings) or [Finding("cache", "ok", f"{len(objects)} objects are intact")]


def repair_object(path: Path, needed: bool) -> str:
    """Return how to replace a broken object."""
    remove = f"`rm -f {path}`"
    return f"{remove}, then `make pull`, or `dvc commit` if there's no remote" if needed else remove


def cache_objects(cache: Path) -> list[Path]:
    """Return the files of the cache, without those that are being written."""
    return sorted(path for path in cache.glob("[0-9a-f][0-9a-f]/*") if path.is_file())


def names_of(stages: Stages, cache: Path) -> dict[str, str]:
    """Return md5 -> path of every file that dvc.lock or a listing in the cache names."""
    names = {}
    for path, md5 in all_outs(stages).items():
        names[md5] = path
        if md5.endswith(FOLDER):
            listing = read_listing(object_path(cache, md5))
            names |= {file: f"{path}/{name}" for name, file in listing.items()}
    return names


def size_to_read(stages: Stages, cache: Path) -> int:
    """Return how many bytes the checks of outputs and cache read."""
    outs = [Path(path) for path in all_outs(stages)]
    files = [file for out in outs for file in ([out] if out.is_file() else out.rglob("*"))]
    return sum(path.stat().st_size for path in [*files, *cache_objects(cache)] if path.is_file())


def check_bases(entries: Mapping[Path, BaseEntry]) -> list[Finding]:
    """Compare base models with the SHA-256 of their files in params.yaml; folder -> entry.

    A base that is converted after its download has other files; dvc.lock has their md5.
    """
    present = {folder: entry for folder, entry in entries.items() if folder.is_dir()}
    findings = [
        Finding("bases", "fail", f"{path} is not the file of {entry.name}", refetch)
        for folder, entry in present.items()
        for path in wrong_files(folder, entry)
        for refetch in [f"`rm -r {folder}`, then `dvc checkout {folder}` or `make train`"]
    ]
    return at_most(findings) or [
        Finding("bases", "ok", f"{len(present)} of {len(entries)} base models are here and intact")
    ]


def wrong_files(folder: Path, entry: BaseEntry) -> list[Path]:
    """Return the files of a base model that are missing or have another hash."""
    if entry.alibi_slopes is not None or any(name.endswith(".gguf") for name in entry.files):
        return []
    return [
        path
        for name, digest in entry.files.items()
        if not (path := folder / name).is_file() or sha256(path) != digest
    ]
