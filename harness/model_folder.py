"""The folder of a model: weights and settings, and no code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.assets import fetch
from harness.config import ModelConfig
from harness.errors import ConfigError

SETTINGS = ("config.json", "tokenizer_config.json")
# For every call of transformers that reads such a folder: asked for neither, it would ask a hub,
# and the person at the terminal whether to run code.
SAFELY: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}


def model_folder(model: ModelConfig) -> Path:
    """Where the model's files lie.

    Raises ConfigError for a folder that is no model of transformers, that names code which is not
    the library's own, or that holds an adapter, which would come on top of the model.
    """
    folder = fetch(model.source, "model.source")
    if not (folder / "config.json").is_file():
        raise ConfigError("model.source", folder, "holds no config.json of a transformers model")
    if (folder / "adapter_config.json").exists():
        expected = "holds an adapter (adapter_config.json) beside the model, which would be loaded"
        raise ConfigError("model.source", folder, f"{expected}, too; take it out of the folder")
    for name in SETTINGS:
        if (folder / name).exists():
            _check_settings(folder / name)
    return folder


def check_weights(folder: Path) -> None:
    """Raise ConfigError for a folder whose weights are not safetensors."""
    if not list(folder.glob("*.safetensors")):
        raise ConfigError("model.source", folder, "holds no *.safetensors; pickles are not loaded")


def _check_settings(file: Path) -> None:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError("model.source", file, f"is no JSON file: {error}") from error
    if not isinstance(settings, dict):
        raise ConfigError("model.source", file, "must hold one JSON object")
    for name, value in _named(settings):
        if _is_code(name, value):
            expected = f"names code that would be run ({name}: {value}), which is refused"
            raise ConfigError(
                "model.source", file, f"{expected}; only transformers' own classes are"
            )


def _named(settings: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """The settings, and those of the models inside of the model."""
    for name, value in settings.items():
        yield name, value
        if isinstance(value, dict):
            yield from _named(value)


def _is_code(name: str, value: object) -> bool:
    """Modules beside the weights or in a repository, and kernels, which are repositories too."""
    if name == "auto_map":
        return bool(value)
    kernels = value.values() if isinstance(value, dict) else [value]
    return name.endswith("_implementation") and any("/" in str(kernel) for kernel in kernels)
