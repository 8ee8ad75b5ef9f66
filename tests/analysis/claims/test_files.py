from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.analysis.claims import Claim, read, shipped, with_own
from harness.analysis.claims.files import SHIPPED, THEMES
from harness.checked import from_plain
from harness.errors import ConfigError

OWN = "tests.analysis.claims.own_claims"
GOOD: dict[str, Any] = {
    "id": "mine",
    "statement": "My adapter adds none.",
    "source": "folklore",
    "test": "no_overhead",
    "arguments": {"which": "lora", "figure": "merged"},
    "needs": "LoRA, timed.",
}
# What the field repeats, by the id of the claim that says it.
REPEATED = {
    "merged-lora-no-overhead", "unmerged-lora-adds-latency", "bottlenecks-add-latency",
    "parallel-adapters-add-none", "prompts-are-fastest", "prompts-are-smallest",
    "prompts-add-latency", "bottlenecks-hold-more-than-lora", "lora-holds-more-than-prompts",
    "lora-trains-0.1-to-1-percent", "bottlenecks-train-1-to-2-percent",
    "bottlenecks-train-3-to-5-percent", "prompts-train-under-0.1-percent",
    "ia3-trains-0.01-percent", "bitfit-trains-0.1-percent", "the-ranking",
    "pfeiffer-as-good-as-houlsby", "pfeiffer-half-of-houlsby", "prompt-tuning-needs-scale",
    "bitfit-matches-full-on-classification", "fewer-parameters-cheaper-steps",
    "peft-trains-in-less-memory", "lora-trains-in-a-third", "rank-4-enough-for-few-classes",
    "rank-8-enough-for-entities", "sentiment-needs-rank-8", "rank-16-enough-for-sentiment",
    "instructions-need-rank-16", "rank-32-enough-for-instructions",
    "peft-matches-full-with-little-data", "dora-trains-slower", "qlora-trains-slower",
    "qlora-saves-memory", "lora-learns-less", "lora-forgets-less", "lora-plus-beats-lora",
    "lora-plus-costs-the-same", "ia3-merges",
}  # fmt: skip


def written(folder: Path, content: object, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(content, allow_unicode=True))
    return path


def test_every_shipped_claim_has_a_source_and_says_what_would_decide_it() -> None:
    for claim in shipped():
        assert (
            claim.link.startswith("https://")
            or claim.source == "folklore"
            or "20" in (claim.source)
        )
        assert claim.statement.endswith("."), claim.id
        assert claim.needs.endswith("."), claim.id
        assert claim.rule != "not described"
    assert {claim.id for claim in shipped()} >= REPEATED


def test_a_paper_has_one_name_and_a_name_one_paper() -> None:
    names: dict[str, set[str]] = {}
    for claim in shipped():
        if claim.arxiv:
            names.setdefault(claim.arxiv, set()).add(claim.source.split(",")[0].split(" (")[0])
    assert all(len(found) == 1 for found in names.values()), names
    # The date in an id is that of the first version, at most a year before it was published.
    for arxiv, (name,) in names.items():
        year = int(name.rsplit(" ", 1)[1])
        assert year - (2000 + int(arxiv[:2])) in (0, 1), (arxiv, name)


def test_every_shipped_file_is_a_theme() -> None:
    assert {path.stem for path in SHIPPED.glob("*.yaml")} == set(THEMES)


def test_own_claims_come_first_and_take_the_place_of_shipped_ones(tmp_path: Path) -> None:
    other = GOOD | {"id": "the-ranking"}
    path = written(tmp_path, [GOOD, other])
    claims = with_own([path])
    assert [claim.id for claim in claims[:2]] == ["mine", "the-ranking"]
    assert claims[1].statement == GOOD["statement"]
    assert len(claims) == len(shipped()) + 1
    assert {claim.theme for claim in claims} == {"own", *THEMES}


def wrong(**changes: Any) -> dict[str, Any]:
    return GOOD | changes


@pytest.mark.parametrize(
    ("claim", "field", "words"),
    [
        (wrong(test="no_overheads"), "claims.mine.test", "did you mean no_overhead"),
        (wrong(scope="studies"), "claims.mine.test", "gap_closes"),
        (wrong(scope="everything"), "claims.mine.scope", "'study' or 'studies'"),
        (wrong(figur="x"), "claims.mine.figur", "is not a known field"),
        (wrong(id="Mine!"), "claims.Mine!.id", "should match pattern"),
        (wrong(statement=""), "claims.mine.statement", "at least 1 character"),
        (
            {k: v for k, v in GOOD.items() if k != "source"},
            "claims.mine.source",
            "required",
        ),
        (
            wrong(arguments={"which": "lora", "figure": "unmergd"}),
            "claims.mine.arguments.figure",
            "did you mean unmerged",
        ),
        (
            wrong(arguments={"which": "lora", "figure": "train_memory"}),
            "claims.mine.arguments.figure",
            "one of",
        ),
        (
            wrong(arguments={"which": "lora", "figure": "merged", "margins": 0.1}),
            "claims.mine.arguments.margins",
            "did you mean margin",
        ),
        (wrong(arguments={"which": "lora"}), "claims.mine.arguments.figure", "required"),
        (
            wrong(arguments={"which": "lora", "figure": "merged", "margin": -1}),
            "claims.mine.arguments.margin",
            "greater than or equal to 0",
        ),
        (
            wrong(arguments={"which": {"metod": "lora"}, "figure": "merged"}),
            "claims.mine.arguments.which",
            "did you mean method",
        ),
        (
            wrong(arguments={"which": {"size": 8}, "figure": "merged"}),
            "claims.mine.arguments.which",
            "names no method",
        ),
        (
            wrong(test="lower", arguments={"first": "a", "second": "b", "figure": "quality"}),
            "claims.mine.arguments.figure",
            "better, as_good, ranking",
        ),
        (wrong(arxiv=2106.09685), "claims.mine.arxiv", "must stand in quotes"),
        (wrong(arxiv="hep-th/9901001"), "claims.mine.arxiv", "should match pattern"),
        (wrong(url="javascript:alert(1)"), "claims.mine.url", "should match pattern"),
        (wrong(only={"task": "sst2"}), "claims.mine.only.task", "is not a known field"),
        (wrong(test="nowhere:judge"), "claims.mine.test", "module that can be imported"),
        (wrong(test=f"{OWN}:absent"), "claims.mine.test", "module that can be imported"),
        (wrong(test=f"{OWN}:NOT_A_FUNCTION"), "claims.mine.test", "NOT_A_FUNCTION is none"),
        (
            wrong(test=f"{OWN}:many_records", arguments={"most": 3}),
            "claims.mine.arguments.most",
            "at_least",
        ),
        (
            wrong(test=f"{OWN}:many_records", arguments={"at_least": "few"}),
            "claims.mine.arguments.at_least",
            "valid integer",
        ),
        ("a sentence", "claims[0]", "must be a mapping"),
    ],
)
def test_what_is_wrong_is_named_at_the_door(
    tmp_path: Path, claim: object, field: str, words: str
) -> None:
    with pytest.raises(ConfigError) as error:
        with_own([written(tmp_path, [claim])])
    assert error.value.field == field
    assert words in str(error.value)


def test_an_id_that_is_there_twice_is_refused_within_and_between_own_files(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match=r"claims.id=mine: is there twice"):
        with_own([written(tmp_path, [GOOD, GOOD])])
    first, second = (written(tmp_path, [GOOD], name) for name in ("a.yaml", "b.yaml"))
    with pytest.raises(ConfigError, match="is there twice"):
        with_own([first, second])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id: [", "must be a YAML file"),
        ("id: mine", "must hold a list"),
        ("", "must hold a list"),
        ("- !!python/object/apply:os.system ['true']", "must be a YAML file"),
    ],
)
def test_a_file_that_is_no_list_of_claims_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read(path)


def test_a_file_that_is_not_there_is_an_error_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.yaml")


def test_a_claim_from_python_is_checked_as_one_from_a_file() -> None:
    assert from_plain(Claim, GOOD).link == ""
    with pytest.raises(ConfigError, match="did you mean overhead"):
        Claim(id="x", statement="X.", source="folklore", test="overheads", needs="X.")
