"""Write placeholders for a model that is not trained, so that the files that dvc.yaml names exist.

    python -m stages.skip reranker small

No stage reads their content: later stages look at `models` in params.yaml. The file NOT_TRAINED
tells commands that the folder is not a model.

Writes  models/base/MODEL/SIZE/, models/MODEL/SIZE/, data/examples/MODEL/SIZE/ and
        metrics/MODEL/SIZE.json, .per_query.csv and .details.csv   empty
"""

from pathlib import Path

import click

from findtune.core.files import atomic_folder, atomic_open
from findtune.core.manifest import STAND_IN, write_manifest
from stages.command import Stage

MODELS = ("reranker", "rewriter")  # the base of the embedder serves the others too
FOLDERS = (Path("models", "base"), Path("models"), Path("data", "examples"))
MODEL_FILES = ("history.csv", "training.json", STAND_IN)
METRICS = (".json", ".per_query.csv", ".details.csv")


@click.command(cls=Stage)
@click.argument("model", type=click.Choice(MODELS))
@click.argument("size")
def main(model: str, size: str) -> None:
    """Write empty outputs for MODEL at SIZE."""
    for parent in FOLDERS:
        with atomic_folder(parent / model / size) as folder:
            for name in MODEL_FILES:
                write_empty(folder / name)
            write_manifest(folder)
    for suffix in METRICS:
        write_empty(Path("metrics", model, f"{size}{suffix}"))
    click.echo(f"{model}/{size}: not trained, as skip of params.yaml says")


def write_empty(path: Path) -> None:
    """Write a file with nothing in it; a JSON file has an empty object."""
    with atomic_open(path) as file:
        file.write("{}\n" if path.suffix == ".json" else "")


if __name__ == "__main__":
    main()
