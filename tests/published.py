"""Published runs of peft's comparison as JSON files in its shape, from a table of their facts.

Of the looks at the validation split the last alone is kept, with the speed of the 250 steps before
it for the whole run, so that speeds and times are close to the published ones, and no more.
"""

from __future__ import annotations

import csv
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

EXAMPLES = 1319
STEPS, TOKENS = 5000, 4_198_051
TABLE = Path(__file__).parent / "ingest" / "published_metamathqa.csv"
_LINES = [line for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
ROWS = {row["experiment"]: row for row in csv.DictReader(_LINES)}
LORA = "lora/llama-3.2-3B-rank32"


def result(experiment: str = LORA, former_names: bool = False, **changes: Any) -> dict[str, Any]:
    """A result file's content. `changes` are dotted keys with double underscores."""
    row = ROWS[experiment]
    train = json.loads(row["train"])
    optimizer = train.pop("optimizer_type", "AdamW")
    names = ("lr", "weight_decay", "r", "lora_alpha", "reg")
    kwargs = {"lr": 1e-4, "weight_decay": 0.1} | {n: train.pop(n) for n in names if n in train}
    device, memory = ("gpu", "cuda") if former_names else ("accelerator", "accelerator")
    steps = train.get("max_steps", STEPS)
    tokens = int(row["tokens"])
    chunk = float(row["last_250_steps_s"])
    made = {
        "run_info": {
            "created_at": row["created_at"],
            "total_time": float(row["train_time_s"]) + 150.0,
            "experiment_name": experiment,
            "peft_branch": "main",
            "train_config": {
                "model_id": "meta-llama/Llama-3.2-3B",
                "dtype": "bfloat16",
                "max_seq_length": 768,
                "batch_size": 4,
                "batch_size_eval": 50,
                "max_steps": STEPS,
                "eval_steps": 250,
                "compile": False,
                "query_template": "Question: {query} Think step by step.\nAnswer:",
                "seed": 0,
                "grad_norm_clip": 1.0,
                "optimizer_type": optimizer,
                "optimizer_kwargs": {k: v for k, v in kwargs.items() if v is not None},
                "lr_scheduler": "cosine",
                "use_amp": False,
                "autocast_adapter_dtype": True,
                "generation_kwargs": {"max_length": 800, "max_new_tokens": 300},
                "attn_implementation": None,
            }
            | train,
            "peft_config": _peft_config(row),
            "error_msg": "",
        },
        "train_info": {
            f"{memory}_memory_reserved_avg": int(row["reserved_mean"]),
            f"{memory}_memory_max": int(row["reserved_max"]),
            f"{memory}_memory_reserved_99th": int(row["reserved_99th"]),
            "train_time": float(row["train_time_s"]),
            "file_size": int(row["file_bytes"]),
            "num_trainable_params": int(row["trainable"]),
            "num_total_params": int(row["total"]),
            "status": row["status"],
            "metrics": [
                {
                    "step": steps,
                    "valid accuracy": float(row["validation"]),
                    "train loss": float(row["loss"]),
                    "train samples": steps * 4,
                    "train time": chunk * steps / 250,
                    "eval time": 11.0,
                    "tokens / sec": float(row["tokens_per_s"]),
                    "mem allocated avg": 6.9e9,
                    "mem reserved avg": float(row["reserved_mean"]),
                    "elapsed time": float(row["train_time_s"]),
                },
                {
                    "step": steps,
                    "test accuracy": int(row["right"]) / EXAMPLES,
                    "train loss": float(row["loss"]),
                    "train samples": steps * 4,
                    "train total tokens": tokens,
                }
                | ({"forgetting": float(row["forgetting"])} if row["forgetting"] else {}),
            ],
        },
        "meta_info": {
            "model_info": {"sha": "13afe5124825b4f3751f836b40dafda64c1ed062", "created_at": ""},
            "dataset_info": {
                "metamath": {"sha": "aa4f34d3d2d3231299b5b03d9b3e5a20da45aa18", "created_at": ""},
                "gsm8k": {"sha": None, "created_at": None},
            },
            "package_info": {
                f"{name}-{what}": row[name] if what == "version" and name in row else None
                for name in ("transformers", "peft", "datasets", "bitsandbytes", "torch")
                for what in ("version", "commit-hash")
            },
            "system_info": {
                "system": "Linux",
                "release": row["kernel"],
                "version": "#31-Ubuntu SMP",
                "machine": "x86_64",
                "processor": "x86_64",
                device: row["gpu"],
            },
            "pytorch_info": "PyTorch built with: …",
        },
    }
    made = deepcopy(made)
    for key, value in changes.items():
        *groups, last = key.split("__")
        place: Any = made
        for group in groups:
            place = place[int(group) if isinstance(place, list) else group]
        place[last] = value
    return made


def write(folder: Path, contents: dict[str, dict[str, Any]]) -> Path:
    """Files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2), "utf-8")
    return folder


def everything(folder: Path) -> Path:
    """A file for every run of the table, under the names that upstream gives them."""
    contents = {
        f"{name.replace('/', '--')}.json": result(name, former_names=place % 2 == 0)
        for place, name in enumerate(ROWS)
    }
    return write(folder, contents)


def _peft_config(row: dict[str, str]) -> dict[str, Any] | None:
    if not row["peft_type"]:
        return None
    written = {
        "task_type": "CAUSAL_LM",
        "peft_type": row["peft_type"],
        "auto_mapping": None,
        "base_model_name_or_path": "meta-llama/Llama-3.2-3B",
        "revision": None,
        "inference_mode": False,
        "modules_to_save": None,
    }
    return written | json.loads(row["options"])
