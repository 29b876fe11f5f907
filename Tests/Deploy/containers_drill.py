#!/usr/bin/env python3
"""The drill of the production stack in containers: started from its files, killed, upgraded, changed and restored under load.

Usage: containers_drill.py [--version V] [--base IMAGE | --real-images] [--only WORD[,WORD...]] [--keep]
  --version V     of the images of Cadre, which are there (deploy/images/build.sh)
  --base IMAGE    of Debian 12, of which stand-ins for the images of others are built (default debian:bookworm-slim)
  --real-images   takes the images of others from their registries
  --only WORDS    of the parts: crashes, upgrade, overrides, backup, restart (default all; the stack is started always)
  --keep          leaves the stack running, and says where
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from containers_stack import Load, ROOT, Stack, command  # noqa: E402

OURS = ["orchestrator", "llm-router", "agent-core", "gateway"]
OVERRIDES = [["redis-tls"], ["postgres-tls"], ["pgbouncer"], ["opa"], ["redis-tls", "postgres-tls", "pgbouncer", "opa"]]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def get(url, user=None):
    request = urllib.request.Request(url)
    if user:
        request.add_header("authorization", "Basic " + base64.b64encode(user.encode()).decode())
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


class Drill:
    def __init__(self, options):
        self.stack = Stack(options.version, "" if options.real_images else options.base)
        self.version, self.next = options.version, f"{options.version}-next"
        for service in OURS:
            command("docker", "tag", f"cadre/{service}:{self.version}", f"cadre/{service}:{self.next}")
        # The command line too is of the version.
        command("docker", "tag", f"cadre/cadre:{self.version}", f"cadre/cadre:{self.next}")

    def url(self, name, path):
        return f"http://127.0.0.1:{self.stack.ports[name]}{path}"

    def query(self, expression):
        return get(self.url("PROMETHEUS_PORT", "/api/v1/query?query=" + urllib.request.quote(expression)))["data"]["result"]

    def check(self, load, what, may_fail):
        lost, unfinished = load.settled()
        say(f"{what}: {len(load.accepted)} tasks accepted, {lost} lost, {unfinished} not succeeded; {len(load.failed)} requests failed; "
            f"one caller waited {load.longest:.1f} s at most")
        for one in load.failed[:5]:
            print("   ", *one, flush=True)
        assert load.accepted and lost == 0 and unfinished == 0
        assert may_fail or not load.failed, load.failed[:10]

    # MARK: Parts

    def start(self):
        _, seconds = self.stack.run("up", "--no-build", "--version", self.version)
        self.stack.start_provider()
        say(f"started from nothing in {seconds:.0f} s; the first task is finished after {self.stack.finished():.1f} s more")
        self.healthy()

    def healthy(self):
        """What an operator looks at says that all is well."""
        limit = time.time() + 60
        # Providers are looked at now and then.
        while (done := self.stack.run("cadre", "doctor", check=False)[0]).returncode != 0:
            assert time.time() < limit, done.stdout + done.stderr
        self.stack.run("cadre", "status")
        down = lambda: sorted(one["labels"]["job"] for one in get(self.url("PROMETHEUS_PORT", "/api/v1/targets"))["data"]["activeTargets"] if one["health"] != "up")
        self.stack.until("all targets up", lambda: not down(), 60)
        rules = [rule for group in get(self.url("PROMETHEUS_PORT", "/api/v1/rules"))["data"]["groups"] for rule in group["rules"]]
        assert len(rules) > 80 and all(rule["health"] != "err" for rule in rules), [rule for rule in rules if rule["health"] == "err"]
        boards = get(self.url("GRAFANA_PORT", "/api/search?type=dash-db"), "admin:" + open(f"{self.stack.folder}/deploy/secrets/grafana_password").read())
        assert {one["uid"] for one in boards} >= {"cadre-overview", "cadre-gateway", "cadre-orchestrator", "cadre-postgres"}, boards
        say(f"doctor finds nothing; {len(self.query('up'))} targets up, {len(rules)} rules evaluated, {len(boards)} dashboards")

    def traces(self):
        """One trace of a task goes through all four services."""
        trace = os.urandom(16).hex()
        status, made = self.stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"traceparent": f"00-{trace}-{os.urandom(8).hex()}-01"})
        assert status == 202 or status == 201, (status, made)

        def services():
            try:
                found = get(self.url("JAEGER_PORT", f"/api/traces/{trace}"))["data"]
            except urllib.error.HTTPError:
                return set()
            return {process["serviceName"] for one in found for process in one["processes"].values()}
        self.stack.until(f"trace {trace} of all services", lambda: services() >= set(OURS), 40)
        say(f"a trace of a task arrived from {', '.join(sorted(services()))}")

    def crashes(self):
        with Load(self.stack) as load:
            time.sleep(3)
            for service in ["agent-core", "orchestrator", "llm-router", "gateway", "redis", "postgres"]:
                before, began = len(load.failed), time.time()
                container = self.stack.crash(service)
                self.stack.until(f"{service} started again", lambda: self.stack.inspect(container, "{{.State.Running}} {{.RestartCount}}").startswith("true ")
                                 and self.stack.inspect(container, "{{.RestartCount}}") != "0", 60)
                self.stack.wait_healthy(service)
                seconds = time.time() - began
                time.sleep(3)
                say(f"{service} killed: healthy again after {seconds:.1f} s, {len(load.failed) - before} requests failed")
        self.check(load, "crashes", may_fail=True)

    def upgrade(self):
        for version in (self.next, self.version):
            with Load(self.stack) as load:
                time.sleep(2)
                _, seconds = self.stack.run("upgrade", version)
                time.sleep(2)
            self.check(load, f"upgrade to {version} in {seconds:.0f} s", may_fail=False)
            images = {self.stack.inspect(one, "{{.Config.Image}}") for service in OURS for one in self.stack.containers(service)}
            assert images == {f"cadre/{service}:{version}" for service in OURS}, images
        self.broken()

    def broken(self):
        """A version that does not get healthy is taken away again, and nobody notices."""
        for service in OURS:
            command("docker", "build", "--quiet", "--tag", f"cadre/{service}:{self.version}-broken", "-", env={**os.environ, "DOCKER_BUILDKIT": "1"},
                    input=f'FROM cadre/{service}:{self.version}\nHEALTHCHECK --interval=1s CMD ["/usr/bin/absent"]\n')
        with Load(self.stack) as load:
            done, seconds = self.stack.run("upgrade", f"{self.version}-broken", "--wait", "10", check=False)
        assert done.returncode != 0 and "the old ones serve on" in done.stderr, done.stdout + done.stderr
        self.check(load, f"a version that is not healthy, taken away after {seconds:.0f} s", may_fail=False)
        images = {self.stack.inspect(one, "{{.Config.Image}}") for service in OURS for one in self.stack.containers(service)}
        assert images == {f"cadre/{service}:{self.version}" for service in OURS}, images

    def overrides(self):
        for names in OVERRIDES:
            what = " + ".join(names)
            with Load(self.stack, callers=2, pause=0.1) as load:
                _, seconds = self.stack.run("up", "--no-build", "--version", self.version, overrides=names)
                time.sleep(5)
            self.check(load, f"changed to {what} in {seconds:.0f} s", may_fail=True)
            self.healthy()
            for name in names:
                getattr(self, "is_" + name.replace("-", "_"))()
            with Load(self.stack) as load:
                time.sleep(10)
            self.check(load, f"{what}, 10 s of load", may_fail=False)
        with Load(self.stack) as load:
            _, seconds = self.stack.run("upgrade", self.next)
        self.check(load, f"upgrade with all of them in {seconds:.0f} s", may_fail=False)
        self.traces()
        self.stack.run("up", "--no-build", "--version", self.version, overrides=[])

    def is_redis_tls(self):
        plain = command("docker", "exec", self.stack.containers("redis")[0], "redis-cli", "ping", check=False)
        assert "PONG" not in plain.stdout, plain.stdout

    def is_postgres_tls(self):
        counts = self.stack.sql("select count(*) filter (where ssl), count(*) filter (where not ssl) from pg_stat_ssl join pg_stat_activity using (pid) where client_addr is not null")
        with_tls, without = map(int, counts.split("|"))
        assert with_tls > 5 and without == 0, counts
        say(f"{with_tls} connections of Postgres by TLS, none without")

    def is_pgbouncer(self):
        self.stack.until("figures of PgBouncer", lambda: self.query("pgbouncer_up == 1"), 40)
        clients = self.query('sum(pgbouncer_pools_client_active_connections{database="cadre"}) + sum(pgbouncer_pools_client_waiting_connections{database="cadre"})')
        sessions = self.query('sum({__name__=~"pgbouncer_pools_server_(active|idle|used)_connections", database="cadre"})')
        # The password is in no configuration that the engine shows.
        exporter = self.stack.containers("pgbouncer-exporter")[0]
        secret = open(f"{self.stack.folder}/deploy/secrets/postgres_monitor_password").read()
        assert secret not in command("docker", "inspect", exporter).stdout
        say(f"PgBouncer is scraped: {clients[0]['value'][1]} clients, {sessions[0]['value'][1]} sessions of the server")

    def is_opa(self):
        """Requests and calls of models are decided there, by the metrics of the services that ask."""
        asked = {one["metric"]["document"] for one in self.query('cadre_policy_decision_duration_seconds_count{source="server"} > 0')}
        assert asked >= {"cadre.http.decision", "cadre.models.decision"}, asked
        say("OPA decides " + ", ".join(sorted(asked)))

    def backup(self):
        with Load(self.stack) as before:
            time.sleep(5)
        before.settled()
        _, seconds = self.stack.run("backup")
        folder = f"{self.stack.folder}/deploy/backups"
        file = next(name for name in os.listdir(folder) if name.endswith(".pgdump.gpg"))
        with Load(self.stack) as after:
            time.sleep(2)
        after.settled()
        _, again = self.stack.run("restore", f"{folder}/{file}", "--yes")
        known = set(self.stack.sql("select 'task_' || replace(id::text, '-', '') from orchestrator.task").split())
        assert before.accepted <= known and not after.accepted & known
        say(f"backup in {seconds:.1f} s; restored in {again:.0f} s: {len(before.accepted)} tasks of before are there, {len(after.accepted)} of after are not; "
            f"a new task takes {self.stack.finished():.1f} s")

    def restart(self):
        tasks = self.stack.sql("select count(*) from orchestrator.task")
        # The provider is no part of the stack, and stands in a network of it.
        command("docker", "rm", "-f", f"{self.stack.project}-mock")
        self.stack.run("down")
        _, seconds = self.stack.run("up", "--no-build", "--version", self.version)
        self.stack.start_provider()
        assert self.stack.sql("select count(*) from orchestrator.task") == tasks
        say(f"stopped and started again in {seconds:.0f} s with all {tasks} tasks; a new one takes {self.stack.finished():.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", default=subprocess.run([f"{ROOT}/deploy/version"], capture_output=True, text=True).stdout.strip())
    parser.add_argument("--base", default="debian:bookworm-slim")
    parser.add_argument("--real-images", action="store_true")
    parser.add_argument("--only", default="crashes,upgrade,overrides,backup,restart")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    drill = Drill(options)
    began = time.time()
    try:
        drill.start()
        drill.traces()
        for part in options.only.split(","):
            getattr(drill, part)()
        say(f"done in {(time.time() - began) / 60:.1f} minutes")
    finally:
        if options.keep:
            print(f"the stack runs on: {drill.stack.folder}, {drill.stack.ports}")
        else:
            drill.stack.remove()


if __name__ == "__main__":
    main()
