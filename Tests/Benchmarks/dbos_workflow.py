"""The peer: a workflow of three steps that do nothing, in DBOS. Prints one line of JSON.

Usage: dbos_workflow.py POSTGRES_URL WORKFLOWS THREADS
"""

import json
import logging
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

logging.disable(logging.INFO)
DBOS(config={"name": "bench", "system_database_url": sys.argv[1], "run_admin_server": False, "log_level": "ERROR"})


@DBOS.step()
def nothing(number):
    return number


@DBOS.workflow()
def three(number):
    return nothing(nothing(nothing(number)))


DBOS.launch()
for number in range(20):
    assert three(number) == number


def timed(number):
    start = time.monotonic()
    assert three(number) == number
    return time.monotonic() - start


count, threads = int(sys.argv[2]), int(sys.argv[3])
start = time.monotonic()
with ThreadPoolExecutor(threads) as pool:
    latencies = sorted(pool.map(timed, range(count)))
seconds = time.monotonic() - start
print(json.dumps({"rate": count / seconds, "p50": statistics.median(latencies) * 1000, "p99": latencies[int(count * 0.99)] * 1000}))
DBOS.destroy()
