"""A published run as a record of ours: what is known of it, and null for all that is not."""

from __future__ import annotations

from typing import Any

from harness.config import SCHEMA
from harness.ingest.methods import Method, method_of
from harness.ingest.published import BENCHMARK, EXAMPLES, Recipe, Run, TrainInfo
from harness.measure.statistics import wilson

PROJECT = "peft method_comparison"
URL = "https://github.com/huggingface/peft/tree/main/method_comparison"
TASK = "metamathqa"
# By the id on the hub, the models that conf/model has under a name of its own.
MODELS = {
    "meta-llama/Llama-2-7b-hf": "llama2_7b",
    "meta-llama/Llama-3.1-8B": "llama3_1_8b",
    "meta-llama/Llama-3.1-70B": "llama3_1_70b",
    "meta-llama/Llama-3.2-3B": "llama3_2_3b",
    "Qwen/Qwen2.5-7B": "qwen2_5_7b",
}
SOURCE = "torch's allocator, reserved over the whole run"
UNMEASURED = "not measured by the published run"
# What that comparison writes when saving fails: `get_file_size` of its utils.py.
NO_FILE = 99999999
OUT_OF_MEMORY = "out of memory"
TOLD = 300  # letters of an error


def record_of(run: Run) -> dict[str, Any]:
    """The record of a run, of the schema that trials leave."""
    info, method = run.run_info, method_of(run.run_info)
    recipe = info.train_config
    status, reason = _ended(run)
    return {
        "schema": SCHEMA,
        "trial": run.id,
        "status": status,
        "reason": reason,
        "phase": "done" if run.finished else "train",
        "model": MODELS.get(recipe.model_id, recipe.model_id),
        "task": TASK,
        "method": method.name,
        "family": method.family,
        "size": method.size,
        "size_field": method.size_field,
        "seed": recipe.seed,
        "stage": "final",
        "origin": _origin(run),
        "config": _config(recipe, method, run.further),
        "parameters": _parameters(run.train_info),
        "quality": _quality(run.train_info) if run.finished else None,
        "memory": _memory(run.train_info),
        "latency": None,
        "latency_reason": UNMEASURED,
        "training": _training(run) if run.finished else None,
        "merge": {
            "mergeable": None,
            "reason": UNMEASURED,
            "max_abs_logit_difference": None,
            "seconds": None,
        },
        "capacity": None,
        "capacity_reason": UNMEASURED,
        "forgetting": None,
        "forgetting_reason": "what was published is the loss of each token at its own place, "
        "not of the next one",
        "serving": None,
        "serving_reason": UNMEASURED,
        "energy": None,
        "energy_reason": UNMEASURED,
        "environment": _environment(run),
    }


def _ended(run: Run) -> tuple[str, str | None]:
    """Status and reason in a line."""
    if run.finished:
        return "ok", None
    said = "".join(c for c in " ".join(run.run_info.error_msg.split()) if c.isprintable())[:TOLD]
    status = "out_of_memory" if OUT_OF_MEMORY in said else "failed"
    return status, f"{run.train_info.status}: {said or 'no reason given'}"


def _origin(run: Run) -> dict[str, Any]:
    """Where the record comes from, with what has no place elsewhere in it."""
    meta = run.meta_info
    return {
        "project": PROJECT,
        "benchmark": BENCHMARK,
        "run": run.run_info.experiment_name,
        "created_at": run.run_info.created_at,
        "branch": run.run_info.peft_branch,
        "file": run.file,
        "url": URL,
        "licence": "Apache-2.0",
        "model_revision": meta.model_info.sha,
        "data_revisions": {name: data.sha for name, data in sorted(meta.dataset_info.items())},
        "forgetting": run.train_info.result.forgetting if run.finished else None,
    }


def _config(recipe: Recipe, method: Method, further: dict[str, Any]) -> dict[str, Any]:
    """The recipe under the names that our own have; what they do not have keeps its own."""
    more = {name: value for name, value in recipe.optimizer_kwargs.items()
            if name not in ("lr", "weight_decay", "r", "lora_alpha")}  # fmt: skip
    return {
        "model": {
            "name": MODELS.get(recipe.model_id, recipe.model_id),
            "source": {"kind": "hub", "repo": recipe.model_id},
        },
        "task": {
            "name": TASK,
            "source": {"kind": "hub", "repo": "meta-math/MetaMathQA"},
            "test": {"kind": "hub", "repo": "openai/gsm8k", "split": "test"},
            "query_template": recipe.query_template,
            "generation": recipe.generation_kwargs,
            "metric": "accuracy",
        },
        "method": {
            "name": method.name,
            "family": method.family,
            "size_field": method.size_field,
            "options": method.options,
        },
        "train": {
            "steps": recipe.max_steps,
            "batch_size": recipe.batch_size,
            "max_length": recipe.max_seq_length,
            "learning_rate": recipe.optimizer_kwargs["lr"],
            "lr_scheduler": recipe.lr_scheduler,
            "weight_decay": recipe.optimizer_kwargs.get("weight_decay"),
            "clip_norm": recipe.grad_norm_clip or None,
            "eval_batch_size": recipe.batch_size_eval,
            "optimizer": recipe.optimizer_type.lower(),
            "optimizer_options": more,
            "dtype": recipe.dtype,
            "gradient_checkpointing": recipe.use_gc,
            "adapters_in_float32": recipe.autocast_adapter_dtype,
            "autocast": recipe.use_amp,
            "compile": recipe.compile,
            "init_kv_cache_prefix": recipe.init_kv_cache_prefix,
            **further,
        },
        "seed": recipe.seed,
    }


def _parameters(info: TrainInfo) -> dict[str, Any]:
    trained, total = info.num_trainable_params, info.num_total_params
    return {
        "trainable": trained,
        "adapter": None,  # some store less than they train, some more
        "head": 0,
        "total": total,
        "share": trained / total if trained is not None and total else None,
        "file_bytes": None if info.file_size == NO_FILE else info.file_size,
    }


def _quality(info: TrainInfo) -> dict[str, Any]:
    accuracy = info.result.test_accuracy
    low, high = wilson(round(accuracy * EXAMPLES), EXAMPLES)
    looks = info.evaluations
    return {
        "metric": "accuracy",
        "higher_is_better": True,
        "value": accuracy,
        "ci_low": low,
        "ci_high": high,
        "n": EXAMPLES,
        "majority": None,
        "validation": looks[-1].valid_accuracy if looks else None,
        "after_merge": None,
    }


def _memory(info: TrainInfo) -> dict[str, Any]:
    return {
        "train": {
            "allocated_peak": None,
            "reserved_peak": info.accelerator_memory_max,
            "reserved_99th": info.accelerator_memory_reserved_99th,
            "reserved_mean": info.accelerator_memory_reserved_avg,
            "process_peak": None,
            "predicted": None,
            "source": SOURCE,
        },
        "inference": None,
        "inference_reason": UNMEASURED,
        "load": None,
        "unpredicted": "nothing was planned for a published run",
    }


def _training(run: Run) -> dict[str, Any]:
    """Speed is that of the steps alone: the run's own time of training holds the test as well."""
    result, looks = run.train_info.result, run.train_info.evaluations
    seconds = sum(look.train_time for look in looks)
    tokens = sum(look.tokens_per_sec * look.train_time for look in looks)
    return {
        "examples_per_s": looks[-1].train_samples / seconds if seconds else None,
        "tokens_per_s": tokens / seconds if seconds else None,
        "seconds": seconds or None,
        "steps": result.step,
        "examples": result.train_samples,
        "tokens": result.train_total_tokens,
        "learning_rate": run.run_info.train_config.optimizer_kwargs["lr"],
        "final_loss": result.train_loss,
        "seconds_per_step": None,
        "stable": None,
        "curve": [{"step": look.step, "validation": look.valid_accuracy} for look in looks],
    }


def _environment(run: Run) -> dict[str, Any]:
    versions, system = run.meta_info.package_info, run.meta_info.system_info
    names = ("torch", "transformers", "peft", "datasets", "bitsandbytes")
    machine = [system[name] for name in ("system", "release", "machine") if name in system]
    return {
        "python": None,
        **{name: versions.get(f"{name}-version") for name in names},
        "peft_commit": versions.get("peft-commit-hash"),
        "harness": None,
        "commit": None,
        "dirty": None,
        "platform": "-".join(machine) or None,
        "cpu": None,
        "cores": None,
        "threads": None,
        "load": None,
        "gpu": system.get("accelerator", system.get("gpu")),
        "governor": None,
        "started": run.run_info.created_at,
        "seconds": run.run_info.total_time,
        "busy": None,
    }
