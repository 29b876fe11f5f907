#!/usr/bin/env python3
"""Chaos: two replicas of each service under a load of mixed workflows, with processes that die, a database that is
restarted and a Redis that is emptied. Afterwards the database and the provider's own count are asked what became of it.

Usage: chaos.py [--bin FOLDER] [--seconds 600] [--seed N] [--rate 5] [--replicas 2] [--keep]

The moments of the faults follow from the seed. Ends with 0 when every promise was kept:

  - each accepted task has one run, and that has ended once
  - histories have no gap, no step has succeeded twice, and a sample replays to the same decisions
  - nothing is left over: no timer, lease or ready step, no open sub-run
  - the ledger has at least what the provider delivered; what is charged is at most 1.2 times that
  - there was something to promise: enough accepted tasks, and submissions in flight when processes were killed
"""

import argparse
import collections
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

from stack import Stack

SERVICES = ["gateway", "orchestrator", "llm-router", "agent-core"]
RETRYABLE = {0, 429, 502, 503, 504}
WORKFLOWS = {
    "chaos-child": [
        {"key": "a", "input": {"prompt": "child {{input.n}}"}},
        {"key": "b", "type": "transform", "depends_on": ["a"], "input": {"x": {"$ref": "steps.a.output.answer"}}}],
    "chaos-chain": [
        {"key": "a", "input": {"prompt": "chain a {{input.n}}"}},
        {"key": "b", "type": "transform", "depends_on": ["a"], "input": 1},
        {"key": "c", "input": {"prompt": "slow chain c {{input.n}}"}, "depends_on": ["b"]},
        {"key": "d", "type": "transform", "depends_on": ["c"], "input": 2}],
    "chaos-approval": [
        {"key": "a", "input": {"prompt": "approval {{input.n}}"}},
        {"key": "b", "type": "approval", "depends_on": ["a"], "input": {"t": {"$ref": "steps.a.output.answer"}}},
        {"key": "c", "type": "transform", "depends_on": ["b"], "input": 2}],
    "chaos-runs": [
        {"key": "a", "type": "transform", "input": 1},
        {"key": "b", "type": "run", "workflow": "chaos-child", "depends_on": ["a"],
         "for_each": {"items": "input.items", "width": 5}, "input": {"n": "{{input.n}}-{{item}}"}},
        {"key": "c", "type": "transform", "depends_on": ["b"], "input": 2}],
    "chaos-delay": [
        {"key": "a", "type": "delay", "delay_ms": 300},
        {"key": "b", "input": {"prompt": "delay {{input.n}}"}, "depends_on": ["a"]},
        {"key": "c", "type": "transform", "depends_on": ["b"], "input": 2}],
    "chaos-signal": [
        {"key": "a", "type": "signal", "signal": "go"},
        {"key": "b", "type": "transform", "depends_on": ["a"], "input": 2}],
    "chaos-fan": [
        {"key": "m", "for_each": {"items": "input.items", "width": 5}, "input": {"prompt": "fan {{input.n}} {{item}}"}},
        {"key": "z", "type": "transform", "depends_on": ["m"], "input": 1}],
}
TASKS = [name for name in WORKFLOWS if name != "chaos-child"]


class Chaos:
    def __init__(self, stack, options):
        self.stack = stack
        self.options = options
        self.random = random.Random(options.seed)
        self.accepted = {}
        self.refusals = collections.Counter()
        self.faults = collections.Counter()
        self.in_flight = self.caught = 0
        self.direct = collections.Counter()
        self.submitting = True
        self.deciding = True
        self.lock = threading.Lock()
        self.violations = []

    # Load

    def submit(self, number):
        """Submits tasks with a key each, and repeats what may be repeated until it has a definite answer."""
        mine = random.Random(self.options.seed * 1000 + number)
        count = 0
        while self.submitting:
            count += 1
            name = mine.choice(TASKS)
            key = f"{self.options.seed}-{number}-{count}"
            body = {"prompt": "x", "workflow": name, "input": {"n": key, "items": [1, 2, 3, 4, 5]}}
            limit = time.time() + 180
            while True:
                with self.lock:
                    self.in_flight += 1
                status, document = self.stack.call("POST", "/api/v1/tasks", body, {"Idempotency-Key": key}, timeout=20)
                with self.lock:
                    self.in_flight -= 1
                    if status in (200, 202):
                        run = document["run"]["id"]
                        if self.accepted.get(key, run) != run:
                            self.violations.append(f"the key {key} gave two runs")
                        self.accepted[key] = run
                        # Sent again on purpose: the same task must come back.
                        if mine.random() >= 0.1:
                            break
                    elif status in RETRYABLE:
                        self.refusals[status] += 1
                    else:
                        self.violations.append(f"a submission was answered {status}: {str(document)[:200]}")
                        break
                if time.time() > limit:
                    with self.lock:
                        self.violations.append("a submission found no answer for three minutes")
                    break
                time.sleep(0.2)
            time.sleep(mine.expovariate(self.options.rate / 3))

    def decide(self):
        """Approves what waits for approval and signals what waits for a signal."""
        while self.deciding:
            status, document = self.stack.call("GET", "/api/v1/approvals?status=pending&limit=100")
            for approval in document.get("approvals", []) if status == 200 else []:
                self.stack.call(
                    "POST", f"/api/v1/approvals/{approval['id']}/decision",
                    {"decision": "approve", "subject_sha256": approval.get("subject_sha256")})
            status, document = self.stack.call("GET", "/api/v1/runs?workflow=chaos-signal&status=pending&limit=100")
            for run in document.get("runs", []) if status == 200 else []:
                self.stack.call("POST", f"/api/v1/runs/{run['id']}/signals", {"name": "go", "id": "go-1", "data": 1})
            time.sleep(0.5)

    def chat(self):
        """Calls a model directly, whole and streamed; some callers leave early."""
        mine = random.Random(self.options.seed + 77)
        number = 0
        while self.submitting:
            number += 1
            stream = mine.random() < 0.5
            leaves = stream and mine.random() < 0.3
            body = {"model": "mock-model", "stream": stream, "max_tokens": 400,
                    "messages": [{"role": "user", "content": f"{'slow ' if leaves else ''}direct {number} " + "word " * 60}]}
            connection = http.client.HTTPConnection("127.0.0.1", mine.choice(self.stack.gateways), timeout=30)
            try:
                connection.request("POST", "/v1/chat/completions", json.dumps(body), {
                    "Authorization": "Bearer " + self.stack.key, "Content-Type": "application/json"})
                answer = connection.getresponse()
                if leaves:
                    answer.read(200)
                    self.direct["left"] += 1
                else:
                    answer.read()
                    self.direct[answer.status] += 1
            except (OSError, http.client.HTTPException):
                self.direct["broken"] += 1
            finally:
                connection.close()
            time.sleep(0.3)

    # Faults

    def disturb(self, until):
        last_database = last_redis = time.time()
        while time.time() < until:
            time.sleep(self.random.uniform(2, 5))
            kind = self.random.random()
            if kind < 0.08 and time.time() - last_database > 15:
                last_database = time.time()
                for name, pid in self.stack.children():
                    if name == "postgres":
                        self.kill(pid, signal.SIGQUIT, "immediate restart of Postgres")
            elif kind < 0.16 and time.time() - last_redis > 10:
                last_redis = time.time()
                if self.random.random() < 0.7:
                    subprocess.run(["redis-cli", "-s", self.stack.sockets + "/redis.sock", "flushall"],
                                   capture_output=True, timeout=10)
                    self.faults["flush of Redis"] += 1
                else:
                    for name, pid in self.stack.children():
                        if name.startswith("redis"):
                            self.kill(pid, signal.SIGKILL, "kill -9 of Redis")
            else:
                victims = [(name, pid) for name, pid in self.stack.children() if name in SERVICES]
                if victims:
                    name, pid = self.random.choice(victims)
                    self.kill(pid, signal.SIGKILL, f"kill -9 of {name}")

    def kill(self, pid, number, label):
        # Best while somebody waits for an answer.
        limit = time.time() + 2
        while not self.in_flight and time.time() < limit:
            time.sleep(0.0005)
        try:
            in_flight = self.in_flight
            os.kill(pid, number)
            self.faults[label] += 1
            self.caught += in_flight > 0
        except ProcessLookupError:
            pass

    # The run of it

    def run(self):
        for name, steps in WORKFLOWS.items():
            status, document = self.stack.call("PUT", f"/api/v1/workflows/{name}", {"name": name, "steps": steps})
            if status not in (200, 201):
                raise SystemExit(f"the workflow {name} was refused: {document}")
        # A budget that is never reached makes every call pass through the counters in Redis.
        self.stack.call("POST", "/api/v1/budgets", {"scope": "tenant", "period": "total", "tokens": 10**12})
        self.stack.call("PUT", "/mock/scripts", {"scripts": [
            {"match": "slow", "reply": "a slow answer to {prompt} " + "and so on " * 20, "latency_ms": 800,
             "tokens_per_second": 60}, {"match": "", "reply": "an answer to {prompt}" + " word" * 150, "latency_ms": 30}]},
            port=self.stack.mock)
        self.stack.call("POST", "/mock/reset", port=self.stack.mock)
        threads = [threading.Thread(target=self.submit, args=(number,)) for number in range(3)]
        threads += [threading.Thread(target=self.chat)]
        decider = threading.Thread(target=self.decide)
        for thread in threads + [decider]:
            thread.start()
        started = time.time()
        until = started + self.options.seconds
        faults = threading.Thread(target=self.disturb, args=(until,))
        faults.start()
        while time.time() < until:
            time.sleep(min(10, max(0.1, until - time.time())))
            print(f"  {time.time() - started:5.0f} s: {len(self.accepted)} tasks, {sum(self.faults.values())} faults",
                  flush=True)
        self.submitting = False
        for thread in threads + [faults]:
            thread.join()
        self.drain()
        self.deciding = False
        decider.join()
        self.check()

    def drain(self):
        """Waits until nothing is open any more, or nothing moves."""
        limit = time.time() + self.options.drain
        while time.time() < limit:
            if self.stack.sql("select count(*) from orchestrator.run where ended_at is null") == "0":
                return
            time.sleep(1)

    # Checks

    def expect(self, label, seen, wanted="0"):
        good = seen == wanted
        print(f"  {'ok  ' if good else 'FAIL'} {label}: {seen}", flush=True)
        if not good:
            self.violations.append(f"{label}: {seen}")

    def expect_at_least(self, label, seen, least):
        good = seen >= least
        print(f"  {'ok  ' if good else 'FAIL'} {label}: {seen}, at least {least}", flush=True)
        if not good:
            self.violations.append(f"{label}: {seen}, less than {least}")

    def check(self):
        sql = self.stack.sql
        print("Checks:")
        killed = sum(count for label, count in self.faults.items() if label.startswith("kill"))
        self.expect_at_least("accepted tasks", len(self.accepted), int(self.options.seconds * self.options.rate / 8))
        self.expect_at_least("killed processes", killed, max(1, self.options.seconds // 10))
        self.expect_at_least("direct calls of a model that were answered", self.direct[200], 1)
        self.expect_at_least("processes killed with a submission in flight", self.caught, max(1, killed // 2))
        self.expect("submissions answered wrongly", str(len(self.violations)))
        known = {line.split("|")[0]: line.split("|")[1:] for line in sql(
            "select 'run_' || replace(id::text, '-', ''), status, (ended_at is not null)::text from orchestrator.run"
        ).splitlines()}
        lost = [run for run in self.accepted.values() if run not in known]
        self.expect("accepted tasks that are not there", str(len(lost)))
        self.expect("runs still open", sql("select count(*) from orchestrator.run where ended_at is null"))
        states = collections.Counter(known[run][0] for run in self.accepted.values() if run in known)
        self.expect("accepted tasks that did not succeed", str(len(self.accepted) - states["succeeded"]))
        self.expect("runs without exactly one end", sql(
            "select count(*) from (select r.id from orchestrator.run r left join orchestrator.event e on e.run_id = r.id and "
            "e.type in ('run.succeeded', 'run.failed', 'run.cancelled') group by r.id having count(e.seq) <> 1) x"))
        self.expect("histories with gaps", sql(
            "select count(*) from (select run_id from orchestrator.event group by run_id "
            "having max(seq) <> count(*) or min(seq) <> 1) x"))
        self.expect("steps that succeeded twice", sql(
            "select count(*) from (select run_id, step from orchestrator.event where type = 'step.succeeded' "
            "group by 1, 2 having count(*) > 1) x"))
        for table in ("timer", "lease", "ready", "delayed"):
            self.expect(f"rows left in {table}", self.left(table))
        runs = list(self.accepted.values())
        self.random.shuffle(runs)
        different = 0
        for run in runs[:100]:
            status, report = self.ask("POST", f"/api/v1/runs/{run}/replay", {})
            if status != 200 or report.get("verdict") != "consistent":
                different += 1
                print(f"  {run}: {status} {str(report)[:500]}", flush=True)
        self.expect_at_least("histories that were replayed", len(runs[:100]), 1)
        self.expect("histories that do not replay, of %d" % min(100, len(runs)), str(different))
        self.money()
        codes = sql("select coalesce(failure->>'code', status), count(*) from orchestrator.run "
                    "where status <> 'succeeded' group by 1") if states["succeeded"] != len(self.accepted) else ""
        if codes:
            print("  what failed:", codes.replace("\n", ", "))

    def ask(self, method, path, body):
        """One call, made again while its answer may be another one later: what was killed last may still start."""
        limit = time.time() + 60
        while True:
            status, document = self.stack.call(method, path, body)
            if status not in RETRYABLE or time.time() > limit:
                return status, document
            time.sleep(0.2)

    def left(self, table):
        """Ended runs' timers go a moment after the run."""
        for _ in range(20):
            count = self.stack.sql(f"select count(*) from orchestrator.{table}")
            if count == "0":
                break
            time.sleep(0.5)
        return count

    def money(self):
        usage = {}
        charged = kept = 0
        # Rows are written a moment after their calls, those of killed routers when another one takes their notes over.
        for _ in range(60):
            _, usage = self.stack.call("GET", "/mock/usage", port=self.stack.mock)
            kept, charged = (int(value) for value in self.stack.sql(
                "select coalesce(sum(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens), 0), "
                "coalesce(sum(charged_tokens), 0) from llm_router.call where cache <> 'hit'").split("|"))
            delivered = usage["input_tokens"] + usage["output_tokens"]
            if usage.get("running", 0) == 0 and charged >= delivered:
                break
            time.sleep(1)
        self.delivered, self.charged, self.kept = delivered, charged, kept
        print(f"  provider delivered {delivered} tokens in {usage['calls']} calls; the ledger has {kept}, charged {charged} "
              f"({charged / max(1, delivered):.3f} x)")
        self.expect_at_least("tokens that the provider delivered", delivered, 1)
        self.expect("tokens that the ledger misses", str(max(0, delivered - charged)))
        self.expect("charged more than 1.2 times what was delivered", str(charged > 1.2 * delivered), "False")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=".build/release", help="folder of the executables")
    parser.add_argument("--seconds", type=int, default=600, help="how long to disturb")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="moments of the faults follow from it")
    parser.add_argument("--rate", type=float, default=5, help="tasks a second, about")
    parser.add_argument("--replicas", type=int, default=2, help="processes of each service")
    parser.add_argument("--drain", type=int, default=180, help="seconds until everything must have ended")
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    print(f"Chaos: seed {options.seed}, {options.seconds} s, {options.replicas} replicas of each service", flush=True)
    stack = Stack(options)
    chaos = Chaos(stack, options)
    try:
        chaos.run()
    finally:
        stack.stop()
        if options.keep or chaos.violations:
            print(f"  logs and data: {stack.folder}")
        else:
            shutil.rmtree(stack.folder, ignore_errors=True)
    print(f"Accepted {len(chaos.accepted)} tasks; answers to repeat: {dict(chaos.refusals)}; direct calls: {dict(chaos.direct)}")
    for label, count in sorted(chaos.faults.items()):
        print(f"  {count:4} x {label}")
    for violation in chaos.violations:
        print("VIOLATION:", violation)
    print(f"{len(chaos.violations)} violations")
    return 1 if chaos.violations else 0


if __name__ == "__main__":
    sys.exit(main())
