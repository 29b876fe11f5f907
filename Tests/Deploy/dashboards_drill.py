#!/usr/bin/env python3
"""Checks every query of every dashboard on a real Prometheus, which scrapes a local stack under load and the exporters of
Postgres, Redis and the machine.

Usage: dashboards_drill.py --bin FOLDER [--seconds N] [--render FOLDER]
It needs Debian's packages prometheus, prometheus-postgres-exporter, prometheus-redis-exporter and prometheus-node-exporter.
"""
import argparse
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from stack import free_port  # noqa: E402

PATIENCE_SECONDS = 120
# What later versions of the exporter, as in the production stack, export of tables by themselves.
TABLES = """
pg_stat_user_tables:
  query: "select current_database() as datname, schemaname, relname, n_live_tup, n_dead_tup from pg_stat_user_tables"
  metrics:
    - {datname: {usage: LABEL, description: Database}}
    - {schemaname: {usage: LABEL, description: Schema}}
    - {relname: {usage: LABEL, description: Table}}
    - {n_live_tup: {usage: GAUGE, description: Live rows}}
    - {n_dead_tup: {usage: GAUGE, description: Dead rows}}
"""
OTHER = "cadre_second_tenant_of_the_drill"


class Drill:
    def __init__(self, options):
        self.options, self.programs, self.ends = options, [], threading.Event()
        self.folder = tempfile.mkdtemp(prefix="cadre-dashboards-")
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.data = f"{self.folder}/data"
        self.accepted = 0

    def start(self, *command, **variables):
        log = open(f"{self.folder}/{os.path.basename(command[0])}.log", "w")
        self.programs.append(subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **variables}))

    def stop(self):
        self.ends.set()
        for program in reversed(self.programs):
            program.terminate()
        for program in reversed(self.programs):
            try:
                program.wait(timeout=60)
            except subprocess.TimeoutExpired:
                program.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def until(self, what, test):
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                if test():
                    return
            except (OSError, ValueError, KeyError, http.client.HTTPException):
                pass
            time.sleep(0.2)
        raise SystemExit(f"not within {PATIENCE_SECONDS} s: {what}")

    def call(self, method, path, body=None, key=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, json.dumps(body) if body else None,
                           {"authorization": f"Bearer {key or self.key}", "content-type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def stack(self):
        os.makedirs(self.data)
        digest = subprocess.run(["sha256sum"], input=OTHER.encode(), capture_output=True, check=True).stdout.split()[0].decode()
        with open(f"{self.folder}/gateway.yaml", "w") as file:
            file.write("auth:\n  keys:\n    - name: other\n      tenant: tenant_00000000000070008000000000000002\n"
                       f"      sha256: {digest}\n")
        self.start(f"{self.options.bin}/cadre", "up", "--data", self.data, "--port", str(self.port), "--replicas", "2", "--no-example",
                   "--set", f"gateway.CADRE_CONFIG={self.folder}/gateway.yaml",
                   # Nobody listens there: the metrics of a collector that is away.
                   OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        self.until("the stack is ready", lambda: subprocess.run(
            [f"{self.options.bin}/cadre", "status", "--data", self.data, "--json"], capture_output=True).returncode == 0)
        with open(f"{self.data}/api-key") as file:
            self.key = file.readline().strip()
        with open(f"{self.data}/stack.json") as file:
            return json.load(file)

    def exporters(self, state):
        ports = {name: free_port() for name in ("postgres", "redis", "node")}
        with open(f"{self.folder}/tables.yaml", "w") as file:
            file.write(TABLES)
        # With the role that it has in the production stack.
        with open(f"{ROOT}/deploy/postgres/monitor.sql") as file:
            subprocess.run(["psql", "-Xq", state["postgres"]], input="\\set password 'none'\n" + file.read(), text=True, check=True)
        self.start("prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{ports['postgres']}",
                   f"--extend.query-path={self.folder}/tables.yaml",
                   DATA_SOURCE_NAME=f"{state['postgres']} user=cadre_monitor password=none sslmode=disable")
        self.start("prometheus-redis-exporter", f"--web.listen-address=127.0.0.1:{ports['redis']}",
                   f"--redis.addr=unix://{state['redis'][len('unix:'):]}")
        self.start("prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{ports['node']}")
        return ports

    def prometheus(self, state, ports):
        jobs = {}
        for process in state["processes"]:
            jobs.setdefault(process["service"], []).append(f"127.0.0.1:{process['admin_port']}")
        jobs.update({name: [f"127.0.0.1:{port}"] for name, port in ports.items()})
        rules = [os.path.abspath(f"{ROOT}/dashboards/rules/{name}.yaml") for name in ("alerts", "slo")]
        with open(f"{self.folder}/prometheus.yml", "w") as file:
            json.dump({
                "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "2s"}, "rule_files": rules,
                "scrape_configs": [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in jobs.items()],
            }, file)
        port = free_port()
        self.start("prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/tsdb",
                   f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage")
        url = f"http://127.0.0.1:{port}"

        def is_scraping():
            with urllib.request.urlopen(f"{url}/api/v1/targets?state=active", timeout=10) as answer:
                targets = json.load(answer)["data"]["activeTargets"]
            return len(targets) == sum(map(len, jobs.values())) and all(one["health"] == "up" for one in targets)

        self.until("every target is scraped", is_scraping)
        return url

    def load(self):
        number = 0
        while not self.ends.is_set():
            number += 1
            key = OTHER if number % 4 == 0 else None
            try:
                status, _ = self.call("POST", "/api/v1/tasks", {"prompt": f"task {number}"}, key)
                self.accepted += status in (200, 202)
                if number % 3 == 0:
                    chat = {"model": "mock-model", "temperature": 0, "max_tokens": 50, "messages": [{"role": "user", "content": f"n {number % 20}"}]}
                    self.call("POST", "/v1/chat/completions", {**chat, "stream": number % 2 == 0}, key, **{"x-cadre-project": f"project {number % 2}"})
                    # This agent's budget is spent soon, and its rate limited.
                    self.call("POST", "/v1/chat/completions", chat, None, **{"x-cadre-agent": "poor"})
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)

    def run(self):
        state = self.stack()
        url = self.prometheus(state, self.exporters(state))
        for path, body in (("/api/v1/budgets", {"scope": "agent", "subject": "poor", "period": "day", "tokens": 200, "alert_percent": 50}),
                           ("/api/v1/rate-limits", {"scope": "agent", "subject": "poor", "requests_per_minute": 600})):
            status, text = self.call("POST", path, body)
            assert status == 201, text
        for _ in range(4):
            threading.Thread(target=self.load, daemon=True).start()
        time.sleep(self.options.seconds)
        command = [sys.executable, f"{ROOT}/dashboards/check.py", "--prometheus", url, "--minutes", "5"]
        if self.options.render:
            command += ["--render", self.options.render]
        status = subprocess.run(command).returncode
        print(f"{self.accepted} tasks accepted in {self.options.seconds} s")
        return status


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="folder of the executables")
    parser.add_argument("--seconds", type=int, default=90, help="how long the load lasts before the check; metrics of tenants take 30")
    parser.add_argument("--render", help="folder for pictures")
    drill = Drill(parser.parse_args())
    try:
        status = drill.run()
    finally:
        drill.stop()
    sys.exit(status)


if __name__ == "__main__":
    main()
