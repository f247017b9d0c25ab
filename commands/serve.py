"""Serve models and a search over HTTP, with APIs that existing clients speak.

    python -m commands.serve small
    python -m commands.serve small --corpus documents.jsonl --port 8080
    python -m commands.serve small --model embedder
    python -m commands.serve small --record
    python -m commands.serve small --live prod
    python -m commands.serve small --record --against prod
    python -m commands.serve small --record --shuffle 0.2
    python -m commands.serve small --int8

If FINDTUNE_API_KEY is set, every request must carry this key. FINDTUNE_ADMIN_KEY is the key for the
collected searches of all users, and for loading other models. A server that has no key and is
reachable only from this machine answers only requests for the names of this machine.

Reads   models/stack/SIZE/, or models/MODEL/SIZE/ for what the stack does not ship
        with --int8: models/export/
        with --live, --against: git tags, and the stack of their commit in DVC's cache or remote
        the corpus, by default data/examples/rewriter/SIZE/corpus.jsonl
Writes  .scratch/index-HASH/   the index of this corpus by this stack
        .scratch/live/COMMIT/  with --live, --against: the stack of that commit
        data/served/           with --record: searches, and what users picked
"""

import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

import click

from findtune.core.errors import InputError
from findtune.health.missing import how_to_get
from findtune.registry.checkout import check_out_live
from findtune.serving.hosts import allowed_hosts
from findtune.serving.keys import Keys
from findtune.serving.ports import refuse_taken
from findtune.traffic.log import SERVED
from stages.command import TorchStage

API_KEY, ADMIN_KEY = "FINDTUNE_API_KEY", "FINDTUNE_ADMIN_KEY"
EXPORTS = Path("models", "export")
MODELS = ("stack", "embedder", "reranker", "rewriter")


@click.command(cls=TorchStage)
@click.argument("size")
@click.option("--corpus", type=click.Path(path_type=Path), help="A JSONL file: url, title, text.")
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for all networks.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(min=1, max=65535))
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(MODELS),
    help="What to serve; repeat it for more. Default: the stack, and what it does not ship.",
)
@click.option("--record", is_flag=True, help="Record searches and picks, and serve the pages.")
@click.option("--live", "stage", help="Serve the stack that `make promote` made live in a stage.")
@click.option("--allowed-host", "names", multiple=True, help="A name that clients use for it.")
@click.option("--against", help="Interleave with the results of the stack live in this stage.")
@click.option(
    "--shuffle",
    "share",
    default=0.0,
    type=click.FloatRange(0, 1),
    help="The share of searches whose first documents are shown in a random order.",
)
@click.option("--int8", is_flag=True, help="Run on the int8 copies that `make export` made.")
def main(
    size: str,
    corpus: Path | None,
    host: str,
    port: int,
    models: tuple[str, ...],
    record: bool,
    stage: str | None,
    names: tuple[str, ...],
    against: str | None,
    share: float,
    int8: bool,
) -> None:
    """Serve the stack of SIZE, or single models of it."""
    if against and not record:
        raise InputError("AGAINST compares only recorded searches: add RECORD=1.")
    refuse_shuffle(share, against, record=record)
    corpus = corpus or default_corpus(size)
    lack = lack_of_search(size, corpus, models, stage)
    if lack and record:
        raise InputError(f"RECORD=1 keeps searches, and this server would have none: {lack}.")
    keys = read_keys()
    refuse_taken(host, port)
    exports = EXPORTS if int8 else None
    load = partial(load_models, size, corpus, models, stage, against, exports)
    hosts = allowed_hosts(host, names, has_key=bool(keys.client))
    app = load_app(load, keys, hosts, record=record, shuffled=share)
    if lack and (not models or "stack" in models):
        click.echo(f"no search: {lack}.", err=True)
    click.echo(f"http://{host}:{port}, {'with' if keys.client else 'without'} a key", err=True)
    import_module("findtune.serving.server").run_server(app, host, port)


def refuse_shuffle(share: float, against: str | None, *, record: bool) -> None:
    """Raise InputError where searches cannot be shuffled."""
    if math.isnan(share):  # passes the range check
        raise InputError("SHUFFLE is a share from 0 to 1, not nan.")
    if share and not record:
        raise InputError("SHUFFLE is of use only for recorded searches: add RECORD=1.")
    if share and against:
        raise InputError("AGAINST mixes the order of searches, as SHUFFLE does; leave one out.")


def lack_of_search(
    size: str, corpus: Path | None, models: Sequence[str], stage: str | None
) -> str | None:
    """Return why a server could not search, and how to mend it; None if it can.

    stage: where the stack is live; None for the one that was trained here.
    """
    if models and "stack" not in models:
        return f"MODELS leaves out the stack; `MODELS='stack {' '.join(models)}'` adds it"
    folder = Path("models", "stack", size)
    if not stage and not folder.exists():
        return f"there is no {folder}; {how_to_get(size)}"
    return None if corpus else "there is no corpus; `make serve CORPUS=FILE` names one"


def read_keys() -> Keys:
    """Return the keys in the environment; raise InputError if one is empty or both are equal."""
    keys = Keys(read_key(API_KEY), read_key(ADMIN_KEY))
    if keys.client and keys.client == keys.admin:
        raise InputError(
            f"{API_KEY} and {ADMIN_KEY} are the same, so every client could see what was collected "
            "of all others; set two different keys."
        )
    return keys


def read_key(name: str) -> str | None:
    """Return a key in the environment; raise InputError for an empty one.

    Blanks at its ends, such as a newline from a file, are removed: a header cannot carry them.
    """
    key = os.environ.get(name)
    if key is not None and not key.strip():
        raise InputError(f"{name} is empty, so it protects nothing; set a key, or unset it.")
    return key.strip() if key else None


def default_corpus(size: str) -> Path | None:
    """Return the corpus of the feedback, if there is one; without it, nothing is searched."""
    corpus = Path("data", "examples", "rewriter", size, "corpus.jsonl")
    return corpus if corpus.is_file() else None


def load_models(
    size: str,
    corpus: Path | None,
    models: tuple[str, ...],
    stage: str | None,
    against: str | None,
    exports: Path | None = None,
) -> object:
    """Return the models that are in the folders now, or live in a stage now.

    against: the stage whose stack is team A in every recorded search, in fp32. exports: int8 copies
    that all others run on.
    """
    folder = check_out_live(Path(), "stack", stage, size) if stage else Path("models")
    loading = import_module("findtune.serving.loading")
    served = loading.load_served(folder, size, corpus, models, exports)
    if against:
        rival = check_out_live(Path(), "stack", against, size)
        served = loading.with_rival(served, rival, size, corpus)
    return served


def load_app(
    load: Callable[[], object],
    keys: Keys,
    hosts: frozenset[str] | None,
    *,
    record: bool,
    shuffled: float = 0.0,
) -> object:
    """Return the application; raise InputError where its packages are not installed."""
    try:
        app = import_module("findtune.serving.app")
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed; `make setup` installs it, as does the extra serve."
        ) from None
    recorder = import_module("findtune.serving.recording").Recorder(SERVED) if record else None
    application: object = app.create_app(
        load(), keys=keys, hosts=hosts, recorder=recorder, shuffled=shuffled, load=load
    )
    return application


if __name__ == "__main__":
    main()
