#!/usr/bin/env python3
"""The replica drill: lists and reports come from a streaming replica while it follows, and from the primary when it lags
behind, dies, or stops being a replica.

Usage: replica_drill.py --bin FOLDER
"""
import argparse
import os
import re
import shutil
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from postgres_server import Server  # noqa: E402
from stack import Stack  # noqa: E402

SERVICES = ("orchestrator", "llm-router")


def until(condition, what, seconds=90):
    limit = time.time() + seconds
    while not condition():
        assert time.time() < limit, what
        time.sleep(0.1)


class Drill:
    def __init__(self, options, primary, replica):
        self.primary, self.replica = primary, replica
        options.set = [f"{service}.CADRE_POSTGRES_{name}={value}" for service in SERVICES for name, value in
                       (("URL", primary.url()), ("READ_URL", replica.url()), ("READ_LAG_MAX_MS", 3000))]
        self.stack = Stack(options)
        self.admins = {name: int(self.stack.environment(pid)["CADRE_ADMIN_PORT"]) for name, pid in self.stack.children() if name in SERVICES}

    def metric(self, service, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admins[service]}/metrics", timeout=10) as answer:
            found = re.search(rf"^{name} (\d+)", answer.read().decode(), re.M)
        return int(found.group(1)) if found else 0

    def reads(self, service, server):
        return self.metric(service, f'cadre_postgres_list_reads_total{{server="{server}"}}')

    def list(self, path, service="orchestrator"):
        """A list, and which server has answered."""
        before = self.reads(service, "replica")
        status, made = self.stack.call("GET", path)
        assert status == 200, (status, made)
        return made, "replica" if self.reads(service, "replica") > before else "primary"

    def submit(self):
        status, made = self.stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"Prefer": "wait=60"})
        assert status == 200, (status, made)
        return made["id"]

    def shows(self, task, server):
        """Whether the list has the task, from this server, and the gauge of the alert says the same."""
        page, answered = self.list("/api/v1/tasks?limit=5")
        usable = self.metric("orchestrator", "cadre_postgres_replica_usable")
        return answered == server and task in [one["id"] for one in page["tasks"]] and usable == (server == "replica")

    def run(self):
        first = self.submit()
        until(lambda: self.shows(first, "replica"), "the list comes from the replica")
        until(lambda: self.list("/api/v1/runs")[1] == "replica", "runs come from the replica")
        for path in ("/api/v1/usage?group_by=model", "/api/v1/calls"):
            until(lambda: self.list(path, "llm-router")[1] == "replica", f"{path} comes from the replica")

        # It lags: within the bound its lists are old, beyond it they come from the primary. A single task is never old.
        self.replica.sql("select pg_wal_replay_pause()")
        paused = time.time()
        second = self.submit()
        assert self.stack.call("GET", f"/api/v1/tasks/{second}")[0] == 200
        until(lambda: self.shows(second, "primary"), "the primary answers for one that lags")
        lagged = time.time() - paused
        self.replica.sql("select pg_wal_replay_resume()")
        until(lambda: self.shows(second, "replica"), "one that has caught up answers again")

        # It dies in the midst of lists: nobody notices.
        failed, limit = 0, time.time() + 6
        self.replica.kill()
        while time.time() < limit:
            failed += self.stack.call("GET", "/api/v1/tasks?limit=5")[0] != 200
        assert failed == 0, failed
        third = self.submit()
        until(lambda: self.shows(third, "primary"), "the primary answers for one that is dead")
        os.remove(f"{self.replica.data}/postmaster.pid")
        self.replica.start()
        until(lambda: self.shows(third, "replica"), "one that is back answers again")

        # A server that was promoted has a history of its own; it is no replica any more.
        self.replica.promote()
        fourth = self.submit()
        until(lambda: self.shows(fourth, "primary"), "the primary answers when the replica is none")
        print(f"lists from the replica; from the primary {lagged:.1f} s after replaying stood still (bound: 3 s), when the replica died "
              "(no list failed), and after it was promoted")

    def stop(self):
        self.stack.stop()
        shutil.rmtree(self.stack.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    options = parser.parse_args()
    options.bin, options.replicas = os.path.abspath(options.bin), 1
    folder = tempfile.mkdtemp(prefix="cadre-replica-")
    os.chmod(folder, 0o777)
    primary, replica, drill = Server(folder, "primary"), Server(folder, "replica"), None
    try:
        primary.create()
        replica.copy(primary)
        replica.start()
        drill = Drill(options, primary, replica)
        drill.run()
    finally:
        if drill:
            drill.stop()
        replica.stop()
        primary.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
