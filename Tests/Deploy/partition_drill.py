#!/usr/bin/env python3
"""The drill of partitions: a stack at work gets partitions for its ledger and histories, passes from one to the next, archives, migrates
and is restored. Nothing that was accepted is lost, nothing that was paid is missing or counted twice, and what is past goes.

Usage: partition_drill.py --bin FOLDER [--seconds N]
"""
import argparse
import datetime
import glob
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from stack import Stack  # noqa: E402


class Load(threading.Thread):
    """Submits tasks, and calls models beside them; what is refused for a moment is said again with its key."""

    def __init__(self, stack):
        super().__init__()
        self.stack, self.accepted, self.calls, self.again, self.longest, self.going = stack, set(), 0, 0, 0.0, True

    def run(self):
        while self.going:
            key, began = {"Idempotency-Key": str(uuid.uuid4())}, time.time()
            while True:
                status, made = self.stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, key)
                if status in (200, 201, 202):
                    break
                assert status in (0, 503), (status, made)
                self.again += 1
                time.sleep(0.05)
            self.accepted.add(made["id"])
            self.longest = max(self.longest, time.time() - began)
            status, made = self.stack.call("POST", "/v1/chat/completions", {"model": "mock-model", "messages": [{"role": "user", "content": "hello"}]})
            assert status == 200, (status, made)
            self.calls += 1


class Drill:
    def __init__(self, options):
        options.replicas = 2
        options.set = ["orchestrator.CADRE_HISTORY_ARCHIVE_AFTER_MS=1000"]
        self.stack, self.seconds = Stack(options), options.seconds
        self.url = f"postgresql:///cadre?host={self.stack.sockets}&user=cadre"
        self.environment = {**os.environ, "CADRE_BACKUP_PASSPHRASE_FILE": self.stack.folder + "/passphrase"}
        with open(self.stack.folder + "/passphrase", "w") as file:
            file.write("a passphrase of the drill")

    def script(self, name, *arguments):
        done = subprocess.run([f"{ROOT}/deploy/{name}", *arguments], env=self.environment, capture_output=True, text=True)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
        return done.stdout

    def until(self, condition, what, seconds=90):
        limit = time.time() + seconds
        while not condition():
            assert time.time() < limit, what() if callable(what) else what
            time.sleep(0.2)

    def count(self, table):
        return int(self.stack.sql(f"select count(*) from {table}"))

    def in_sums(self):
        status, usage = self.stack.call("GET", "/api/v1/usage")
        return usage["usage"][0]["calls"] if status == 200 else (status, usage)

    def check(self, loads):
        """Every accepted task has ended well; every call stands in the ledger and in the sums, once."""
        stack, accepted = self.stack, set().union(*(one.accepted for one in loads))
        self.until(lambda: stack.sql("select count(*) from orchestrator.run where ended_at is null") == "0", "runs end")
        known = set(stack.sql("select 'task_' || replace(id::text, '-', '') from orchestrator.task").split())
        assert accepted <= known and stack.sql("select count(*) from orchestrator.run where status <> 'succeeded'") == "0"
        calls = len(known) + sum(one.calls for one in loads)
        self.until(lambda: self.count("llm_router.call") == calls, f"{calls} calls are in the ledger, not {self.count('llm_router.call')}")
        self.until(lambda: self.in_sums() == calls, lambda: f"{calls} calls are in the sums, not {self.in_sums()}")
        for path in ("/api/v1/tasks", "/api/v1/runs", "/api/v1/calls"):
            status, page = stack.call("GET", path + "?limit=50")
            assert status == 200 and len(page[path.rsplit("/", 1)[1]]) == 50, (path, status)
        task = sorted(accepted)[-1]
        run = stack.call("GET", f"/api/v1/tasks/{task}")[1]["run"]["id"]
        status, events = stack.call("GET", f"/api/v1/runs/{run}/events")
        assert status == 200 and events["events"][-1]["type"] == "run.succeeded", events
        return len(accepted), calls

    def sums(self):
        tables = self.stack.sql("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('orchestrator', 'llm_router', 'gateway')").split()
        return {table: self.stack.sql(f"select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) from {table} t") for table in tables}

    def run(self):
        stack = self.stack
        loads = [Load(stack) for _ in range(4)]
        for one in loads:
            one.start()
        time.sleep(self.seconds)
        before = self.count("llm_router.call")
        # The services are at work, and go past the end of the first partition, into the one that takes the rest, and out of it.
        bound = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.seconds + 25)
        began = time.time()
        self.script("partition", "begin", "--url", self.url, "--every", "1", "--first-until", bound.isoformat())
        took = time.time() - began
        # `begin` has made the next partitions as well; without them rows go to the rest.
        for table in ("llm_router.call", "orchestrator.history"):
            for part in stack.sql(f"select inhrelid::regclass from pg_inherits where inhparent = '{table}'::regclass and inhrelid::regclass::text ~ '_20'").split():
                assert self.count(part) == 0, "the bound has passed already"
                stack.sql(f"drop table {part}")
        time.sleep(max(0, (bound - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) + self.seconds)
        assert self.count("llm_router.call_before") >= before and self.count("llm_router.call_rest") > 10 and self.count("orchestrator.history_rest") > 0
        said = self.script("partition", "keep", "--url", self.url, "--ahead", "5")
        assert "rows that had none" in said, said
        time.sleep(self.seconds)
        for one in loads:
            one.going = False
        for one in loads:
            one.join()
        parts = stack.sql("select min(inhrelid::regclass::text) from pg_inherits where inhparent = 'llm_router.call'::regclass and inhrelid::regclass::text ~ '_20'")
        assert self.count("llm_router.call_rest") == 0 and self.count(parts) > 10
        tasks, calls = self.check(loads)
        print(f"{tasks} tasks and {calls} calls, none lost or counted twice, while the tables got partitions in {took:.1f} s; "
              f"{sum(one.again for one in loads)} submissions said again, the longest took {max(one.longest for one in loads):.2f} s")

        # Views show the whole, too, and nothing refers to a part alone.
        assert self.count("orchestrator.event") >= self.count("orchestrator.history") > 0 or self.count("orchestrator.history") == 0
        assert stack.sql("select count(*) from pg_depend where refobjid in ('llm_router.call_before'::regclass, 'orchestrator.history_before'::regclass) "
                         "and classid = 'pg_rewrite'::regclass") == "0"
        # Row-level security holds: another tenant sees nothing, and the role of tenants is bound on the new tables too.
        for table in ("llm_router.call", "orchestrator.history"):
            seen = stack.sql(f"begin; set local role cadre_tenant; select set_config('cadre.tenant', '{uuid.uuid4()}', true); select count(*) from {table}; rollback")
            assert seen.split()[-1] == "0", (table, seen)

        # What a later version's migrations do.
        for table in ("llm_router.call", "orchestrator.history"):
            short = table.split(".")[1]
            stack.sql(f"alter table {table} add column later text; create index {short}_later on {table} (later)")
            stack.sql(f"alter table {table} drop column later")

        # Histories are archived; their partitions get empty, and go when they are past.
        self.until(lambda: self.count("orchestrator.history") == 0, "histories are archived", 120)
        old = "00000001-0000-7000-8000-000000000000"
        for table in ("llm_router.call", "orchestrator.history"):
            # As if the first partition had ended long ago: this machine's clock cannot be turned.
            stack.sql(f"begin; alter table {table} detach partition {table}_before; create table {table}_kept as select * from {table}_before; truncate {table}_before; "
                      f"alter table {table} attach partition {table}_before for values from (minvalue) to ('{old}'); "
                      f"alter table {table} detach partition {table}_rest; alter table {table} attach partition {table}_rest default; "
                      f"alter table {table} disable trigger user; insert into {table} select * from {table}_kept; alter table {table} enable trigger user; "
                      f"drop table {table}_kept; commit")
        said = self.script("partition", "keep", "--url", self.url)
        assert "removed orchestrator.history_before" in said, said
        said = self.script("partition", "keep", "--url", self.url, "--drop-calls-after", "30")
        assert "removed llm_router.call_before" in said, said
        self.check(loads)

        # A backup holds all of it, and open work goes on after a restore.
        self.script("backup", "--url", self.url, "--to", stack.folder + "/backups")
        kept = self.sums()
        self.script("restore", glob.glob(stack.folder + "/backups/*.gpg")[0], "--url", self.url, "--yes")
        restored = self.sums()
        assert {name: value for name, value in restored.items() if "call" in name or "history" in name} == \
            {name: value for name, value in kept.items() if "call" in name or "history" in name}
        # The services start anew, as after every restore: privileges are made then.
        for name, pid in stack.children():
            if name in ("gateway", "orchestrator", "llm-router", "agent-core"):
                os.kill(pid, signal.SIGKILL)
        self.until(lambda: stack.call("GET", "/api/v1/usage")[0] == 200, "the stack serves again")
        load = Load(stack)
        load.start()
        time.sleep(self.seconds)
        load.going = False
        load.join()
        self.check([*loads, load])
        print("archived, migrated, dropped, restored, and at work again")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seconds", type=float, default=4, help="load in each of the phases")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    drill = Drill(options)
    try:
        drill.run()
    finally:
        drill.stack.stop()
        shutil.rmtree(drill.stack.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
