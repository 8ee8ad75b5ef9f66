"""Plain text in passages."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import assets
from harness.assets.source import Source
from harness.config import identity
from harness.errors import ConfigError
from harness.measure_config import ForgettingConfig, TextConfig
from harness.plain_text import passages


def of(path: Path, n: int = 100, tokens: int = 8, **text: str) -> ForgettingConfig:
    return ForgettingConfig(TextConfig(Source("path", path=str(path)), **text), n, tokens)


def words(start: int, n: int) -> str:
    return "\n".join(f"w{i}" for i in range(start, start + n))


def test_one_file_is_cut_into_passages_of_equal_length(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text(words(0, 8 * 9 + 3))
    found = passages(of(file))
    assert [len(passage.split()) for passage in found] == [8] * 9
    assert " ".join(found).split() == [f"w{i}" for i in range(72)]
    assert passages(of(file, n=8)) == found[:8]


def test_passages_are_of_as_many_documents_as_there_are(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}.txt").write_text(words(100 * number, 30))
    firsts = passages(of(tmp_path, n=10))
    assert {passage.split()[0] for passage in firsts} == {f"w{100 * i}" for i in range(10)}
    (tmp_path / "0.md").write_text("not asked for")
    (tmp_path / "1.txt").rename(tmp_path / "renamed.txt")
    assert passages(of(tmp_path, n=10)) == firsts


def test_a_passage_of_two_documents_comes_once(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(words(0, 8 * 10) + f" {name}")
    assert len(passages(of(tmp_path))) == 10


def test_text_that_is_too_short_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text(words(0, 8 * 7))
    with pytest.raises(ConfigError, match=r"text.files=\*\*/\*.txt: has 7 passages of 8 words"):
        passages(of(tmp_path))
    with pytest.raises(ConfigError, match=r"text.files=\*.rst: has 0 passages"):
        passages(of(tmp_path, files="*.rst"))


def test_text_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(words(0, 100).replace("w", "é").encode("latin-1"))
    with pytest.raises(ConfigError, match=r"text.encoding=utf-8: a file has the byte 0xe9"):
        passages(of(tmp_path))
    with pytest.raises(ConfigError, match=r"text.encoding=utf-9: is no known encoding"):
        passages(of(tmp_path, encoding="utf-9"))
    assert passages(of(tmp_path, encoding="latin-1"))[0].startswith("é0 é1")


def test_absent_text_is_told_by_its_field(tmp_path):
    with pytest.raises(ConfigError, match=r"measure.forgetting.text.source.path=.*no such file"):
        passages(of(tmp_path / "nowhere"))


def test_edited_text_is_another_trial(tmp_path, trial_of):
    file = tmp_path / "notes.txt"
    text = "measure.forgetting.text.source"
    config = trial_of(f"{text}.kind=path", f"{text}.path={file}")

    def id_of(content: str) -> str:
        file.write_text(content)
        own = config.measure.forgetting.text.source
        return identity(config, "m", "t", text_digest=assets.digest(own))

    assert id_of("one") != id_of("another")
    assert id_of("one") == id_of("one")


def test_forgetting_can_be_left_out(trial_of):
    config = trial_of("measure.forgetting=null")
    assert config.measure.forgetting is None
    assert identity(config, "m", "t") != identity(trial_of(), "m", "t")


@pytest.mark.network
def test_shipped_text_has_the_passages_that_are_asked_for(trial_of):
    config = trial_of().measure.forgetting
    found = passages(config)
    assert len(set(found)) == config.passages
    assert {len(passage.split()) for passage in found} == {config.tokens}
