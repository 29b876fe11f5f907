#!/usr/bin/env python3
"""Prints the lines of every module, and how much of what is shipped tests can import. `make modules` calls it.

Executables cannot be imported by tests; each should be a composition root: a folder `Main` of at most 150 lines.
"""
import json
import os
import subprocess

LINES_MAX = 150


def lines(folder, sources):
    total = 0
    for source in sources:
        with open(os.path.join(folder, source), "rb") as file:
            total += file.read().count(b"\n")
    return total


def main():
    described = subprocess.run(["swift", "package", "describe", "--type", "json"], check=True, capture_output=True, text=True)
    targets = [t for t in json.loads(described.stdout)["targets"] if t["type"] != "system-target"]
    rows = []
    for target in targets:
        swift = [source for source in target["sources"] if source.endswith(".swift")]
        rows.append((target["path"], target["name"], target["type"], len(swift), lines(target["path"], swift)))
    shipped = [row for row in rows if row[0].startswith(("Shared/", "Services/"))]
    print(f"{'module':28}{'folder':44}{'files':>7}{'lines':>8}")
    for path, name, kind, files, count in sorted(shipped):
        note = ""
        if kind == "executable":
            is_root = path.endswith("/Main") and count <= LINES_MAX
            note = "  composition root" if is_root else "  executable: tests cannot import it"
        print(f"{name:28}{path:44}{files:7}{count:8}{note}")
    total = sum(row[4] for row in shipped)
    importable = sum(row[4] for row in shipped if row[2] != "executable")
    tests = sum(row[4] for row in rows if row[2] == "test")
    print(f"\nShipped: {total} lines in {len(shipped)} modules; tests can import {importable} of them"
          f" ({100 * importable / total:.1f} %). Tests in Swift: {tests} lines.")


main()
