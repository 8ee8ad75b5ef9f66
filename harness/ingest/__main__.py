"""`python -m harness.ingest`: other people's published results as records in our store."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from omegaconf import DictConfig

from harness import entry
from harness.errors import ConfigError
from harness.ingest.folder import Ingested, ingest
from harness.store import RECORD


def command(cfgs: list[DictConfig]) -> int:
    """Write the records of each config's folder and say what came of it; 1 if any was refused."""
    refused = False
    for cfg in cfgs:
        if cfg.folder is None:
            raise ConfigError("folder", None, "must be a folder of published results")
        results = Path(cfg.results)
        found = ingest(Path(cfg.folder), results)
        for one in found.refused:
            print(f"refused: {one.file}: {one.field}: {one.reason}", file=sys.stderr)
        print("\n".join(_told(found)))
        print(json.dumps(_plain(found, results)))
        refused = refused or bool(found.refused)
    return int(refused)


def _told(found: Ingested) -> list[str]:
    ended = Counter(record["status"] for record in found.records)
    count = ", ".join(f"{n} {status}" for status, n in ended.most_common()) or "none"
    lines = [
        f"records: {count}; superseded: {len(found.superseded)}; refused: {len(found.refused)}"
    ]
    for one in found.superseded:
        lines.append(f"superseded: {one.run} of {one.created_at}, by that of {one.by}")
    return lines


def _plain(found: Ingested, results: Path) -> dict[str, object]:
    """For programs."""
    return {
        "records": [
            {
                "trial": record["trial"],
                "status": record["status"],
                "record": str(results / record["trial"] / RECORD),
            }
            for record in found.records
        ],
        "superseded": [asdict(one) for one in found.superseded],
        "refused": [asdict(one) for one in found.refused],
    }


if __name__ == "__main__":
    sys.exit(entry.run(command, "ingest"))
