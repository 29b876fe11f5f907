#!/usr/bin/env python3
"""The fail-over drill: Postgres with a synchronous standby is killed under load and the standby is promoted. No accepted
task may be lost or end twice, and the services find the new server by themselves.

Usage: failover_drill.py --bin FOLDER [--seconds N]
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from postgres_server import Server  # noqa: E402
from stack import Stack  # noqa: E402

class Load(threading.Thread):
    """Submits until told to stop; what was not answered is sent again with the same key."""

    def __init__(self, stack):
        super().__init__()
        self.stack, self.accepted, self.going, self.longest = stack, set(), True, 0.0

    def run(self):
        last = time.time()
        while self.going:
            key = str(uuid.uuid4())
            while True:
                status, made = self.stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"Idempotency-Key": key}, timeout=20)
                now = time.time()
                if status in (200, 201, 202):
                    self.accepted.add(made["id"])
                    self.longest, last = max(self.longest, now - last), now
                    break
                assert status in (0, 429, 502, 503, 504), (status, made)
                time.sleep(0.1)
            time.sleep(0.02)


def fenced(stack, first, second, accepted):
    """The old primary comes back, takes writes and is found first. It still waits for a standby that it has no more, so nothing
    is accepted that only it has."""
    os.path.exists(first.data + "/postmaster.pid") and os.remove(first.data + "/postmaster.pid")
    first.start()
    second.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'cadre' and pid <> pg_backend_pid()")
    loads = [Load(stack) for _ in range(2)]
    for one in loads:
        one.start()
    limit = time.time() + 60
    while first.sql("select count(*) from pg_stat_activity where datname = 'cadre' and wait_event = 'SyncRep'") == "0":
        assert time.time() < limit, "the old primary was not found"
        time.sleep(0.1)
    first.stop()
    time.sleep(5)
    for one in loads:
        one.going = False
    for one in loads:
        one.join()
    accepted = accepted.union(*(one.accepted for one in loads))
    known = set(second.sql("select 'task_' || replace(id::text, '-', '') from orchestrator.task").split())
    assert any(one.accepted for one in loads) and accepted <= known, f"{len(accepted - known)} tasks are at the old primary alone"
    print(f"the old primary came back and was found first: none of {len(accepted)} tasks is there alone")


def drill(options, folder):
    first, second = Server(folder, "first"), Server(folder, "second")
    stack = None
    try:
        first.initdb()
        first.start("synchronous_standby_names=''")
        first.run("psql", "-h", "127.0.0.1", "-p", str(first.port), "-U", "cadre", "-d", "postgres", "-qc", "create database cadre")
        second.copy(first)
        second.start()
        # From here on nothing is accepted that the standby does not have.
        first.sql("alter system set synchronous_standby_names = 'ANY 1 (second)'")
        first.sql("select pg_reload_conf()")
        url = f"postgresql://cadre@127.0.0.1:{first.port},127.0.0.1:{second.port}/cadre?target_session_attrs=read-write&connect_timeout=3"
        options.set = [f"{service}.CADRE_POSTGRES_URL={url}" for service in ("orchestrator", "llm-router", "gateway")]
        stack = Stack(options)
        loads = [Load(stack) for _ in range(4)]
        for one in loads:
            one.start()
        time.sleep(options.seconds)
        before = sum(len(one.accepted) for one in loads)
        first.kill()
        gone = time.time()
        time.sleep(2)
        second.promote()
        promoted = time.time()
        # The new server has no standby yet and must not wait for one.
        second.sql("alter system reset synchronous_standby_names")
        second.sql("select pg_reload_conf()")
        time.sleep(options.seconds)
        for one in loads:
            one.going = False
        for one in loads:
            one.join()
        accepted = set().union(*(one.accepted for one in loads))
        limit = time.time() + 90
        while time.time() < limit and second.sql("select count(*) from orchestrator.run where ended_at is null") != "0":
            time.sleep(0.3)
        known = set(second.sql("select 'task_' || replace(id::text, '-', '') from orchestrator.task").split())
        lost = accepted - known
        open_ = second.sql("select count(*) from orchestrator.run where ended_at is null")
        failed = second.sql("select count(*) from orchestrator.run where status <> 'succeeded'")
        print(f"{len(accepted)} tasks accepted ({before} before the fault), {len(lost)} lost, {open_} open, {failed} not succeeded; "
              f"one caller waited {max(one.longest for one in loads):.1f} s at most, and {promoted - gone:.1f} s of it for the promotion")
        assert len(accepted) > before > 20 and not lost and open_ == "0" and failed == "0"
        fenced(stack, first, second, accepted)
    finally:
        if stack:
            stack.stop()
            shutil.rmtree(stack.folder, ignore_errors=True)
        second.stop()
        first.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=float, default=5, help="load before and after the fault")
    options = parser.parse_args()
    options.bin, options.replicas = os.path.abspath(options.bin), 2
    folder = tempfile.mkdtemp(prefix="cadre-failover-")
    os.chmod(folder, 0o777)
    try:
        drill(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
