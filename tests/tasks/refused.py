"""Files of a user's own that cannot be used, each with what has to be said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

HEADER = "text,label\n"


@dataclass(frozen=True)
class Refused:
    """A file, the command line beside its path, and what is said after `error: `."""

    what: str
    content: str | bytes | None
    told: str
    overrides: tuple[str, ...] = ()
    name: str = "my.csv"
    task: str = "csv"


def rows(row: Callable[[int], str], n: int = 60) -> str:
    return "".join(row(i) + "\n" for i in range(n))


def table(label: Callable[[int], object], n: int = 60) -> str:
    return HEADER + rows(lambda i: f"sentence {i},{label(i)}", n)


def objects(row: Callable[[int], object], n: int = 60) -> str:
    return rows(lambda i: json.dumps(row(i)), n)


def _words(i: int) -> str:
    return ("bad", "good")[i % 2]


def sentences(word: Callable[[int], str], n: int = 60) -> str:
    """Two words each, the first of them as it is given with its tag."""
    return rows(lambda i: f"{word(i)}\nsings O\n", n)


GOOD = table(_words)
CAFE = HEADER + rows(lambda i: f"café {i},{_words(i)}")

REFUSED = [
    Refused("a file that is not there", None,
            "task.source.path=my.csv: no such file or folder in FOLDER"),
    Refused("an empty file", "", "task.text=text: no such column in my.csv; the file is empty"),
    Refused("a header alone", HEADER, "task.source=my.csv: holds no row"),
    Refused("a column that is not there", GOOD,
            "task.text=comment: no such column in my.csv; one of label, text",
            ("task.text=comment",)),
    Refused("semicolons between cells", GOOD.replace(",", ";"),
            "task.text=text: no such column in my.csv; the only one is 'text;label'; "
            "task.separator=';' separates it"),
    Refused("tabs between cells", GOOD.replace(",", "\t"),
            r"task.text=text: no such column in my.csv; the only one is 'text\tlabel'; "
            "task.format=tsv separates it"),
    Refused("two columns of one name", "text,label,label\n" + rows(lambda i: f"text {i},good,bad"),
            "task.label=label: names two columns of my.csv"),
    Refused("a row with more cells", GOOD + "so, so,good\n",
            "task.format=csv: my.csv cannot be read as that: line 62 has 3 cells, the header 2"),
    Refused("a row with fewer cells", GOOD + "short\n",
            "task.format=csv: my.csv cannot be read as that: line 62 has 1 cells, the header 2"),
    Refused("a quote that is not closed", GOOD + '"never closed,good\n',
            "task.format=csv: my.csv cannot be read as that: line 62: a quote is never closed; "
            "task.quoting=false takes quotes as letters"),
    Refused("text in Latin-1", CAFE.encode("latin-1"),
            "task.encoding=utf-8: my.csv holds the byte 0xe9, which is not in it; "
            "say which, such as latin-1"),
    Refused("text in UTF-16", CAFE.encode("utf-16"),
            "task.encoding=utf-8: my.csv is in another; task.encoding=utf-16 reads it"),
    Refused("a null byte", GOOD + "a\0b,good\n",
            "task.source=text: row 60 holds a null byte, which no text does"),
    Refused("a spreadsheet, or another zip archive", b"PK\x03\x04" + bytes(60),
            "task.format=csv: my.csv is a zip archive, as .xlsx is; save the sheet as CSV"),
    Refused("a pickle", b"\x80\x04\x95" + bytes(60),
            "task.format=csv: my.csv is a pickle, which is never read"),
    Refused("Parquet", b"PAR1" + bytes(60),
            "task.format=csv: my.csv is Parquet; task=parquet reads it"),
    Refused("a compressed file under another name", b"\x1f\x8b\x08" + bytes(60),
            "task.format=csv: my.csv is compressed; its name must end in .gz"),
    Refused("texts that are all empty", HEADER + rows(lambda i: f",{_words(i)}"),
            "task.source=my.csv: no example is left of 60 rows"),
    Refused("labels that are all empty", table(lambda i: ""),
            "task.label=label: none of 60 rows has a label"),
    Refused("one class", table(lambda i: "good"),
            "task.label=label: every row says 'good'; there is nothing to tell apart"),
    Refused("a class with too few examples", GOOD + "rare one,odd\n",
            "task.label=label: the class 'odd' has 1 of the 3 examples that splits need; "
            "task.drop={label: ['odd']} leaves it out"),
    Refused("classes that differ in spaces", GOOD + rows(lambda i: f"other {i}, good", 9),
            "task.label=label: ' good' and 'good' differ in white space alone; write them alike"),
    Refused("labels that are answers", table(lambda i: f"answer {i}"),
            "task.kind=null: label has 60 different values in 60 rows; say "
            "task.kind=classification (each value a class) or task.kind=generation (an answer)"),
    Refused("whole numbers, many of them", table(lambda i: i),
            "task.kind=null: label has 60 different numbers in 60 rows; say "
            "task.kind=classification (each number a class) or task.kind=regression"),
    Refused("fractions, few of them", table(lambda i: i % 5 / 2),
            "task.kind=null: label has 5 different numbers in 60 rows; say "
            "task.kind=classification (each number a class) or task.kind=regression"),
    Refused("numbers that are none", table(lambda i: "nan" if i == 7 else i / 7),
            "task.label=label: row 7 says 'nan', which is no finite number",
            ("task.kind=regression",)),
    Refused("a metric of another kind", GOOD,
            "task.metric=spearman: does not score kind=classification, which takes accuracy, "
            "macro_f1",
            ("task.metric=spearman",)),
    Refused("groups that are to be cut by class", GOOD,
            "task.stratify=True: contradicts group=label, which is kept whole; give one of them",
            ("task.group=label", "task.stratify=true")),
    Refused("too few groups", GOOD,
            "task.validation=0.1: validation is left without an example: 2 groups",
            ("task.group=label",)),
    Refused("a broken line of JSON", objects(lambda i: {"text": f"text {i}", "label": i % 2}) + "{",
            "task.format=jsonl: my.jsonl cannot be read as that: line 61: Expecting property name "
            "enclosed in double quotes: line 1 column 2 (char 1); expected one JSON object on each "
            "line", (), "my.jsonl", "jsonl"),
    Refused("a line of JSON that is a list", objects(lambda i: [1]),
            "task.format=jsonl: my.jsonl cannot be read as that: line 1 is no JSON object",
            (), "my.jsonl", "jsonl"),
    Refused("nested JSON for a text", objects(lambda i: {"text": {"a": f"{i}"}, "label": i % 2}),
            "task.source=text: row 0 holds a dict, not a text", (), "my.jsonl", "jsonl"),
    Refused("nested JSON for a label", objects(lambda i: {"text": f"text {i}", "label": {"a": 1}}),
            "task.label=label: row 0 holds a dict, which is neither class, number nor answer",
            (), "my.jsonl", "jsonl"),
    Refused("labels of several types",
            objects(lambda i: {"text": f"text {i}", "label": (1, "a")[i % 2]}),
            "task.label=label: holds a number in row 0 and a text in row 1; "
            "task.kind=classification takes all as names of classes", (), "my.jsonl", "jsonl"),
    Refused("a word with more columns", sentences(lambda i: f"Ada{i} NNP B-PER"),
            "task.format=conll: my.conll cannot be read as that: line 1 has 3 cells, "
            "task.columns=[word,tag] names 2", (), "my.conll", "conll"),
    Refused("tags of another scheme", sentences(lambda i: f"Ada{i} S-PER"),
            "task.label=tag: row 0 has the tag 'S-PER'; expected O, or B- or I- and a name",
            (), "my.conll", "conll"),
    Refused("tags that are all O", rows(lambda i: f"Ada{i} O\nsings O\n"),
            "task.label=tag: needs two tags; every word says 'O'", (), "my.conll", "conll"),
    Refused("no empty line after sentences",
            sentences(lambda i: f"Ada{i} B-PER").replace("\n\n", "\n"),
            "task.validation=0.1: validation is left without an example: 1 groups",
            (), "my.conll", "conll"),
]  # fmt: skip
