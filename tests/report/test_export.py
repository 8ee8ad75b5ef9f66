"""The files beside the page say what the records say."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from harness.report import export
from harness.report.table import table
from tests import further, records
from tests.report.conftest import HOSTILE, MakeSubject


def test_the_csv_reads_back_as_the_records(make_subject: MakeSubject) -> None:
    made = [further.measured(row) for row in records.quick(seeds=(0,))]
    frame = pd.read_csv(io.StringIO(export.csv(make_subject(made)))).set_index("trials")
    assert len(frame) == len(made)
    for row in made:
        line = frame.loc[row["trial"]]
        assert line["method"] == row["method"]
        assert line["quality"] == row["quality"]["value"]
        assert line["quality_low"] == row["quality"]["ci_low"]
        assert line["quality_high"] == row["quality"]["ci_high"]
        assert line["train_memory"] == row["memory"]["train"]["allocated_peak"]
        assert line["file_bytes"] == row["parameters"]["file_bytes"]
        assert line["unmerged"] == row["latency"]["unmerged_over_base"]["value"]
        merged = row["latency"]["merged_over_base"]
        assert math.isnan(line["merged"]) if merged is None else line["merged"] == merged["value"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe(
    make_subject: MakeSubject, start: str
) -> None:
    name = f'{start}HYPERLINK("http://x","a")'
    text = export.csv(make_subject([records.record(name, None, family=name)]))
    (line,) = csv.DictReader(io.StringIO(text, newline=""))
    for field in ("label", "method", "family"):
        assert line[field] == f"'{name}"


def test_a_negative_number_stays_a_number(make_subject: MakeSubject) -> None:
    made = further.measured(records.record())
    records.change(made, "forgetting__increase__value", -0.25)
    (line,) = csv.DictReader(io.StringIO(export.csv(make_subject([made]))))
    assert line["forgetting"] == "-0.25"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (0.0, "0"),
        (-0.012, "-0.012"),
        (5.0, "5"),
        (1e-7, "1e-7"),
        (1.5e-5, "0.000015"),
        (2.0**60, "1152921504606847000"),
        (1e22, "1e+22"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_numbers_are_written_as_javascript_writes_them(value: float | None, text: str) -> None:
    assert export.number(value) == text
    assert value is None or float(text) == value


def test_the_latex_holds_what_the_table_shows(make_subject: MakeSubject) -> None:
    subject = make_subject([*records.quick(), records.record(HOSTILE, 8, family=HOSTILE)])
    made = table(subject, Path("index.html"))
    text = export.latex(made)
    body = text.split("\\midrule\n")[1].split("\\bottomrule")[0].splitlines()
    assert len(body) == len(made.rows)
    for line, row in zip(body, made.rows, strict=True):
        cells = re.split(r"(?<!\\) & ", line.removesuffix(r" \\"))
        assert len(cells) == len(made.columns) + 2
        quality = row.cells[0]
        assert cells[2] == f"{quality.text} ({quality.below})".replace("–", "--")


def test_no_letter_of_a_name_means_anything_to_latex(make_subject: MakeSubject) -> None:
    name = "a\\b&c%d$e#f_g{h}i~j^k<l>m|n\no"
    text = export.latex(table(make_subject([records.record(name, None)]), Path("index.html")))
    plain = (
        r"a\textbackslash{}b\&c\%d\$e\#f\_g\{h\}i\textasciitilde{}j\textasciicircum{}k"
        r"\textless{}l\textgreater{}m\textbar{}n o"
    )
    assert plain in text
