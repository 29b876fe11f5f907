#!/usr/bin/env python3
"""The pooler drill: a whole stack works through PgBouncer in transaction mode, with fewer sessions of the server than
connections of the services. The pooler is stopped and started under load. With --compare the same load runs without it.

Usage: pooler_drill.py --bin FOLDER [--seconds N] [--connections N] [--compare]
"""
import argparse
import os
import shutil
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from postgres_server import Pooler, Server  # noqa: E402
from stack import Stack  # noqa: E402

WORKFLOW = {"name": "drill", "steps": [
    {"key": "before", "input": {"prompt": "before {{input.n}}"}},
    {"key": "wait", "type": "signal", "signal": "go", "depends_on": ["before"]},
    {"key": "after", "input": {"prompt": "after {{input.n}}"}, "depends_on": ["wait"]}]}
SERVICES = ("orchestrator", "llm-router", "gateway")


def settings(**values):
    return [f"{service}.CADRE_POSTGRES_{name.upper()}={value}" for service in SERVICES for name, value in values.items()]


def until(condition, what, seconds=90):
    limit = time.time() + seconds
    while not condition():
        assert time.time() < limit, what
        time.sleep(0.1)


def load(stack, seconds, callers=8):
    """Submits tasks from several callers; the ids of those that were accepted, and how many in a second."""
    accepted, began = [set() for _ in range(callers)], time.time()

    def submit(mine):
        while time.time() < began + seconds:
            status, made = stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"Prefer": "wait=20"}, timeout=40)
            if status in (200, 201, 202):
                mine.add(made["id"])
            else:
                assert status in (0, 429, 502, 503, 504), (status, made)
                time.sleep(0.1)

    threads = [threading.Thread(target=submit, args=(mine,)) for mine in accepted]
    for one in threads:
        one.start()
    return threads, accepted, began


def finish(running):
    threads, accepted, began = running
    for one in threads:
        one.join()
    ids = set().union(*accepted)
    return ids, len(ids) / (time.time() - began)


def check(stack, server, accepted):
    until(lambda: server.sql("select count(*) from orchestrator.run where ended_at is null") == "0", "all runs end")
    known = set(server.sql("select 'task_' || replace(id::text, '-', '') from orchestrator.task").split())
    failed = server.sql("select count(*) from orchestrator.run where status <> 'succeeded'")
    assert accepted <= known and failed == "0", (len(accepted - known), failed)
    # Every run has made one call at least, and each of them comes into the ledger.
    until(lambda: server.sql("select (select count(*) from llm_router.call) >= (select count(*) from orchestrator.run)") == "t",
          "calls are in the ledger", 20)
    listed = stack.call("GET", "/api/v1/tasks?limit=50")
    assert listed[0] == 200 and len(listed[1]["tasks"]) == 50, listed[0]
    assert stack.call("GET", "/api/v1/usage?group_by=model")[0] == 200


def through(options, folder, server):
    pooler = Pooler(folder, server, options.connections)
    stack = None
    try:
        pooler.start()
        options.set = settings(url=pooler.url(), pooler="transaction", direct_url=server.url(), connections_per_loop=options.per_loop)
        stack = Stack(options)
        status, made = stack.call("POST", "/api/v1/workflows", WORKFLOW)
        assert status in (200, 201), made
        status, made = stack.call("POST", "/api/v1/tasks", {"workflow": "drill", "input": {"n": 1}})
        assert status in (200, 201, 202), made
        task = made["id"]
        running = load(stack, options.seconds)
        time.sleep(options.seconds / 2)
        if not options.compare:
            pooler.stop()
            time.sleep(1)
            pooler.start()
        accepted, rate = finish(running)
        # The pooler has been away: connections are made again one after the other.
        until(lambda: sum(line[2] == "cadre" for line in pooler.show("clients")) > options.connections, "clients are back")
        clients = sum(line[2] == "cadre" for line in pooler.show("clients"))
        servers = sum(line[2] == "cadre" for line in pooler.show("servers"))
        run = stack.call("GET", f"/api/v1/tasks/{task}")[1]["run"]["id"]
        until(lambda: stack.call("POST", f"/api/v1/runs/{run}/signals", {"name": "go", "id": "drill"})[0] in (200, 202, 204), "a signal is taken")
        check(stack, server, accepted | {task})
        # LISTEN stands on sessions of its own, two for each process: of policies, and of accounts, work or the catalogue.
        # Sessions of the pooler keep nothing of anybody.
        listening = int(server.sql("select count(*) from pg_stat_activity where query ilike 'listen %'"))
        assert listening == 2 * len(SERVICES) * options.replicas, listening
        assert 0 < servers <= options.connections < clients, (servers, clients, pooler.show('clients')[:3])
        print(f"{len(accepted)} tasks through {servers} sessions for {clients} connections, all succeeded; {rate:.0f} tasks/s")
        return rate
    finally:
        if stack:
            stack.stop()
            shutil.rmtree(stack.folder, ignore_errors=True)
        pooler.stop()


def direct(options, server):
    options.set = settings(url=server.url())
    stack = Stack(options)
    try:
        accepted, rate = finish(load(stack, options.seconds))
        check(stack, server, accepted)
        print(f"{len(accepted)} tasks without a pooler; {rate:.0f} tasks/s")
        return rate
    finally:
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=float, default=6, help="load")
    parser.add_argument("--connections", type=int, default=6, help="sessions of the pooler")
    parser.add_argument("--per-loop", type=int, default=2, help="connections of each event loop to the pooler")
    parser.add_argument("--compare", action="store_true", help="run the same load without the pooler too, and nothing is stopped")
    options = parser.parse_args()
    options.bin, options.replicas = os.path.abspath(options.bin), 2
    folder = tempfile.mkdtemp(prefix="cadre-pooler-")
    os.chmod(folder, 0o777)
    server = Server(folder, "server")
    try:
        server.create()
        rate = through(options, folder, server)
        if options.compare:
            print(f"{rate / direct(options, server):.2f} of the rate without a pooler")
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
