#!/usr/bin/env python3
"""What a request costs at the gateway with everything that stands before a service: a key of the database, limits in Redis, policies,
and for changes the audit log. Against nginx `proxy_pass`, and against the same gateway with as little as possible, in turn and before the
same upstream; medians are shown. Client, servers, Redis and Postgres share the machine, so only ratios within one run mean anything.

Usage: gateway.py --bin FOLDER [--quick]
"""

import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile

from bench import free_port, milliseconds, start, stop_all, tool, wait_http
import overload

HERE = os.path.dirname(os.path.abspath(__file__))
TASK = "/api/v1/tasks/task_00000000000070008000000000000001"
CHANGE = """
wrk.method = "POST"
wrk.body = '{"prompt": "What is 6 times 7?"}'
"""


def proxy(folder, behind):
    port = free_port()
    with open(f"{folder}/proxy.conf", "w") as file:
        file.write(f"""
daemon off; worker_processes 2; pid {folder}/proxy.pid; error_log {folder}/proxy.log;
events {{ worker_connections 8192; }}
http {{ access_log off; keepalive_requests 1000000000;
  upstream behind {{ server 127.0.0.1:{behind}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport;
    location / {{ proxy_pass http://behind; proxy_http_version 1.1; proxy_set_header Connection ""; }} }} }}
""")
    start([tool("nginx", "nginx"), "-p", folder, "-c", f"{folder}/proxy.conf"], stderr=subprocess.DEVNULL)
    wait_http(port, "/readyz")
    return port


def call(port, method, path, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, json.dumps(body), {
        "Authorization": f"Bearer {overload.KEY}", "Content-Type": "application/json"})
    answer = connection.getresponse()
    document = json.loads(answer.read())
    if answer.status not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status} {document}")
    return document


def stored_key(port):
    """A key of a service account, as programs have them."""
    account = call(port, "POST", "/api/v1/service-accounts", {"name": "bench", "role": "member"})
    made = call(port, "POST", "/api/v1/keys", {
        "name": "bench", "service_account_id": account["id"], "grants": ["read", "write"]})
    return next(value for value in made.values() if isinstance(value, str) and value.startswith("cadre_"))


def load(folder, port, key, connections, seconds, path=TASK, script=None):
    command = [tool("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency",
               "-H", f"Authorization: Bearer {key}", "-H", "Content-Type: application/json"]
    if script:
        with open(f"{folder}/change.lua", "w") as file:
            file.write(script)
        command += ["-s", f"{folder}/change.lua"]
    text = subprocess.run(command + [f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True).stdout
    if "Non-2xx" in text:
        raise SystemExit(f"{path} at port {port} is refused: {text}")
    return {"rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1)) * 1000,
            "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", text, re.M).group(1)) * 1000}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    seconds, rounds = (2, 1) if options.quick else (4, 5)
    folder = tempfile.mkdtemp(prefix="cadre-gateway-")
    os.chmod(folder, 0o755)
    postgres = overload.Server(folder, "postgres")
    many = "read 1000000:1000000, write 1000000:1000000"
    # A class that is left out has no limit; an empty text is that of the default.
    unused = "model 1000000:1000000"
    bare = {"CADRE_LIMITS_CREDENTIAL": unused, "CADRE_LIMITS_TENANT": unused, "CADRE_LIMITS_CREDENTIAL_IN_FLIGHT_MAX": "0",
            "CADRE_LIMITS_TENANT_IN_FLIGHT_MAX": "0", "CADRE_LOAD_LAG_MAX_MS": "0", "CADRE_LOAD_IN_FLIGHT_MAX": "1000000",
            "CADRE_POLICY_MODE": "off"}
    # A machine that does other work besides is late: nothing is to be shed for that.
    full = {"CADRE_LIMITS_CREDENTIAL": many, "CADRE_LIMITS_TENANT": many, "CADRE_LOAD_LAG_MAX_MS": "0",
            "CADRE_POLICY_MODE": "enforce", "CADRE_POLICY_FOLDER": os.path.join(HERE, "..", "..", "policies")}
    try:
        behind, socket = overload.upstream(folder), overload.redis(folder)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        postgres.create()
        program = os.path.join(os.path.abspath(options.bin), "gateway")
        plain = overload.gateway(folder, program, behind, socket, postgres, bare)[0]
        checked = overload.gateway(folder, program, behind, socket, postgres, full)[0]
        key = stored_key(checked)
        ports = {"nginx": (proxy(folder, behind), "none"), "bare": (plain, overload.KEY), "checked": (checked, key)}
        for label, path, script in (("a read", TASK, None), ("a change, with two entries of the audit log", "/api/v1/tasks", CHANGE)):
            for connections in (1, 64):
                found = {name: [] for name in ports}
                for name, (port, secret) in ports.items():
                    load(folder, port, secret, connections, 1, path, script)
                for _ in range(rounds):
                    for name, (port, secret) in ports.items():
                        found[name].append(load(folder, port, secret, connections, seconds, path, script))
                middle = {name: {part: statistics.median(one[part] for one in results) for part in results[0]}
                          for name, results in found.items()}
                print(f"{label}, {connections} connection{'s' if connections > 1 else ''}:")
                for name, one in middle.items():
                    print(f"  {name:8} {one['rate']:8,.0f}/s  p50 {one['p50']:6.0f} us  p99 {one['p99']:6.0f} us  "
                          f"{one['rate'] / middle['nginx']['rate']:.2f} x nginx")
                added = middle["checked"]["p50"] - middle["bare"]["p50"]
                hop = middle["bare"]["p50"]
                print(f"  the checks add {added:.0f} us to a hop of {hop:.0f} us at the median")
    finally:
        stop_all()
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
