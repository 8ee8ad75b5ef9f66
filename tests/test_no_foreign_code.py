"""Nothing that comes as a file is run: no pickle, no module beside a model, no text as code."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.config import trial_config
from harness.entry import compose
from tests.own_model import write_model, write_table

HARNESS = Path(harness.__file__).parent
ROOT = HARNESS.parent
UNPICKLERS = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
CALLS = {
    "eval", "exec", "compile", "__import__", "torch.load", "yaml.load", "yaml.load_all",
    "yaml.unsafe_load", "yaml.full_load", "pandas.read_pickle", "pd.read_pickle", "load_dataset",
    "datasets.load_dataset", "torch.hub.load", "runpy.run_path", "os.system", "os.popen",
}  # fmt: skip
SETTINGS = {"trust_remote_code": True, "allow_pickle": True, "weights_only": False, "shell": True}


def problems(source: str) -> list[str]:
    """Where a module could run what it reads."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in UNPICKLERS]
        if isinstance(node, ast.ImportFrom) and node.module in UNPICKLERS:
            found.append(node.module)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if called in CALLS and not (called == "yaml.load" and "Safe" in ast.unparse(node)):
                found.append(called)
            found += [f"{name}={v}" for name, v in SETTINGS.items() if given.get(name) == str(v)]
            if called.startswith("Auto") and called.endswith("from_pretrained"):
                found += [] if given.get(None) == "SAFELY" else [f"{called} without SAFELY"]
    return found


def test_harness_has_no_call_that_runs_what_it_reads():
    files = sorted(HARNESS.rglob("*.py"))
    assert len(files) > 100
    found = {str(file): problems(file.read_text(encoding="utf-8")) for file in files}
    assert {file: told for file, told in found.items() if told} == {}


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from joblib import load", "import a, marshal", "torch.load(f)", "eval(text)",
     "exec(text)", "yaml.load(f)", "yaml.load(f, Loader=yaml.Loader)",
     "np.load(f, allow_pickle=True)",
     "kind.from_pretrained(f, trust_remote_code=True)", "AutoModel.from_pretrained(f)",
     "AutoTokenizer.from_pretrained(f, local_files_only=True)", "torch.load(f, weights_only=False)",
     "load_dataset(name)", "def f():\n  return [pd.read_pickle(p) for p in q]"],
)  # fmt: skip
def test_such_a_call_would_be_found(source):
    assert problems(source)


WATCH = """
import json, sys

unpickled, ran = [], set()

def watch(event, arguments):
    if event == "pickle.find_class":
        unpickled.append(".".join(map(str, arguments)))
    elif event == "exec":
        ran.add(arguments[0].co_filename)

sys.addaudithook(watch)
sys.path.insert(0, sys.argv[1])
"""
PHASES = """
from harness.trial import run

config, folder, prepared = json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
values = {phase: run(phase, config, folder, [], prepared) for phase in ("train", "merge")}
assert values["merge"]["merge"]["mergeable"], values
"""
A_PICKLE = """
import io, pickle
pickle.load(io.BytesIO(pickle.dumps(json.JSONDecoder)))
"""
ANSWER = """
print(json.dumps({"unpickled": unpickled, "ran": sorted(ran)}))
"""


def watched(code: str, *arguments: str) -> dict[str, list[str]]:
    """The classes that a process unpickled, and the files whose code it ran."""
    command = [sys.executable, "-c", WATCH + code + ANSWER, str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_pickle_would_be_seen():
    assert watched(A_PICKLE)["unpickled"] == ["json.decoder.JSONDecoder"]


@pytest.mark.slow
def test_trial_unpickles_nothing_and_runs_nothing_of_the_models_folder(tmp_path):
    model, results = tmp_path / "model", tmp_path / "results" / "id"
    write_model(model, "bert")
    for name in ("modeling_bert.py", "tokenization_bert.py", "__init__.py", "sitecustomize.py"):
        (model / name).write_text("raise SystemExit('code of the model was run')")
    write_table(tmp_path / "data.csv")
    asked = ["model=path", f"model.path={model}", "task=csv", f"task.path={tmp_path / 'data.csv'}",
             "train=smoke", "measure=smoke", "method=lora", "size=2", "device=cpu",
             "task.max_length=16"]  # fmt: skip
    config = json.dumps(trial_config(compose(asked)).as_dict())
    seen = watched(PHASES, config, str(results), str(tmp_path / "prepared"))
    assert seen["unpickled"] == []
    assert list(results.rglob("*.safetensors"))
    files = {Path(name) for name in seen["ran"] if Path(name).is_absolute()}
    assert len(files) > 1000
    assert not [file for file in files if file.is_relative_to(tmp_path)]
    # What a library copied before it imported it is ours, word for word.
    metrics = {file.read_bytes() for file in (HARNESS / "metrics").rglob("*.py")}
    libraries = [Path(sys.prefix), Path(sys.base_prefix), HARNESS]
    others = [file for file in files if not any(map(file.resolve().is_relative_to, libraries))]
    assert [file for file in others if file.is_file() and file.read_bytes() not in metrics] == []
