#!/usr/bin/env python3
"""Measure how fast torkivity is, beside NumPy, SciPy and the operation count.

Prints tables; writes them to a JSON file and into docs/performance.md on request. Every
library runs one thread. The full run takes several minutes; leave the machine alone meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from torkivity_engine.machine.threads import SINGLE_THREAD

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "performance.md"


def main() -> int:
    """Run the command line; returns the exit status."""
    # NumPy and SciPy read their thread settings when they are first imported.
    os.environ.update(SINGLE_THREAD)
    from sections import SECTIONS, run_benchmark, tables
    from torkivity.tables import replace_tables

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, a few seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers to FILE")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"rewrite the tables in {DOCUMENT.name}"
    )
    parser.add_argument(
        "--rebuild-reference",
        action="store_true",
        help="compute what errors of section accuracy are measured against, minutes; nothing else",
    )
    options = parser.parse_args()
    if options.rebuild_reference:
        from accuracy import rebuild_reference

        rebuild_reference()
        return 0
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"unknown section {unknown[0]!r}; one of {', '.join(SECTIONS)}")
    if options.quick and options.write_docs:
        parser.error("--write-docs needs the full run: --quick measures nothing worth printing")

    def progress(section: str) -> None:
        print(f"measuring {section} ...", file=sys.stderr, flush=True)

    record = run_benchmark(options.sections or SECTIONS, quick=options.quick, progress=progress)
    found = tables(record)
    print("\n\n".join(table.text() for table in found.values()))
    if options.json is not None:
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if options.write_docs:
        text = DOCUMENT.read_text(encoding="utf-8")
        DOCUMENT.write_text(replace_tables(text, found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
