"""Answers in words: against sacrebleu, figures in papers, and definitions word by word."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics import CHRF

from harness import metrics
from harness.metrics.answers import chrf_counts, normalised, rouge_l
from harness.metrics.resampled import chrf

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=7)
TEXT = st.text(alphabet="ab cé!", max_size=12)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("The cat.", "cat"),
        ("an  Apple\n", "apple"),
        ("U.S.A.", "usa"),
        ("a theatre", "theatre"),  # an article within a word stays
        ("the", ""),
    ],
)
def test_answers_that_differ_in_what_squad_leaves_out_are_the_same(said: str, meant: str) -> None:
    assert normalised(said) == meant
    found = metrics.load("exact_match").compute(predictions=[said, "no"], references=[meant, "on"])
    assert found == {"exact_match": 0.5}


@pytest.mark.parametrize(
    ("said", "expected"), [("police kill the gunman", 3 / 4), ("the gunman kill police", 2 / 4)]
)
def test_rouge_l_is_that_of_lins_example(said: str, expected: float) -> None:
    # Lin 2004, section 3.1: S1 to S3. Both have four words, so precision, recall and F are one.
    assert rouge_l(said, "police killed the gunman") == pytest.approx(expected)


@given(WORDS, WORDS)
def test_rouge_l_is_that_of_the_longest_of_all_subsequences(
    first: list[str], second: list[str]
) -> None:
    def subsequences(words: list[str]) -> set[tuple[str, ...]]:
        return {s for k in range(len(words) + 1) for s in combinations(words, k)}

    longest = max(map(len, subsequences(first) & subsequences(second)))
    precision = longest / len(first) if first else 0.0
    recall = longest / len(second) if second else 0.0
    both = precision + recall
    expected = 2 * precision * recall / both if both else 0.0
    assert rouge_l(" ".join(first), " ".join(second)) == pytest.approx(expected)


def test_words_are_told_apart_by_what_is_no_letter_or_digit() -> None:
    assert rouge_l("État-major, 12", "état MAJOR 12!") == 1.0


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_chrf_is_sacrebleus(pairs: list[tuple[str, str]]) -> None:
    said, meant = map(list, zip(*pairs, strict=True))
    counted = np.array([chrf_counts(*pair) for pair in pairs], dtype=float)
    found = chrf(counted, np.ones((1, len(pairs))))[0]
    assert 100 * found == pytest.approx(CHRF().corpus_score(said, [meant]).score, abs=1e-9)
