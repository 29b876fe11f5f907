#!/usr/bin/env python3
"""Measures durable workflows of three steps that do nothing: one and two orchestrators through the worker protocol, against DBOS
and against bare inserts, on one Postgres with synchronous commits, in one run.

Usage: workflows.py --bin FOLDER [--quick] [--python PYTHON_WITH_DBOS]
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

from bench import Bench, children, free_port, start, stop_all, tool, wait_http

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Support"))
import assertions  # noqa: E402

GATEWAY_KEYS = "bench:bench-gateway-secret-0123456789-0123"
STEP_KEYS = "bench:bench-step-secret-0123456789-0123456"
WORKER_KEYS = "bench:bench-worker-secret-0123456789-01234"
TENANT = "tenant_00000000000070008000000000000001"


class WorkflowBench(Bench):
    admin = {}
    """The ports of the admin listeners, by those of the services."""

    def sql(self, text):
        folders = [f"/usr/lib/postgresql/{version}/bin" for version in range(20, 9, -1)]
        return subprocess.run(
            [tool("psql", "postgresql-client", folders), "-qAtc", text, *self.connection], capture_output=True, text=True, check=True).stdout.strip()

    def orchestrator(self):
        port = free_port()
        self.admin[port] = free_port()
        child = start(
            [os.path.join(self.bin, "orchestrator")],
            env={"PATH": os.environ["PATH"], "CADRE_HTTP_PORT": str(port), "CADRE_ADMIN_PORT": str(self.admin[port]),
                 "CADRE_IDENTITY_GATEWAY_KEYS": GATEWAY_KEYS, "CADRE_IDENTITY_STEP_KEYS": STEP_KEYS,
                 "CADRE_IDENTITY_WORKER_KEYS": WORKER_KEYS,
                 "CADRE_POSTGRES_URL": f"host={self.sockets} user=bench dbname=postgres", "CADRE_LOG_LEVEL": "warning"})
        wait_http(port)
        return port, child

    def api(self, port, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", method=method, data=json.dumps(body).encode() if body is not None else None,
            headers={"x-cadre-assertion": assertions.caller(GATEWAY_KEYS, TENANT, "orchestrator"), "content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def load(self, ports, runs, open_max):
        text = subprocess.run(
            [os.path.join(self.bin, "bench-worker"), ",".join(map(str, ports)), GATEWAY_KEYS, WORKER_KEYS, "bench-three", str(runs), str(open_max)],
            capture_output=True, text=True, timeout=300)
        if text.returncode != 0:
            print(f"  bench-worker: {text.stdout} {text.stderr}", file=sys.stderr)
        return json.loads(text.stdout.strip().splitlines()[-1])

    def dbos(self, python, count, threads):
        url = f"postgresql+psycopg://bench@/dbos_bench?host={self.sockets}"
        text = subprocess.run(
            [python, os.path.join(os.path.dirname(__file__), "dbos_workflow.py"), url, str(count), str(threads)],
            capture_output=True, text=True, timeout=300)
        if text.returncode != 0:
            print(text.stderr[-2000:], file=sys.stderr)
            return None
        return json.loads(text.stdout.strip().splitlines()[-1])

    def inserts(self, clients, seconds):
        path = os.path.join(self.folder, "insert.sql")
        with open(path, "w") as file:
            file.write("insert into bench_insert (body) values (repeat('x', 200));\n")
        text = subprocess.run(
            [self.pgbench, "-n", "-M", "prepared", "-f", path, "-c", str(clients), "-j", "1", "-T", str(seconds), *self.connection],
            capture_output=True, text=True, check=True).stdout
        return float(next(line for line in text.splitlines() if line.startswith("tps")).split()[2])

    def counters(self):
        text = self.sql(
            "select xact_commit, pg_current_wal_lsn() - '0/0'::pg_lsn, (select wal_fpi from pg_stat_wal) "
            "from pg_stat_database where datname = 'postgres'")
        return [int(float(part)) for part in text.split("|")]

    def histogram(self, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin[port]}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        rows = re.findall(r'cadre_step_dispatch_seconds_bucket\{.*?le="([^"]+)"\} (\d+)', text)
        return {float(bound.replace("+Inf", "inf")): int(count) for bound, count in rows}

    def dispatch(self, port):
        """Time from ready to leased, from the service's own histogram: one run at a time, and under load."""
        for name, runs, open_max in (("idle", 300, 1), ("256 open", 3000, 256)):
            before = self.histogram(port)
            self.load([port], runs, open_max)
            after = self.histogram(port)
            total = after[float("inf")] - before[float("inf")]
            bound = lambda part: next(le for le in sorted(after) if after[le] - before[le] >= total * part)
            print(f"dispatch, {name}: p50 <= {bound(0.5) * 1000:g} ms, p99 <= {bound(0.99) * 1000:g} ms")

    def recovery(self, port):
        """A killed orchestrator comes back: from the kill until a run that was open is leased again."""
        times = []
        for _ in range(3):
            other, child = self.orchestrator()
            self.load([port], 50, 8)
            start_of = time.monotonic()
            child.kill()
            child.wait()
            self.load([port], 1, 1)
            times.append((time.monotonic() - start_of) * 1000)
        print(f"kill -9 of one of two replicas: next run through the other after {statistics.median(times):.0f} ms")

    def resident(self, child):
        with open(f"/proc/{child.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024

    def waiting(self, port, count):
        self.api(port, "PUT", "/api/v1/workflows/bench-wait", {"name": "bench-wait", "steps": [
            {"key": "wait", "type": "signal", "signal": "go"}]})
        before, size = self.resident(self.first), self.total_size()
        subprocess.run(
            [os.path.join(self.bin, "bench-worker"), str(port), GATEWAY_KEYS, WORKER_KEYS, "bench-wait", str(count), "0"],
            capture_output=True, text=True, timeout=300)
        time.sleep(1)
        after, grown = self.resident(self.first), self.total_size() - size
        rate = self.load([port], 3000, 256)["rate"]
        print(f"{count:,} waiting runs: {(after - before) / count:,.0f} bytes of memory and {grown / count:,.0f} bytes of tables each; "
              f"{rate:,.0f} workflows/s beside them")

    def total_size(self):
        """Of what a waiting run has rows in; other tables shrink and grow with the load before."""
        return int(self.sql("select sum(pg_total_relation_size(c.oid)) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
                            "where nspname = 'orchestrator' and relname in ('run', 'history', 'task', 'timer', 'payload')"))

    def run_all(self, options):
        quick = options.quick
        self.databases()
        self.sql("create database dbos_bench")
        first, self.first = self.orchestrator()
        self.api(first, "PUT", "/api/v1/workflows/bench-three", {"name": "bench-three", "steps": [
            {"key": "one", "job_type": "bench"}, {"key": "two", "job_type": "bench", "depends_on": ["one"]},
            {"key": "three", "job_type": "bench", "depends_on": ["two"]}]})
        runs = 2000 if quick else 10000
        self.load([first], 500, 64)
        results = {"ours": [], "two": [], "dbos": [], "insert": []}
        for _ in range(self.rounds):
            before = self.counters()
            results["ours"].append(self.load([first], runs, 256))
            time.sleep(1.2)
            after = self.counters()
            results.setdefault("commits", []).append((after[0] - before[0]) / runs)
            results.setdefault("wal", []).append((after[1] - before[1]) / runs)
            results.setdefault("fpi", []).append((after[2] - before[2]) / runs)
            if options.python:
                results["dbos"].append(self.dbos(options.python, 300 if quick else 1000, 4))
            results["insert"].append(self.inserts(16, 1 if quick else 3))
        # In turns, with new processes: the tables grow from load to load, and a replica remembers another for a while.
        self.first.terminate()
        self.first.wait(20)
        for _ in range(2 * self.rounds):
            first, self.first = self.orchestrator()
            self.load([first], runs // 4, 256)
            results.setdefault("alone", []).append(self.load([first], runs, 256))
            second, child = self.orchestrator()
            self.load([first, second], runs // 4, 256)
            results["two"].append(self.load([first, second], runs, 256))
            for one in (child, self.first):
                one.terminate()
                one.wait(20)
        first, self.first = self.orchestrator()
        lone = self.load([first], 200, 1)
        half = statistics.median(one["rate"] for one in results["ours"])
        median = lambda name, key="rate": statistics.median(one[key] for one in results[name])
        print(f"one orchestrator: {median('ours'):,.0f} workflows/s, p50 {median('ours', 'p50'):.1f} ms, p99 {median('ours', 'p99'):.1f} ms at 256 open")
        print(f"one at a time: p50 {lone['p50']:.2f} ms, p99 {lone['p99']:.2f} ms")
        print(f"two orchestrators: {median('two'):,.0f} workflows/s = {median('two') / median('alone'):.2f} x one in turns with them")
        print(f"commits per workflow: {statistics.median(results['commits']):.2f}; WAL: {statistics.median(results['wal']):,.0f} bytes "
              f"with {statistics.median(results['fpi']):.2f} full-page images (least: {min(results['wal']):,.0f} with {min(results['fpi']):.2f})")
        print(f"pgbench insert, 16 clients: {statistics.median(results['insert']):,.0f}/s; ours = {half / statistics.median(results['insert']):.3f} x")
        if options.python and all(results["dbos"]):
            print(f"DBOS: {median('dbos'):,.0f} workflows/s, p50 {median('dbos', 'p50'):.1f} ms; ours = {half / median('dbos'):.1f} x")
        print(subprocess.run([os.path.join(self.bin, "bench-worker"), "replay"], capture_output=True, text=True).stdout.strip())
        self.dispatch(first)
        self.recovery(first)
        self.waiting(first, 20_000 if quick else 100_000)
        rows = self.sql(
            "select relname || ' ' || pg_total_relation_size(c.oid) from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where nspname = 'orchestrator' and relkind = 'r' order by pg_total_relation_size(c.oid) desc limit 6")
        count = int(self.sql("select count(*) from orchestrator.run"))
        for line in rows.splitlines():
            name, size = line.split()
            print(f"  {name}: {int(size) / count:,.0f} bytes per run")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--python", help="a Python in which dbos is installed")
    options = parser.parse_args()
    bench = WorkflowBench(options)
    try:
        bench.run_all(options)
    finally:
        stop_all()
        shutil.rmtree(bench.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
