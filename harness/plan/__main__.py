"""`python -m harness.plan`: what a method needs on a model, without weights and without a GPU."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from omegaconf import DictConfig

from harness import entry
from harness.errors import ConfigError
from harness.plan import answer, table
from harness.plan.request import Request, request_of


def command(cfgs: list[DictConfig]) -> int:
    """Print what is predicted, then one JSON line; of several plans, write a page too."""
    requests = [request_of(cfg) for cfg in cfgs]
    if len(requests) > 1:
        return several(requests, Path(cfgs[0].out))
    return one(requests[0])


def one(request: Request) -> int:
    """Print what is predicted of one request."""
    if not _of_fewer_bits(request):
        # peft imports it where it is installed, which takes longer than the plan.
        sys.modules.setdefault("bitsandbytes", None)  # type: ignore[arg-type]
    found = answer.of(request)
    print("\n".join(answer.lines(found)))
    cards = table.fit_table([request], [found])
    trains, answers = (
        table.card(cards, found[peak]) for peak in ("train_peak_bytes", "inference_peak_bytes")
    )
    print(f"needs a card of {trains} to train, of {answers} to answer")
    print(json.dumps(found))
    return 0


def _of_fewer_bits(request: Request) -> bool:
    """Whether bitsandbytes has to do with it: a quantised base, or an optimizer's state."""
    quantised = any(name.startswith("bnb_") for name in request.method.options)
    return quantised or request.train.optimizer == "adamw_8bit"


def several(requests: Sequence[Request], out: Path) -> int:
    """Print a line per plan and write the page of all; 0 where every one could be planned."""
    # Sizes that are swept over a method without a size are one plan.
    distinct = list({repr(request): request for request in requests}.values())
    table.check(distinct)
    print(f"{len(distinct)} plans; loading libraries", flush=True)
    added = table.arithmetic_requests(distinct[0].device)
    with TemporaryDirectory() as folder:
        answers = table.answers([*distinct, *added], Path(folder) / "log.txt")
    found, added_up = answers[: len(distinct)], answers[len(distinct) :]
    rows = table.fit_table(distinct, found, added_up)
    print("\n".join(table.lines(rows)))
    _write(out, rows)
    print(f"page: {out.absolute().as_uri()}")
    print(json.dumps({"plans": found, "page": str(out)}))
    return 0 if all("error" not in each for each in found) else 1


def _write(out: Path, rows: table.FitTable) -> None:
    from harness.report.fits import page  # draws figures, which one plan alone need not wait for

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(page(rows), "utf-8")
    except OSError as error:
        raise ConfigError("out", out, f"cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(entry.run(command, "plan"))
