"""The files of one size that contestants read, and its sections of params.yaml."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from findtune.core import params

T = TypeVar("T")


@dataclass(frozen=True)
class Project:
    """Where the models and examples of one size lie, below a root folder."""

    root: Path
    size: str

    @property
    def seed(self) -> int:
        """The seed of params.yaml."""
        return params.read("seed", int, self.root / "params.yaml")

    def section(self, room: str, into: type[T]) -> T:
        """Return the section of params.yaml of a room or of the stack."""
        return params.read(f"{room}.{self.size}", into, self.root / "params.yaml")

    def base(self, room: str) -> Path:
        """Return the folder of a room's base model."""
        return self.root / "models" / "base" / room / self.size

    def tuned(self, room: str) -> Path:
        """Return the folder of a tuned model, or of the stack."""
        return self.root / "models" / room / self.size

    def examples(self, room: str) -> Path:
        """Return the folder of a room's examples."""
        return self.root / "data" / "examples" / room / self.size
