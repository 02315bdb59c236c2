"""The report: one self-contained HTML file about a recording, for people."""

from hil.report.page import write_report

__all__ = ["write_report"]
