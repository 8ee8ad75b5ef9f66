"""docs/methods.md is what the command writes with the versions that are pinned."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.util import find_spec

import pytest

from harness import peft_types
from harness.config import trial_config
from harness.entry import CONF, compose
from harness.methods import __main__ as command
from harness.methods.table import HEADINGS, markdown

PAGE = (CONF.parent / "docs" / "methods.md").read_text("utf-8")
WRITTEN_WITH = re.search(r"peft (\S+) as", PAGE)[1]  # type: ignore[index]

pytestmark = pytest.mark.skipif(
    version("peft") != WRITTEN_WITH,
    reason=f"docs/methods.md was written with peft {WRITTEN_WITH}, not {version('peft')}",
)


def rows(page: str) -> dict[str, dict[str, str]]:
    """The cells of every method by their headings, with reasons in the place of their numbers."""
    reasons = dict(re.findall(r"^(\d+)\. (.*)$", page, re.MULTILINE))
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| ")
    ]
    return {
        name: {
            heading: re.sub(r"\[(\d+)\]", lambda found: reasons[found[1]], cell)
            for heading, cell in zip(HEADINGS[1:], cells, strict=True)
        }
        for name, *cells in table[2:]
    }


def test_every_method_and_type_has_its_row():
    assert list(rows(PAGE)) == command.every()


def test_sizes_are_those_of_the_configs():
    for name, cells in rows(PAGE).items():
        method = trial_config(compose([f"method={name}"])).method
        size = "" if method.size is None else str(method.size)
        assert (cells["size"], cells["default"]) == (method.size_field or "", size), name


def test_every_type_is_swept_or_says_why_not():
    swept = set((CONF / "sweep" / "catalogue.yaml").read_text().split("method: ")[1].split(","))
    swept = {name.strip() for name in swept}
    for name in peft_types.names():
        on_bert = rows(PAGE)[f"peft/{name}"]["BERT"]
        assert (on_bert == "yes") == (f"peft/{name}" in swept)
        assert on_bert == "yes" or len(on_bert) > len("no ")


@pytest.mark.slow  # all of them
@pytest.mark.parametrize("name", command.every())
def test_row_is_what_the_command_writes(name):
    found = rows(command.page(markdown(command.survey([name]))))[name]
    written = rows(PAGE)[name]
    if find_spec("bitsandbytes") is None:
        del found["4-bit base"], written["4-bit base"]
    assert found == written
