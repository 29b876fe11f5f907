#!/usr/bin/env python3
"""Measures Cadre against its peers and limits in one run, on this machine, and prints a table.

Client, servers, database and baselines share the machine, so only ratios within one run mean anything. Rounds are interleaved
and medians are shown. Usage: bench.py --bin FOLDER [--quick] [--json FILE]
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Support"))
from ports import free_port  # noqa: E402,F401

HERE = os.path.dirname(os.path.abspath(__file__))
children = []


def tool(name, package, folders=()):
    path = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", *folders]))
    if not path:
        sys.exit(f"{name} is missing; install it with: apt-get install {package}")
    return path


def start(arguments, **more):
    child = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, **more)
    children.append(child)
    return child


def stop_all():
    for child in reversed(children):
        if child.poll() is None:
            child.send_signal(signal.SIGINT if "postgres" in str(child.args[0]) or "cadre" in str(child.args[0]) else signal.SIGTERM)
    for child in reversed(children):
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            child.kill()


def wait_http(port, path="/readyz", seconds=30):
    limit = time.time() + seconds
    while time.time() < limit:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.005)
    sys.exit(f"nothing answers on port {port}")


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


class Bench:
    def __init__(self, options):
        self.bin = os.path.abspath(options.bin)
        self.seconds = 1 if options.quick else 3
        self.rounds = 1 if options.quick else 3
        self.folder = tempfile.mkdtemp(prefix="cadre-bench-")
        os.chmod(self.folder, 0o755)
        self.rows = []
        self.key = "none"

    # -- load ---------------------------------------------------------------------------------------------------------

    def wrk(self, url, connections=64, script=None, threads=1):
        arguments = [tool("wrk", "wrk"), f"-t{threads}", f"-c{connections}", f"-d{self.seconds}s", "--latency"]
        if script:
            arguments += ["-s", os.path.join(HERE, script)]
        text = subprocess.run(
            arguments + [url], capture_output=True, text=True, env={**os.environ, "BENCH_KEY": self.key}).stdout
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        if bad:
            print(f"  {url}: {bad.group(1)} answers were errors", file=sys.stderr)
        return {
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1)),
            "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", text, re.M).group(1)),
        }

    def interleaved(self, *measures):
        results = [[] for _ in measures]
        for _ in range(self.rounds):
            for index, measure in enumerate(measures):
                results[index].append(measure())
        return [
            {key: statistics.median(one[key] for one in many) for key in many[0]} if isinstance(many[0], dict)
            else statistics.median(many) for many in results
        ]

    def row(self, what, ours, baseline, ratio, target):
        self.rows.append((what, ours, baseline, ratio, target))
        print(f"{what}: {ours} | {baseline} | {ratio} | target {target}", flush=True)

    def compare(self, what, ours, baseline, name, target):
        ratio = ours["rate"] / baseline
        self.row(what, f"{ours['rate']:,.0f}/s, p50 {ours['p50']:.2f} ms, p99 {ours['p99']:.2f} ms", f"{baseline:,.0f}/s {name}", f"{ratio:.2f} x", target)

    # -- servers ------------------------------------------------------------------------------------------------------

    def nginx(self, upstream):
        self.nginx_port, self.proxy_port = free_port(), free_port()
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w") as file:
            file.write(f"""
daemon off; worker_processes 2; pid {self.folder}/nginx.pid; error_log {self.folder}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; default_type text/plain;
  client_body_temp_path {self.folder}/n1; proxy_temp_path {self.folder}/n2; fastcgi_temp_path {self.folder}/n3;
  uwsgi_temp_path {self.folder}/n4; scgi_temp_path {self.folder}/n5;
  upstream mock {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{self.nginx_port} reuseport; location / {{ return 200 "hello, world\\n"; }} }}
  server {{ listen 127.0.0.1:{self.proxy_port} reuseport;
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}""")
        start([tool("nginx", "nginx-light"), "-c", path, "-p", self.folder], stderr=subprocess.DEVNULL)
        wait_http(self.nginx_port, "/")

    def databases(self):
        folders = [f"/usr/lib/postgresql/{version}/bin" for version in range(20, 9, -1)]
        self.pgbench = tool("pgbench", "postgresql-contrib", folders)
        data, self.sockets = os.path.join(self.folder, "pg"), os.path.join(self.folder, "s")
        for path in (data, self.sockets):
            os.mkdir(path)
        as_user = []
        if os.geteuid() == 0:
            shutil.chown(data, "postgres", "postgres")
            shutil.chown(self.sockets, "postgres", "postgres")
            as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        subprocess.run(
            as_user + [tool("initdb", "postgresql", folders), "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C"],
            check=True, stdout=subprocess.DEVNULL, cwd="/")
        postgres = tool("postgres", "postgresql", folders)
        start(
            as_user + [postgres, "-D", data, "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.sockets}",
                       "-c", "shared_buffers=256MB", "-c", "max_connections=200", "-c", "log_min_messages=fatal"],
            cwd="/", stderr=subprocess.DEVNULL)
        self.connection = ["-h", self.sockets, "-U", "bench", "postgres"]
        for _ in range(200):
            if subprocess.run([tool("psql", "postgresql-client", folders), "-qc", "create table bench_insert (id bigserial primary key, body text)", *self.connection], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        subprocess.run([self.pgbench, "-i", "-s", "1", "-q", *self.connection], check=True, capture_output=True)
        self.redis_socket = os.path.join(self.folder, "redis.sock")
        start([tool("redis-server", "redis-server"), "--port", "0", "--unixsocket", self.redis_socket, "--save", "", "--dir", self.folder], stdout=subprocess.DEVNULL)
        while not os.path.exists(self.redis_socket):
            time.sleep(0.01)

    def pgbench_rate(self, *arguments):
        text = subprocess.run(
            [self.pgbench, "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", str(self.seconds), *arguments, *self.connection],
            capture_output=True, text=True).stdout
        return float(re.search(r"tps = ([\d.]+)", text).group(1))

    def redis_rate(self):
        text = subprocess.run(
            [tool("redis-benchmark", "redis-tools"), "-s", self.redis_socket, "-t", "get", "-c", "64", "-n", str(100_000 * self.seconds), "-q", "--csv"],
            capture_output=True, text=True).stdout
        return float(re.search(r'"GET","([\d.]+)"', text).group(1))

    # -- measurements -------------------------------------------------------------------------------------------------

    def http(self):
        port = free_port()
        child = start([f"{self.bin}/bench-server", str(port), f"host={self.sockets} user=bench dbname=postgres", self.redis_socket], stdout=subprocess.DEVNULL)
        wait_http(port, "/small")
        base = f"http://127.0.0.1:{port}"
        ours, nginx = self.interleaved(lambda: self.wrk(base + "/small"), lambda: self.wrk(f"http://127.0.0.1:{self.nginx_port}/"))
        self.compare("small HTTP reply, 64 connections", ours, nginx["rate"], "nginx return 200", ">= 0.9 x")
        ours, redis = self.interleaved(lambda: self.wrk(base + "/redis"), self.redis_rate)
        self.compare("reply after one Redis GET", ours, redis, "redis-benchmark -c 64 GET", ">= 0.7 x")
        ours, select = self.interleaved(lambda: self.wrk(base + "/select"), lambda: self.pgbench_rate("-S"))
        self.compare("reply after one indexed SELECT", ours, select, "pgbench -S -c 16", ">= 0.5 x")
        script = os.path.join(self.folder, "insert.sql")
        with open(script, "w") as file:
            file.write("insert into bench_insert (body) values (repeat('x', 200));\n")
        ours, insert = self.interleaved(lambda: self.wrk(base + "/insert"), lambda: self.pgbench_rate("-f", script))
        self.compare("reply after one INSERT", ours, insert, "pgbench insert -c 16", ">= 0.5 x")
        child.terminate()
        for line in subprocess.run([f"{self.bin}/bench-server", "json"], capture_output=True, text=True).stdout.splitlines():
            name, rate = line.split("\t")
            self.row(f"JSON {name}", f"{rate} MB/s", "-", "-", ">= 400 MB/s long, 200 MB/s small")

    def stack(self):
        data = os.path.join(self.folder, "stack")
        self.port = free_port()
        arguments = [f"{self.bin}/cadre", "up", "--data", data, "--port", str(self.port), "--bin", self.bin, "--no-example",
                     # One key makes all of the load; what limits cost is measured by overload.py.
                     "--set", "gateway.CADRE_LIMITS_CREDENTIAL=model 1000000:1000000, read 1000000:1000000, write 1000000:1000000",
                     "--set", "gateway.CADRE_LIMITS_TENANT=model 1000000:1000000, read 1000000:1000000, write 1000000:1000000"]
        for attempt in ("first", "again"):
            child = start(arguments, stdout=subprocess.PIPE, text=True)
            for line in child.stdout:
                if "ready after" in line:
                    took = re.search(r"(\d+) ms", line).group(1)
                    break
            else:
                sys.exit("cadre up failed; see " + data + "/logs")
            if attempt == "first":
                child.send_signal(signal.SIGINT)
                child.wait(30)
        self.row("cold start of the whole stack on existing data", f"{took} ms", "-", "-", "<= 1000 ms")
        self.up = child
        with open(os.path.join(data, "api-key")) as file:
            self.key = file.read().strip()
        self.processes = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    name, rest = re.match(r"\d+ \((.*)\) (.*)", file.read()).groups()
                if int(rest.split()[1]) == child.pid:
                    self.processes[name] = int(pid)
            except (OSError, AttributeError):
                pass
        self.ports, self.admin_ports = {}, {}
        for name, pid in self.processes.items():
            with open(f"/proc/{pid}/environ") as file:
                environment = file.read()
            for ports, variable in ((self.ports, "CADRE_HTTP_PORT"), (self.admin_ports, "CADRE_ADMIN_PORT")):
                found = re.search(variable + r"=(\d+)", environment)
                if found:
                    ports[name] = int(found.group(1))

    def cpu(self, pid):
        """CPU seconds of a process and of those that it has started."""
        total = 0
        for one in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{one}/stat") as file:
                    fields = re.match(r"\d+ \(.*\) (.*)", file.read()).group(1).split()
                if int(one) == pid or int(fields[1]) == pid:
                    total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            except (OSError, AttributeError):
                pass
        return total

    def idle(self):
        time.sleep(1)
        before = {name: self.cpu(pid) for name, pid in self.processes.items()}
        time.sleep(4)
        for name, pid in sorted(self.processes.items()):
            if name not in self.ports:
                continue
            with open(f"/proc/{pid}/status") as file:
                rss = int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024
            busy = (self.cpu(pid) - before[name]) / 4 * 100
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_ports[name]}/statusz") as answer:
                json.load(answer)
            self.row(f"idle {name}", f"{rss:.1f} MB, {busy:.2f}% CPU", "-", "-", "<= 25 MB, < 0.5%")
        for name in ("gateway", "llm-router", "mock-provider"):
            if name in self.processes:
                self.start_up(name)

    def start_up(self, name):
        with open(f"/proc/{self.processes[name]}/environ") as file:
            environment = dict(item.split("=", 1) for item in file.read().split("\0") if "=" in item)
        times = []
        for _ in range(3):
            environment["CADRE_HTTP_PORT"], environment["CADRE_ADMIN_PORT"] = str(free_port()), str(free_port())
            began = time.time()
            child = start([f"{self.bin}/{name}"], env=environment, stderr=subprocess.DEVNULL)
            wait_http(int(environment["CADRE_ADMIN_PORT"]))
            times.append((time.time() - began) * 1000)
            child.terminate()
            child.wait(20)
        self.row(f"start to ready, {name}", f"{statistics.median(times):.0f} ms", "-", "-", "<= 100 ms")

    def proxied(self):
        mock = f"http://127.0.0.1:{self.ports['mock-provider']}/v1/chat/completions"
        proxy = f"http://127.0.0.1:{self.proxy_port}/v1/chat/completions"
        ours = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        saved, self.key = self.key, "sk-mock-provider"
        gateway_key = saved

        def through_gateway(connections):
            self.key = gateway_key
            try:
                return self.wrk(ours, connections, "completion.lua")
            finally:
                self.key = "sk-mock-provider"

        for connections in (1, 16):
            direct, nginx, both = self.interleaved(
                lambda: self.wrk(mock, connections, "completion.lua"), lambda: self.wrk(proxy, connections, "completion.lua"),
                lambda: through_gateway(connections))
            self.compare(
                f"model call through gateway and llm-router (two hops), {connections} connections", both, nginx["rate"],
                f"nginx proxy_pass (one hop), p50 {nginx['p50']:.2f} ms; direct {direct['rate']:,.0f}/s, p50 {direct['p50']:.2f} ms",
                ">= 0.6 x for one hop")
        self.key = saved

    def tasks(self):
        url = f"http://127.0.0.1:{self.port}/api/v1/tasks"
        for connections, target in ((1, "-"), (5, "p50 <= 5 ms, p99 <= 25 ms"), (64, ">= 1,000 tasks/s")):
            before = {name: self.cpu(pid) for name, pid in self.processes.items()}
            began = time.time()
            result = self.interleaved(lambda: self.wrk(url, connections, "task.lua"))[0]
            took = time.time() - began
            self.row(
                f"task end to end, {connections} at a time", f"{result['rate']:,.0f}/s, p50 {result['p50']:.2f} ms, p99 {result['p99']:.2f} ms",
                "-", "-", target)
        total = result["rate"] * self.seconds * self.rounds
        spent = {name: (self.cpu(pid) - before[name]) / total * 1e6 for name, pid in self.processes.items()}
        where = ", ".join(f"{name} {spent[name]:.0f}" for name in sorted(spent, key=spent.get, reverse=True) if spent[name] >= 1)
        self.row("CPU of one task at 64, microseconds", where, "-", "-", "where the time goes")

    def run(self):
        self.databases()
        self.stack()
        self.nginx(self.ports["mock-provider"])
        self.http()
        self.idle()
        self.proxied()
        self.tasks()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, help="folder of the release executables")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--json", help="write the rows to this file")
    options = parser.parse_args()
    for name in ("cadre", "gateway", "orchestrator", "llm-router", "agent-core", "mock-provider", "bench-server"):
        if not os.path.exists(os.path.join(options.bin, name)):
            sys.exit(f"{options.bin}/{name} is missing; make bench builds it, and runs this")
    bench = Bench(options)
    try:
        bench.run()
    finally:
        stop_all()
        shutil.rmtree(bench.folder, ignore_errors=True)
    print("\n| what | ours | baseline in the same run | ratio | target |\n| --- | --- | --- | --- | --- |")
    for row in bench.rows:
        print("| " + " | ".join(row) + " |")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(bench.rows, file, indent=1)


if __name__ == "__main__":
    main()
