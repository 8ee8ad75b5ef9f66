"""The report: one self-contained page out of a folder of records."""

from harness.report.page import build

__all__ = ["build"]
