"""Types of peft as configs: all of them, sized as their own config classes have it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import MISSING, fields
from pathlib import Path

import pytest
import yaml
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING
from peft.tuners import __path__ as tuners

from harness import peft_types
from harness.entry import CONF

NAMES = peft_types.names()
CONFIGS = {kind.value.lower(): config for kind, config in PEFT_TYPE_TO_CONFIG_MAPPING.items()}


def test_every_type_of_the_installed_peft_is_there():
    # peft keeps each type in a folder of its name; what others register with it has none there.
    folders = {path.parent.name for path in Path(next(iter(tuners))).glob("*/config.py")}
    assert set(NAMES) == folders
    assert set(NAMES) <= set(CONFIGS)


@pytest.mark.parametrize("name", NAMES)
def test_size_read_from_the_source_is_the_default_of_the_class(name):
    defaults = {
        field.name: field.default for field in fields(CONFIGS[name]) if field.default is not MISSING
    }
    found = peft_types.size(name)
    if found.field is None:
        assert not any(defaults.get(field) for field in peft_types.SIZE_FIELDS)
    else:
        default = defaults[found.field]
        assert found.default == (peft_types.TOKENS if default is None else default)


@pytest.mark.parametrize(
    ("name", "field", "default"),
    [
        ("vera", "r", 256),
        ("adalora", "target_r", 8),  # its r is ignored
        ("oft", "oft_block_size", 32),  # its r is 0
        ("prefix_tuning", "num_virtual_tokens", 16),  # inherited, and None in peft
        ("fourierft", "n_frequency", 1000),
        ("ln_tuning", None, None),
        ("supertuning", None, None),  # its r is None: no low-rank part
    ],
)
def test_size_knob(name, field, default):
    assert peft_types.size(name) == peft_types.Size(field, default)


@pytest.mark.parametrize("name", NAMES)
def test_every_type_composes_under_its_own_name(trial_of, name):
    config = trial_of(f"method=peft/{name}")
    assert config.method.name == f"peft/{name}"
    assert config.method.size_field == peft_types.size(name).field
    assert config.train.learning_rate > 0


def test_size_sets_the_field_of_the_type(trial_of):
    config = trial_of("method=peft/vera", "size=5").method
    assert (config.size, config.options["r"]) == (5, 5)
    assert config == trial_of("method=peft/vera", "method.r=5").method


def test_file_of_settings_names_only_types_and_their_options():
    settings = yaml.safe_load(Path(peft_types.__file__).with_suffix(".yaml").read_text("utf-8"))
    own = {"family", "implementation", "learning_rate", "default_size", "size_field"}
    for name, known in settings["types"].items():
        options = {field.name for field in fields(CONFIGS[name])}
        assert set(known) <= own | options, name


def test_composing_a_type_imports_neither_torch_nor_peft():
    code = (
        "import sys; from harness.config import trial_config; from harness.entry import compose;"
        "print(trial_config(compose(['method=peft/vera'])).method.size,"
        " {'torch', 'peft', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CONF.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[0] == "256 set()"
