#!/usr/bin/env python3
"""Tests of the API as its description has it, on a whole stack. Prints PASS, SKIP or FAIL for each case.

Usage: run.py --bin FOLDER [--list] [--fuzz-seconds N] [WORD...]   runs the cases whose name holds one of the words.
"""
import argparse
import importlib
import os
import sys
import time
import traceback

GROUPS = ["document_cases", "client_cases", "stream_cases", "page_cases", "edge_cases", "fuzz_cases"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the executables")
    parser.add_argument("--list", action="store_true", help="print the names of the cases and run none")
    parser.add_argument("--fuzz-seconds", type=int, default=0, help="time for random requests; 0 for a short fixed set")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    cases = []
    for group in GROUPS:
        for name, body in vars(importlib.import_module(group)).items():
            if name.startswith("case_"):
                cases.append((f"surface: {name[5:].replace('_', ' ')}", body))
    cases = [case for case in cases if not options.words or any(word in case[0] for word in options.words)]
    if options.list:
        print("\n".join(name for name, _ in cases))
        return
    from stack import Skipped, Stack
    stack = Stack(options.bin)
    stack.fuzz_seconds = options.fuzz_seconds
    failed = skipped = 0
    try:
        for name, body in cases:
            start = time.time()
            try:
                body(stack)
                print(f"PASS {name} ({time.time() - start:.1f} s)", flush=True)
            except Skipped as reason:
                skipped += 1
                print(f"SKIP {name}: {reason}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc()}\nEND", flush=True)
    finally:
        stack.close()
    print(f"{len(cases) - failed - skipped} of {len(cases)} cases passed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
