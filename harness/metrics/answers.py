"""An answer in words against the right one: equal, or how much of it they share."""

from __future__ import annotations

import re
import string
from collections import Counter

CHRF_ORDERS = 6

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORDS = re.compile(r"[^\W_]+")


def normalised(answer: str) -> str:
    """Lower case without ASCII punctuation, English articles and extra white space, as SQuAD's
    script does it (Rajpurkar et al. 2016, arXiv 1606.05250, section 6).
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def rouge_l(answer: str, reference: str) -> float:
    """Harmonic mean of the shares that the longest common subsequence of words has of either.

    Lin 2004 (ROUGE, ACL W04-1013, section 3.1) with equal weights. Words are runs of letters and
    digits in lower case, without stemming; 0 where either has none.
    """
    said, meant = (_WORDS.findall(text.lower()) for text in (answer, reference))
    # 2PR / (P + R) with P = common / said and R = common / meant.
    return 2 * _common(said, meant) / max(len(said) + len(meant), 1)


def _common(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence."""
    longest = [0] * (len(second) + 1)
    for word in first:
        former = longest.copy()
        for place, other in enumerate(second, start=1):
            longest[place] = (
                former[place - 1] + 1 if word == other else max(former[place], longest[place - 1])
            )
    return longest[-1]


def chrf_counts(answer: str, reference: str) -> list[int]:
    """For character n-grams of 1 to 6: those of the answer, of the reference, and in both.

    White space is left out (Popović 2015, chrF, ACL W15-3049). As sacrebleu has it, n-grams of an
    answer do not count where the reference is too short to have any.
    """
    said, meant = ("".join(text.split()) for text in (answer, reference))
    counted = []
    for n in range(1, CHRF_ORDERS + 1):
        ours, theirs = _grams(said, n), _grams(meant, n)
        counted += [ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()]
    return counted


def _grams(text: str, n: int) -> Counter[str]:
    return Counter(text[place : place + n] for place in range(len(text) - n + 1))
