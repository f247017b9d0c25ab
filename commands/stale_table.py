"""Write which stages an edit of the code makes stale, according to dvc.yaml.

    python -m commands.stale_table

Reads   dvc.yaml, params.yaml, and the names of the modules in findtune/ and stages/
Writes  docs/operations.md: the table between its markers
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from findtune.core import params
from findtune.core.files import atomic_open
from findtune.report.markdown import replace_between_markers
from stages.command import Stage
from stages.export import MODELS
from stages.skip import MODELS as SKIPPED

DOCUMENT = Path("docs", "operations.md")
MARKERS = ("<!-- stale: written by commands.stale_table -->", "<!-- end of stale -->")
Entries = Mapping[str, Mapping[str, Any]]  # stage@MODEL-SIZE -> its entry, with ${...} filled in


@click.command(cls=Stage)
def main() -> None:
    """Write the table of stale stages into docs/operations.md."""
    document = DOCUMENT.read_text(encoding="utf-8")
    updated = replace_between_markers(document, stale_table(resolved_stages(MODELS)), MARKERS)
    with atomic_open(DOCUMENT) as file:
        file.write(updated)
    click.echo(f"{DOCUMENT}: written")


def resolved_stages(exported: Sequence[str] = ()) -> Entries:
    """Return the stages of dvc.yaml, with every matrix and foreach expanded.

    exported: the models that get int8 copies, instead of those that params.yaml lists; if any, the
    stage skip is expanded too.
    """
    # Imported here, since they take a while.
    from dvc.parsing import DataResolver  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    content = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))
    if exported:  # params.yaml may list none, and these stages would be missing
        content["stages"]["export"]["matrix"]["model"] = [*exported]
        content["stages"]["skip"]["matrix"]["model"] = [*SKIPPED]
    resolver = DataResolver(Repo(uninitialized=True), str(Path.cwd()), content)
    stages: Entries = resolver.resolve()["stages"]
    return stages


def stale_table(stages: Entries) -> str:
    """Return a Markdown table with a row for each folder or module of the code."""
    models = params.read("models", list[str])
    rows = []
    for top in (Path("findtune"), Path("stages")):
        texts = {path: describe(stale_stages(path, stages), models) for path in modules_in(top)}
        rows += [f"| {name} | {stale or 'none'} |" for name, stale in rows_below(top, texts)]
    return "\n".join(["| after an edit of | these stages run again |", "|---|---|", *rows])


def rows_below(folder: Path, texts: Mapping[Path, str]) -> Iterator[tuple[str, str]]:
    """Yield one row for a folder whose modules have the same effect, else rows for its contents.

    texts: module -> the stages that its edit makes stale.
    """
    below = {path: text for path, text in texts.items() if path.is_relative_to(folder)}
    if len(set(below.values())) == 1:
        yield f"`{folder.as_posix()}`", next(iter(below.values()))
        return
    for subfolder in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from rows_below(subfolder, below)
    by_text: dict[str, list[str]] = defaultdict(list)
    for path, text in below.items():
        if path.parent == folder:
            by_text[text].append(path.stem)
    for text, names in by_text.items():
        yield f"`{folder.as_posix()}`: {', '.join(names)}", text


def modules_in(folder: Path) -> list[Path]:
    """Return the modules below a folder, without `__init__.py` files."""
    return [path for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]


def stale_stages(module: Path, stages: Entries) -> list[str]:
    """Return the names of the stages that an edit of a module makes stale."""
    return [
        name
        for name, entry in stages.items()
        if any(module.is_relative_to(dep) for dep in entry["deps"])
    ]


def describe(names: Sequence[str], models: Sequence[str]) -> str:
    """Return the stages without sizes, and without models if those of all models are stale."""
    models_of: dict[str, list[str]] = defaultdict(list)
    for name in names:
        stage, _, cell = name.partition("@")
        models_of[stage] += [model for model in models if cell.startswith(f"{model}-")]
    return ", ".join(
        stage if set(of) in (set(), set(models)) else f"{stage} ({', '.join(dict.fromkeys(of))})"
        for stage, of in models_of.items()
    )


if __name__ == "__main__":
    main()
