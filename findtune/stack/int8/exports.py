"""The folder of a model's int8 copies, and the lookup of a network's copy.

FOLDER/
    PART.onnx      one network: of an embedder, tuned or base; of a reranker, retriever,
                   base_retriever or, if it has a weight, cross_encoder
    export.json    part -> hash of the original network
    SHA256SUMS     the manifest

A copy holds no tokenizer and no pooling; these come from the model's own folder. Copies are found
by the hash of the original, so a model that was trained again never runs on an older copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from findtune.core.errors import InputError
from findtune.core.files import read_json
from findtune.core.manifest import refuse_damaged
from findtune.stack.model_files import content_hash, hash_files

NETWORK_FILES = ("config.json", "model.safetensors")  # what determines a network


@dataclass(frozen=True)
class Exports:
    """The int8 copies below a folder; paths: hash of a network -> its copy."""

    root: Path
    paths: Mapping[str, Path]

    def copy_of(self, folder: Path) -> Path:
        """Return the copy of the network in a folder.

        Raises InputError if there is none, or if it was damaged.
        """
        path = self.paths.get(network_hash(folder))
        if path is None:
            raise InputError(
                f"{self.root} has no int8 copy of {folder}; `make export` makes those of the "
                "embedders and the tuned reranker of models/, and again after a training."
            )
        refuse_damaged(path.parent)
        return path


def network_hash(folder: Path) -> str:
    """Return the hash of the network in a model's folder."""
    return content_hash(hash_files(folder, (folder / name for name in NETWORK_FILES)))


def read_exports(root: Path | str) -> Exports:
    """Return the int8 copies ROOM/SIZE/PART.onnx below a folder."""
    paths = {
        digest: listing.parent / f"{part}.onnx"
        for listing in sorted(Path(root).glob("*/*/export.json"))
        for part, digest in read_listing(listing).items()
    }
    return Exports(Path(root), paths)


def read_listing(path: Path) -> dict[str, str]:
    """Return part -> hash from an export.json; raise InputError if it is broken."""
    try:
        listing = read_json(path)
    except ValueError:
        listing = None
    if not isinstance(listing, dict) or not all(isinstance(each, str) for each in listing.values()):
        raise InputError(
            f"{path} is broken; delete {path.parent}, and `make export` makes it again."
        )
    return listing
