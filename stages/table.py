"""Print what was measured, as a table that a README can hold.

    python -m stages.table embedder/small
    python -m stages.table embedder/small --into README.md

Reads   metrics/MODEL/SIZE.json
Writes  --into: what stands there between the two markers of the table
"""

import json
from pathlib import Path

import click

from findtune.errors import InputError
from findtune.files import replacing
from findtune.tabular import inserted, table
from stages.command import Stage


@click.command(cls=Stage)
@click.argument("models", nargs=-1, required=True)
@click.option("--into", type=click.Path(path_type=Path), help="A Markdown file with the markers.")
def main(models: tuple[str, ...], into: Path | None) -> None:
    """Print the measures of MODELS, each given as MODEL/SIZE."""
    tables = "\n\n".join(table(name, read(Path("metrics", f"{name}.json"))) for name in models)
    if into:
        text = inserted(into.read_text(encoding="utf-8"), tables)
        with replacing(into) as file:
            file.write(text)
    click.echo(tables)


def read(path: Path) -> dict[str, object]:
    """Return the metrics in a file."""
    if not path.exists():
        raise InputError(f"there is no {path}; `make train` makes it.")
    found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    main()
