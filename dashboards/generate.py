#!/usr/bin/env python3
"""Writes dashboards/grafana/*.json and dashboards/what follows from them in dashboards/rules, from the tables in dashboards/definitions.

Usage: dashboards/generate.py [--check]
--check writes nothing and ends with 1 when a file is not what the tables say.
"""
import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from definitions import alert_cases, slo  # noqa: E402
from definitions.boards import BOARDS  # noqa: E402
from definitions.panels import dashboard  # noqa: E402


def files():
    for board in BOARDS:
        yield f"grafana/{board['uid']}.json", json.dumps(dashboard(board), indent=1) + "\n"
    yield "rules/slo.yaml", slo.rules()
    yield "rules/slo.test.yaml", slo.tests()
    yield "rules/alerts.test.yaml", alert_cases.tests()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for name, text in files():
        path = os.path.join(HERE, name)
        try:
            with open(path) as file:
                same = file.read() == text
        except FileNotFoundError:
            same = False
        if same:
            continue
        stale.append(name)
        if not check:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
            print(f"wrote dashboards/{name}")
    if check and stale:
        sys.exit("not what the tables say, run dashboards/generate.py: " + ", ".join(stale))


if __name__ == "__main__":
    main()
