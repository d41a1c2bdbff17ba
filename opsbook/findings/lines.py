"""Findings as lines for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from opsbook.findings.finding import Finding

WIDTH, MARGIN = 80, 6
QUOTE = "| "


def told(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield the findings as lines of at most 80 columns; what can be pasted is never broken."""
    for finding in findings:
        yield from _folded(finding.severity.ljust(MARGIN) + finding.what)
        for line in finding.evidence.splitlines():
            yield from _folded(" " * MARGIN + line)
        if finding.next:
            yield f"{' ' * MARGIN}next: {finding.next}"


def quoted(text: str) -> str:
    """Return the lines of a log as evidence."""
    return "\n".join(f"{QUOTE}{line}" for line in text.strip().splitlines())


def short(finding: Finding) -> str:
    """Return the finding with the first line of what it rests on, if that is no quotation."""
    first = next(iter(finding.evidence.splitlines()), "").strip()
    first = "" if first.startswith(QUOTE) else first
    return f"{finding.what}: {first}" if first else finding.what


def _folded(line: str) -> list[str]:
    margin = " " * max(MARGIN, len(line) - len(line.lstrip()))
    margin += QUOTE if line.lstrip().startswith(QUOTE) else ""
    return textwrap.wrap(line, WIDTH, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)
