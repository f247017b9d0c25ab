"""The models that one server offers, and the choice of the one that a request names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from findtune.serving.refusals import RefusedError, not_served

if TYPE_CHECKING:  # torch takes seconds to load, and the routes need none of it
    from findtune.serving.parts import ServedEmbedder, ServedReranker, ServedRewriter, ServedSearch

REMEDIES = {
    "embedder": "`make train MODELS=embedder` makes models/embedder/SIZE, which is served, too",
    "reranker": "`make train MODELS=reranker` makes models/reranker/SIZE, which is served, too",
    "rewriter": "`make train MODELS=rewriter` makes models/rewriter/SIZE, which is served, too",
}
NO_SEARCH = (
    "this server cannot search: it has no stack or no corpus; start it where models/stack/SIZE "
    "exists, and name the documents: make serve CORPUS=FILE."
)


@dataclass(frozen=True)
class ServedModels:
    """Models by room and name; the first of a room answers a request that names no model.

    A name is ROOM/SIZE, or stack/SIZE for a part of the stack. rival: the search whose documents
    are interleaved with those of each recorded search, to see which ones users pick.
    """

    embedders: "Mapping[str, ServedEmbedder]" = field(default_factory=dict)
    rerankers: "Mapping[str, ServedReranker]" = field(default_factory=dict)
    rewriters: "Mapping[str, ServedRewriter]" = field(default_factory=dict)
    searches: "Mapping[str, ServedSearch]" = field(default_factory=dict)
    rival: "ServedSearch | None" = None

    def embedder(self, name: str | None) -> "tuple[str, ServedEmbedder]":
        """Return the embedder of a request, with its name; raises RefusedError 404."""
        return chosen("embedder", self.embedders, name)

    def reranker(self, name: str | None) -> "tuple[str, ServedReranker]":
        """Return the reranker of a request, with its name; raises RefusedError 404."""
        return chosen("reranker", self.rerankers, name)

    def rewriter(self, name: str | None) -> "tuple[str, ServedRewriter]":
        """Return the rewriter of a request, with its name; raises RefusedError 404."""
        return chosen("rewriter", self.rewriters, name)

    def search(self, name: str | None) -> "tuple[str, ServedSearch]":
        """Return the search of a request, with its name; raises RefusedError 404."""
        if not self.searches:
            raise not_served(NO_SEARCH)
        return chosen("search", self.searches, name)

    def by_room(self) -> dict[str, Mapping[str, Any]]:
        """Return everything that is served: room -> name -> part."""
        return {
            "embedder": self.embedders,
            "reranker": self.rerankers,
            "rewriter": self.rewriters,
            "search": self.searches,
        }

    def rooms_of_names(self) -> dict[str, list[str]]:
        """Return the rooms in which each name is served: name -> rooms."""
        rooms: dict[str, list[str]] = {}
        for room, parts in self.by_room().items():
            for name in parts:
                rooms.setdefault(name, []).append(room)
        return rooms


def chosen(room: str, parts: Mapping[str, Any], name: str | None) -> tuple[str, Any]:
    """Return the name and the part that a request asks for; without a name, the first part."""
    if not parts:
        raise not_served(f"this server has no {room}: {REMEDIES[room]}.")
    if not name:
        return next(iter(parts.items()))
    if name not in parts:
        message = f"no {room} has that name; this server has {', '.join(parts)}."
        raise RefusedError(404, "model_not_found", message)
    return name, parts[name]
