"""Config files of this project, as plain values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).parents[1] / "conf"


def shipped(group: str, name: str) -> dict[str, Any]:
    """The content of conf/GROUP/NAME.yaml that a trial is made of, with nothing resolved."""
    content: dict[str, Any] = yaml.safe_load((CONF / group / f"{name}.yaml").read_text("utf-8"))
    if group == "model":
        content.pop("family", None)  # it has its say in the learning rate alone
    return content
