"""The types of the installed peft as configs, `method=peft/TYPE`, found without importing it.

peft imports torch, and nothing that only reads configs waits for that: types come from the one file
that lists them, sizes from the source of their config classes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

GROUP = "peft"
# The knob is the first of these that a type has with a size as its default. AdaLoRA has an `r` that
# it ignores, OFT one that is 0 for "by block size".
SIZE_FIELDS = (
    "target_r",
    "r",
    "num_virtual_tokens",
    "adapter_len",
    "n_frequency",
    "oft_block_size",
    "boft_block_size",
    "block_size",
    "group_size",
)
# Of prompts, which have no default in peft: that of the shipped prompt methods.
TOKENS = 16
NEEDED = ("num_virtual_tokens", "adapter_len")


@dataclass(frozen=True)
class Size:
    """The size knob of a type, under peft's name for it, and its default; None without a knob."""

    field: str | None
    default: int | None


@cache
def names() -> tuple[str, ...]:
    """The types of the installed peft in small letters, by name."""
    spec = spec_from_file_location("_peft_types", _root() / "utils" / "peft_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return tuple(sorted(kind.value.lower() for kind in module.PeftType))


def node(name: str) -> dict[str, Any]:
    """The method config of a type; its size is read from peft's source when it is resolved."""
    known = _known()
    return {
        "name": f"{GROUP}/{name}",
        "peft_type": name,
        "size_field": f"${{peft_size:{name},field}}",
        "default_size": f"${{peft_size:{name},default}}",
        **known["common"],
        **known["types"].get(name, {}),
    }


def size(name: str) -> Size:
    """The size knob of a type, from the fields of its config class."""
    found = defaults(name)
    for field in SIZE_FIELDS:
        default = found.get(field, 0)
        if default is None and field in NEEDED:
            return Size(field, TOKENS)
        if isinstance(default, int) and default > 0:
            return Size(field, default)
    return Size(None, None)


@cache
def _known() -> dict[str, Any]:
    loaded = OmegaConf.to_container(OmegaConf.load(Path(__file__).with_suffix(".yaml")))
    assert isinstance(loaded, dict)
    return {str(key): value for key, value in loaded.items()}


def _root() -> Path:
    spec = find_spec("peft")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def _classes() -> dict[str, ast.ClassDef]:
    """Every class in peft's config files, by name."""
    files = [_root() / "config.py", *_root().glob("tuners/*/config.py")]
    return {
        statement.name: statement
        for file in files
        for statement in ast.parse(file.read_text("utf-8")).body
        if isinstance(statement, ast.ClassDef)
    }


def defaults(name: str) -> dict[str, Any]:
    """The constants that are the defaults of a type's fields, inherited ones with them."""
    own = next((c for c in _classes().values() if _type_of(c) == name), None)
    return _defaults_of(own) if own else {}


def _type_of(config: ast.ClassDef) -> str | None:
    """The type that a config class gives itself: `self.peft_type = PeftType.NAME`."""
    for found in ast.walk(config):
        if (
            isinstance(found, ast.Assign)
            and ast.unparse(found.targets[0]) == "self.peft_type"
            and isinstance(found.value, ast.Attribute)
        ):
            return found.value.attr.lower()
    return None


def _defaults_of(config: ast.ClassDef) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in config.bases:
        if isinstance(base, ast.Name) and base.id in _classes():
            found |= _defaults_of(_classes()[base.id])
    for statement in config.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            value = statement.value
            if isinstance(value, ast.Call):
                value = next((k.value for k in value.keywords if k.arg == "default"), None)
            if isinstance(value, ast.Constant):
                found[statement.target.id] = value.value
    return found
