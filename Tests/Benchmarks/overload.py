#!/usr/bin/env python3
"""What the limits of the gateway cost, and what is left of its throughput when ten times as many clients come as it serves.

One gateway with limits and one with none before the same nginx, in turn; a Redis of their own; medians are shown. Client, servers and
Redis share the machine, so only ratios within one run mean anything. Usage: overload.py --bin FOLDER [--plain GATEWAY] [--quick]
`--plain` is the gateway of another build, in place of this one without limits.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "Deploy"), os.path.join(HERE, "..", "Faults")]
from bench import free_port, milliseconds, start, stop_all, tool, wait_http  # noqa: E402
from postgres_server import Server  # noqa: E402

KEY = "overload-bench-key-0123456789"
TENANT = "tenant_00000000000070008000000000000001"
BODY = json.dumps({"id": "task_1", "status": "running", "text": "x" * 400})
# Connections that the gateway serves at a time, and ten times as many.
SERVED, OVERLOAD = 64, 640


def upstream(folder):
    port = free_port()
    with open(f"{folder}/nginx.conf", "w") as file:
        file.write(f"""
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location = /readyz {{ return 200 ok; }}
    location / {{ return 200 '{BODY}'; }} }} }}
""")
    start([tool("nginx", "nginx"), "-p", folder, "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
    wait_http(port)
    return port


def redis(folder):
    socket = f"{folder}/redis.sock"
    start(["redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", folder],
          stdout=subprocess.DEVNULL)
    while not os.path.exists(socket):
        time.sleep(0.01)
    return socket


def gateway(folder, program, behind, socket, postgres, settings):
    port, admin = free_port(), free_port()
    config = f"{folder}/gateway-{port}.json"
    with open(config, "w") as file:
        json.dump({"auth": {"keys": [
            {"name": "bench", "tenant": TENANT, "sha256": hashlib.sha256(KEY.encode()).hexdigest()}]}}, file)
    child = start([program], stderr=open(f"{folder}/gateway-{port}.log", "wb"), env={
        "PATH": os.environ["PATH"], "CADRE_CONFIG": config, "CADRE_HTTP_PORT": str(port), "CADRE_ADMIN_PORT": str(admin),
        "CADRE_ORCHESTRATOR_URL": f"http://127.0.0.1:{behind}", "CADRE_LLM_ROUTER_URL": f"http://127.0.0.1:{behind}",
        "CADRE_IDENTITY_GATEWAY_KEYS": "a:" + "s" * 32, "OTEL_SDK_DISABLED": "true",
        **({} if settings is None else {
            "CADRE_REDIS_URL": f"unix:{socket}", "CADRE_POSTGRES_URL": postgres.url(),
            "CADRE_IDENTITY_KEY_SECRETS": "a:" + "k" * 32, "CADRE_AUDIT_KEYS": "a:" + "u" * 32, **settings})})
    wait_http(admin)
    return port, child.pid


def memory(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def load(port, connections, seconds):
    text = subprocess.run(
        [tool("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", f"Authorization: Bearer {KEY}",
         "-H", "Content-Type: application/json", f"http://127.0.0.1:{port}/api/v1/tasks/task_00000000000070008000000000000001"],
        capture_output=True, text=True).stdout
    total = int(re.search(r"(\d+) requests in", text).group(1))
    took = float(re.search(r"requests in ([\d.]+)s", text).group(1))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    bad = int(refused.group(1)) if refused else 0
    return {"good": (total - bad) / took, "bad": bad / took,
            "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1))}


def median(results):
    return {key: statistics.median(one[key] for one in results) for key in results[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--plain", help="the gateway of another build")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    seconds, rounds = (2, 1) if options.quick else (4, 3)
    folder = tempfile.mkdtemp(prefix="cadre-overload-")
    os.chmod(folder, 0o755)
    postgres = Server(folder, "postgres")
    many = "read 1000000:1000000"
    # A class that is left out has no limit; an empty text is that of the default.
    unused = "model 1000000:1000000"
    none = {"CADRE_LIMITS_CREDENTIAL": unused, "CADRE_LIMITS_TENANT": unused, "CADRE_LIMITS_CREDENTIAL_IN_FLIGHT_MAX": "0",
            "CADRE_LIMITS_TENANT_IN_FLIGHT_MAX": "0", "CADRE_LOAD_LAG_MAX_MS": "0", "CADRE_LOAD_IN_FLIGHT_MAX": "1000000"}
    full = {"CADRE_LIMITS_CREDENTIAL": many, "CADRE_LIMITS_TENANT": many, "CADRE_LOAD_IN_FLIGHT_MAX": str(2 * SERVED)}
    try:
        behind, socket = upstream(folder), redis(folder)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        postgres.create()
        ours = os.path.join(os.path.abspath(options.bin), "gateway")
        # A gateway from before there were limits knows none of these settings.
        plain = gateway(folder, options.plain or ours, behind, socket, postgres, None if options.plain else none)
        limited = gateway(folder, ours, behind, socket, postgres, full)
        for port, _ in (plain, limited):
            load(port, SERVED, 1)
        one = {"plain": [], "limited": []}
        peak, over = {"plain": [], "limited": []}, {"plain": [], "limited": []}
        for _ in range(rounds):
            for name, (port, _) in (("plain", plain), ("limited", limited)):
                one[name].append(load(port, 1, seconds))
                peak[name].append(load(port, SERVED, seconds))
        before = memory(limited[1])
        for _ in range(rounds):
            for name, (port, _) in (("plain", plain), ("limited", limited)):
                over[name].append(load(port, OVERLOAD, seconds))
        first = memory(limited[1])
        load(limited[0], OVERLOAD, seconds * rounds)
        last = memory(limited[1])
        one, peak, over = ({name: median(many) for name, many in part.items()} for part in (one, peak, over))
        added = (one["limited"]["p50"] - one["plain"]["p50"]) * 1000
        ratio = over["limited"]["good"] / peak["plain"]["good"]
        print(f"one connection, p50: {one['limited']['p50'] * 1000:.0f} us, plain {one['plain']['p50'] * 1000:.0f} us, added {added:.0f} us")
        print(f"{SERVED} connections: {peak['limited']['good']:.0f}/s, plain {peak['plain']['good']:.0f}/s, "
              f"{peak['limited']['good'] / peak['plain']['good']:.2f} x")
        print(f"{OVERLOAD} connections: {over['limited']['good']:.0f}/s served and {over['limited']['bad']:.0f}/s refused, "
              f"plain {over['plain']['good']:.0f}/s; served: {ratio:.2f} x of the plain peak")
        print(f"memory: {before:.0f} MB before, {first:.0f} MB after the overload, {last:.0f} MB after as much again")
        if ratio < 0.8 or last > first * 1.1 + 4:
            sys.exit("the overload leaves less than 80 % of the peak, or memory grows")
    finally:
        stop_all()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
