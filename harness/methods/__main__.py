"""`python -m harness.methods`: what every method does and does not with what is installed."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig
from transformers.utils import logging

from harness import entry, peft_types
from harness.errors import ConfigError
from harness.methods import Trained, load_method
from harness.methods.survey import Answers, ask
from harness.methods.table import markdown, text
from harness.sources import with_sources

FORMATS = {"text": text, "markdown": markdown}
PAGE = """# Methods

What every method, and every type of peft {peft} as `method=peft/TYPE`, does with what is installed,
asked on small random models and not assumed: `python -m harness.methods` asks again. This page is
`python -m harness.methods format=markdown out=docs/methods.md`.

- **size** is the knob that `size=N` turns, under the method's own name for it, and its default.
- An architecture's **yes** means that the method adapts such a model, computes and gets gradients.
- **merges**: the update was put into the weights, and the outputs stayed the same.
- **4-bit base**: adapts a base that bitsandbytes quantised to NF4 and starts where it is.
- **trained in BERT-base**: the parameters that the method trains there at its default size, without
  a head.

{table}
"""


def command(cfgs: list[DictConfig]) -> int:
    """Ask the methods of each config, print or write the table, then one JSON line."""
    logging.disable_progress_bar()
    warnings.simplefilter("ignore")  # what goes wrong is in the answers
    for cfg in cfgs:
        if cfg.format not in FORMATS:
            raise ConfigError("format", cfg.format, f"one of {', '.join(FORMATS)}")
        answers = survey(list(cfg.names or every()))
        table = FORMATS[cfg.format](answers)
        if cfg.out is None:
            print(table)
        else:
            _write(Path(cfg.out), page(table) if cfg.format == "markdown" else table)
        print(json.dumps({"peft": version("peft"), "methods": [asdict(each) for each in answers]}))
    return 0


def every() -> list[str]:
    """The methods that ship, then the types of the installed peft."""
    shipped = sorted(path.stem for path in (entry.CONF / "method").glob("*.yaml"))
    return [*shipped, *(f"{peft_types.GROUP}/{name}" for name in peft_types.names())]


def survey(names: list[str]) -> list[Answers]:
    """What methods of these names answer at their defaults."""
    answers = []
    for name in names:
        trial = with_sources(entry.compose([f"method={name}"]))
        with TemporaryDirectory() as folder:
            sources = [
                Trained(source.task.name, source.method, Path(folder) / source.task.name)
                for source in trial.sources
            ]
            answers.append(ask(load_method(trial.method, sources)))
    return answers


def page(table: str) -> str:
    return PAGE.format(peft=version("peft"), table=table)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, "utf-8")
    except OSError as error:
        raise ConfigError("out", path, f"cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(entry.run(command, "methods"))
