"""Clean the data of a folder other than data/, and change neither folder.

A data set gets a folder that is laid out like data/, with links to the contents of DIR:

    SET/autogen_input/  alternatives/  finetuning/  guard/  training_data/
    SET/clean/MODEL/    what ingest wrote
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from findtune.core import params
from findtune.core.errors import InputError
from findtune.core.files import write_jsonl
from findtune.ingest.data_files import suffix
from findtune.ingest.feedback import FOLDER, SEARCH_GRADES, STEMS, SUFFIXES, judgment_files
from findtune.ingest.kinds import KINDS
from findtune.ingest.review import REVIEW
from stages import ingest

DATA = Path("data")
CSV_FOLDERS = ("autogen_input", "alternatives", "finetuning")
GUARD = "guard"  # prefix of the folders of guard data, which teams need not write themselves
# A model needs at least one of its kinds that are in this list; the others are optional.
MAIN_KINDS = ("catalog", "ranked_lists", "searches")

Say = Callable[[str], None]


def lay_out(folder: Path, out: Path) -> None:
    """Lay out the contents of a folder in `out` as in data/; replace what `out` held.

    A folder without a guard gets that of the project.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    guards = [] if has_guard(folder) else sorted(DATA.glob(f"{GUARD}*"))
    for path in (*linked_folders(folder), *guards):
        (out / path.name).symlink_to(path.resolve())
    if not (out / FOLDER).exists():
        (out / FOLDER).mkdir()
        for path in feedback_files(folder):
            (out / FOLDER / path.name).symlink_to(path.resolve())


def has_guard(folder: Path) -> bool:
    """Return whether a folder has a guard of its own."""
    return any(folder.glob(f"{GUARD}*/"))


def linked_folders(folder: Path) -> Iterator[Path]:
    """Yield the subfolders that are named like those of data/."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (path.name in (*CSV_FOLDERS, FOLDER) or path.name.startswith(GUARD)):
            yield path


def feedback_files(folder: Path) -> list[Path]:
    """Return the feedback files at the top of a folder, sorted by name."""
    paths = [path for path in folder.glob("*") if suffix(path) in SUFFIXES]
    judgments = {*judgment_files(folder)}
    feedback = (path for path in paths if path.name.startswith(STEMS) or path in judgments)
    return sorted([*feedback, *folder.glob(REVIEW), *folder.glob(SEARCH_GRADES)])


def clean_model(model: str, data: Path, say: Say) -> None:
    """Write the clean data of one model into data/clean/MODEL/; a missing kind is empty.

    data: a folder as `lay_out` makes it. Raises InputError when a file can't be used.
    """
    out = data / "clean" / model
    for kind in kinds_of(model):
        if why_missing(kind, data):
            write_jsonl(out / f"{kind}.jsonl", [])
            continue
        report = ingest.clean(kind, data=data, out=out)
        if report.rejected:
            say(f"{report.rejected} {KINDS[kind].unit} rejected, see {out / kind}.report.csv")


def why_not_ready(model: str, folder: Path, data: Path) -> str:
    """Return why a folder has no data for a model, or ""; data: as `lay_out` made it."""
    reasons = [why_missing(kind, data) for kind in kinds_of(model) if kind in MAIN_KINDS]
    return " ".join(reasons).replace(f"{data}/", f"{folder}/") if all(reasons) else ""


def why_missing(kind: str, data: Path) -> str:
    """Return why a folder of data lacks the required files of a kind, or an empty text."""
    try:
        KINDS[kind].reader.files(data)
    except InputError as error:
        return str(error)
    return ""


def kinds_of(model: str) -> list[str]:
    """Return the kinds of data that a model reads, as dvc.yaml lists them."""
    entries = [
        entry
        for stage in ("ingest", "share")
        for entry in params.lookup(f"stages.{stage}.foreach", Path("dvc.yaml")).values()
    ]
    return [entry["kind"] for entry in entries if entry["model"] == model]
