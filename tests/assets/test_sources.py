"""`fetch` and `digest` of each kind of source."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from pathlib import Path

import pytest

import harness
from harness.assets import digest, fetch
from harness.checked import from_plain
from harness.config import ModelConfig, Source
from harness.errors import AssetError, ConfigError
from harness.task_config import TaskConfig
from tests.shipped import shipped

COMMIT = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"

TO_DO = "fetch it where the hub can be reached, and use model=path model.path=..."


def test_a_path_is_taken_where_it_lies(tmp_path: Path) -> None:
    assert fetch(Source("path", path=str(tmp_path))) == tmp_path


def test_a_missing_path_names_its_field() -> None:
    with pytest.raises(ConfigError, match=r"^task\.source\.path=nowhere\.csv: no such file"):
        fetch(Source("path", path="nowhere.csv"), "task.source")


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"text,label\n")
    assert digest(Source("path", path=str(file))) == hashlib.sha256(b"text,label\n").hexdigest()


def test_the_digest_of_a_folder_follows_names_and_contents(tmp_path: Path) -> None:
    source = Source("path", path=str(tmp_path))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.txt").write_text("1")
    (tmp_path / "a.txt").write_text("2")
    one, two = (hashlib.sha256(text).hexdigest() for text in (b"1", b"2"))
    first = digest(source)
    assert first == hashlib.sha256(f"a.txt\0{two}\nb/one.txt\0{one}\n".encode()).hexdigest()
    (tmp_path / "b" / "one.txt").write_text("10")
    changed = digest(source)
    assert changed != first
    (tmp_path / "b" / "one.txt").rename(tmp_path / "b" / "two.txt")
    assert digest(source) not in (first, changed)


def test_pinned_sources_are_known_by_their_pins() -> None:
    package = Source("package", "toy", "1.0", "a" * 64, members=("x",))
    assert digest(package) == "a" * 64
    assert digest(Source("hub", repo="org/model", revision=COMMIT)) == f"org/model@{COMMIT}"


def test_a_branch_of_the_hub_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^model\.source\.revision=main: must be a commit"):
        fetch(Source("hub", repo="org/model", revision="main"), "model.source")


def test_the_hub_is_asked_once_and_never_for_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "hub" / "snapshot"
    snapshot.mkdir(parents=True)
    asked: list[dict[str, object]] = []

    def download(repo: str, **options: object) -> str:
        asked.append({"repo": repo, **options})
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    source = Source("hub", repo="datasets/org/data", revision=COMMIT)
    assert fetch(source) == fetch(source) == snapshot
    assert len(asked) == 1
    assert asked[0]["repo"] == "org/data"
    assert asked[0]["repo_type"] == "dataset"
    assert asked[0]["revision"] == COMMIT
    assert {"*.bin", "*.pt", "*.pkl"} <= set(asked[0]["ignore_patterns"])


def test_a_file_that_was_changed_in_the_hubs_cache_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs, snapshot = tmp_path / "hub" / "blobs", tmp_path / "hub" / "snapshots" / COMMIT
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    # As `printf one | sha256sum` and `printf two | git hash-object --stdin` name them.
    for name, content, blob in (
        ("a.txt", "one", "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"),
        ("b.json", "two", "64c5e5885a4b06010b3a0c20edb7900dd0311025"),
    ):
        (blobs / blob).write_text(content)
        (snapshot / name).symlink_to(blobs / blob)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(snapshot))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    source = Source("hub", repo="org/model", revision=COMMIT)
    assert fetch(source) == snapshot
    for name in ("a.txt", "b.json"):
        whole = (snapshot / name).read_text()
        (snapshot / name).write_text("eno")
        with pytest.raises(AssetError, match=r"^org/model: .*/blobs/.* is not what the hub gave"):
            fetch(source)
        (snapshot / name).write_text(whole)
        assert fetch(source) == snapshot


def test_the_hub_without_a_network_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(AssetError) as caught:
        fetch(Source("hub", repo="org/model", revision=COMMIT))
    assert str(caught.value).startswith(f"org/model at {COMMIT}: not had from the hub: ")
    assert str(caught.value).endswith("; " + TO_DO)
    assert "\n" not in str(caught.value)


def test_looking_for_files_imports_nothing_heavy() -> None:
    code = "import sys, harness.assets, harness.tasks.data; print(*sys.modules)"
    root = Path(harness.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True)
    heavy = {"torch", "transformers", "datasets", "evaluate", "huggingface_hub", "sklearn"}
    assert not heavy & set(done.stdout.decode().split())


@pytest.mark.network
@pytest.mark.parametrize(
    ("group", "name", "file", "sha256"),
    [
        (
            "model",
            "minilm",
            "model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        ("model", "bert_tiny", "config.json", None),
        ("task", "rotten_tomatoes", "rotten_tomatoes_corpus_full.csv.bz2", None),
        ("task", "bbc_news", "sports/199.txt", None),
    ],
)
def test_the_shipped_sources_can_be_had(
    group: str, name: str, file: str, sha256: str | None
) -> None:
    kind: type[ModelConfig] | type[TaskConfig] = ModelConfig if group == "model" else TaskConfig
    source = from_plain(kind, shipped(group, name)).source
    folder = fetch(source)
    started = time.perf_counter()
    assert fetch(source) == folder
    assert time.perf_counter() - started < 0.1
    content = (folder / file).read_bytes()
    assert content
    assert sha256 in (None, hashlib.sha256(content).hexdigest())
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
