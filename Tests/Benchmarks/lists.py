#!/usr/bin/env python3
"""Times every list and report of the API against a filled database (see lists.sql), several pages deep.

Usage: lists.py --url http://127.0.0.1:PORT --key KEY [--rounds N]

Prints a line for each: median and largest time of a page in milliseconds, over the first page, the second and one that is far
behind, and the number of rows. Ends with 1 when a page takes longer than --limit-ms.
"""
import argparse
import json
import statistics
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PROJECT = "project_0000000000007000a00000000000000{:1x}"
LISTS = [
    ("tasks", "/api/v1/tasks?limit=50"),
    ("tasks, status=succeeded", "/api/v1/tasks?limit=50&status=succeeded"),
    ("tasks, status=failed", "/api/v1/tasks?limit=50&status=failed"),
    ("tasks, status=pending (none)", "/api/v1/tasks?limit=50&status=pending"),
    ("tasks, workflow", "/api/v1/tasks?limit=50&workflow=review"),
    ("tasks, project", "/api/v1/tasks?limit=50&project_id=" + PROJECT.format(3)),
    ("tasks, project, status, workflow", "/api/v1/tasks?limit=50&status=failed&workflow=single&project_id=" + PROJECT.format(3)),
    ("tasks, label", "/api/v1/tasks?limit=50&label=l3"),
    ("tasks, label, status=failed (none)", "/api/v1/tasks?limit=50&label=l3&status=failed"),
    ("tasks, archived too", "/api/v1/tasks?limit=50&archived=true"),
    ("runs", "/api/v1/runs?limit=50"),
    ("runs, status=running", "/api/v1/runs?limit=50&status=running"),
    ("runs, workflow, status=cancelled", "/api/v1/runs?limit=50&status=cancelled&workflow=nightly"),
    ("runs, project", "/api/v1/runs?limit=50&project_id=" + PROJECT.format(3)),
    ("approvals", "/api/v1/approvals?limit=50"),
    ("approvals, status=pending", "/api/v1/approvals?limit=50&status=pending"),
    ("schedules", "/api/v1/schedules?limit=50"),
    ("workflows", "/api/v1/workflows?limit=50"),
    ("projects", "/api/v1/projects?limit=50"),
    ("calls", "/api/v1/calls?limit=50{times}"),
    ("calls, model", "/api/v1/calls?limit=50&model=model-3{times}"),
    ("calls, outcome=failed", "/api/v1/calls?limit=50&outcome=failed{times}"),
    ("calls, key and agent", "/api/v1/calls?limit=50&key=k3&agent=agent3{times}"),
    ("usage, total", "/api/v1/usage?{times}"),
    ("usage by model", "/api/v1/usage?group_by=model{times}"),
    ("usage by day and model", "/api/v1/usage?bucket=day&group_by=model{times}"),
    ("usage by hour", "/api/v1/usage?bucket=hour{times}"),
    ("usage by model and key", "/api/v1/usage?group_by=model,key{times}"),
    ("usage by run (calls of an hour)", "/api/v1/usage?group_by=run{hour}"),
]


class Times:
    def __init__(self, options):
        self.options = options
        now = time.time()
        stamp = lambda t: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))  # noqa: E731
        self.times = f"&from={stamp(now - 6 * 86400)}&to={stamp(now)}"
        self.hour = f"&from={stamp(now - 86400)}&to={stamp(now - 86400 + 3600)}"

    def get(self, path):
        request = urllib.request.Request(self.options.url + path, headers={"Authorization": "Bearer " + self.options.key})
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            return (time.perf_counter() - began) * 1000, None, error.read().decode()[:300]
        return (time.perf_counter() - began) * 1000, json.loads(body), None

    def measure(self, name, path):
        path = path.format(times=self.times, hour=self.hour).replace("?&", "?")
        took, pages, rows = [], 0, 0
        for _ in range(self.options.rounds):
            cursor, pages = None, 0
            while pages < 5:
                ms, page, error = self.get(path + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""))
                if error:
                    print(f"{name:40} {error}")
                    return 0
                took.append(ms)
                pages += 1
                rows = max(rows, sum(len(v) for v in page.values() if isinstance(v, list)))
                cursor = page.get("next_cursor")
                if not cursor:
                    break
        print(f"{name:40} {statistics.median(took):8.1f} {max(took):8.1f} ms  {rows} rows, {pages} pages", flush=True)
        return statistics.median(took)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit-ms", type=float, default=1000)
    times = Times(parser.parse_args())
    slow = [name for name, path in LISTS if times.measure(name, path) > times.options.limit_ms]
    sys.exit(f"slow: {', '.join(slow)}" if slow else 0)


if __name__ == "__main__":
    main()
