"""The size of files that are not written yet, against files that are."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import torch
from safetensors.torch import save

from harness import peft_types
from harness.entry import compose
from harness.methods import Trained, load_method
from harness.methods.file_size import DTYPES, file_size
from harness.sources import with_sources
from tests.backbones import build
from tests.methods.test_catalogue import FITTED, NEEDS_WEIGHTS
from tests.methods.test_catalogue import UNDEFINED as UNDEFINED_TYPES
from tests.methods.test_methods import UNDEFINED
from tests.test_config import METHODS

PAIRS = [
    *((name, backbone) for name in METHODS for backbone in ("bert", "llama")),
    *((f"peft/{name}", backbone) for name in peft_types.names() for backbone in ("bert", "llama")),
]
DEFINED = [
    (name, backbone)
    for name, backbone in PAIRS
    if (name, backbone) not in UNDEFINED
    and (name.removeprefix("peft/"), backbone) not in UNDEFINED_TYPES
]


@pytest.mark.parametrize("seed", range(50))
def test_size_is_the_length_of_what_safetensors_writes(seed):
    random = Random(seed)
    tensors = {
        "".join(random.choices('ab.\\"é\n1', k=random.randint(1, 30))): torch.zeros(
            [random.randint(0, 5) for _ in range(random.randint(0, 3))],
            dtype=random.choice(list(DTYPES)),
        )
        for _ in range(random.randint(0, 12))
    }
    for metadata in (None, {}, {"format": "pt"}, {"quoted": 'a "b" é'}):
        assert file_size(tensors, metadata) == len(save(tensors, metadata))


@pytest.fixture
def made(tmp_path: Path):
    """A method, with adapters of a backbone to build on where it needs them."""

    def make(name: str, backbone: str):
        own = [FITTED[kind]] if (kind := name.removeprefix("peft/")) in FITTED else []
        trial = with_sources(compose([f"method={name}", "size=4", *own]))
        sources = [Trained(s.task.name, s.method, tmp_path / s.task.name) for s in trial.sources]
        for source in sources:
            method = load_method(source.method)
            method.save(method.adapt(build(backbone)), source.folder)
        return load_method(trial.method, sources)

    return make


@pytest.mark.parametrize(("name", "backbone"), DEFINED)
def test_size_of_an_adapter_file_is_known_before_it_is_written(made, tmp_path, name, backbone):
    method = made(name, backbone)
    adapted = method.adapt(build(backbone))
    method.save(adapted, tmp_path / "saved")
    written = [path.stat().st_size for path in (tmp_path / "saved").rglob("*.safetensors")]
    assert len(written) == (name != "head")
    assert method.file_bytes(adapted) == sum(written)
    if name.removeprefix("peft/") not in NEEDS_WEIGHTS:
        with torch.device("meta"):
            without_weights = build(backbone)
        assert method.file_bytes(method.adapt(without_weights)) == sum(written)


def test_ranks_that_adalora_took_away_are_not_stored(method_of):
    method = method_of("peft/adalora", "size=4")
    adapted = method.adapt(build("bert"))
    whole = method.file_bytes(adapted)
    sides = [name for name in method.stored(adapted) if name.endswith("lora_E")]
    kept = [True, False, True, False, False, False]  # of the initial 6
    config = adapted.active_peft_config
    config.rank_pattern = {name.removeprefix("base_model.model."): kept for name in sides}
    stored = method.stored(adapted)
    assert {stored[name].shape[0] for name in sides} == {2}
    assert method.file_bytes(adapted) < whole / 2
