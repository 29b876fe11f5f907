#!/usr/bin/env python3
"""What telemetry costs: processor time of the services for each request, without and with tracing, and with logs and
metrics by OTLP as well. All installations run at the same time and are loaded in turns, so that a busy machine disturbs
them alike; processor time is read from the kernel. Then the size of a scrape and the number of series with 200 tenants,
and what one scrape costs.

Usage: telemetry.py --bin FOLDER [--rounds N] [--calls N] [--tasks N] [--tenants N]
"""
import argparse
import glob
import hashlib
import http.client
import http.server
import json
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from stack import Stack  # noqa: E402

SERVICES = ("gateway", "orchestrator", "llm-router", "agent-core")
THREADS = 8


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes everything at once and counts its bytes."""

    protocol_version = "HTTP/1.1"
    bytes = 0

    def do_POST(self):
        Sink.bytes += len(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def processor_seconds(pid):
    """Of all threads of a process, to the nanosecond."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            total += int(open(path).read().split()[0])
        except OSError:
            pass
    return total / 1e9


class Installation:
    def __init__(self, name, options, environment):
        self.name = name
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            self.stack = Stack(options)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.pids = {service: pid for service, pid in self.stack.children() if service in SERVICES}
        self.samples = {"call": [], "task": []}

    def processor(self):
        return sum(processor_seconds(pid) for pid in self.pids.values())

    def load(self, kind, count, key=None):
        """So many requests over a few connections; processor time of the services for each, in milliseconds."""
        left = iter(range(count))
        lock = threading.Lock()
        failed = []

        def work():
            connection = http.client.HTTPConnection("127.0.0.1", self.stack.gateways[0], timeout=60)
            headers = {"authorization": "Bearer " + (key or self.stack.key), "content-type": "application/json"}
            while True:
                with lock:
                    number = next(left, None)
                if number is None:
                    return connection.close()
                if kind == "call":
                    path, body = "/v1/chat/completions", {"model": "mock-model", "messages": [{"role": "user", "content": f"hello {number}"}]}
                    more = {}
                else:
                    path, body, more = "/api/v1/tasks", {"prompt": f"hello {number}"}, {"prefer": "wait=60"}
                connection.request("POST", path, json.dumps(body), {**headers, **more})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    failed.append(answer.status)
        before = self.processor()
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(0.7)  # What is exported late is part of the price.
        assert not failed, (self.name, failed[:5])
        return (self.processor() - before) * 1000 / count

    def scrape(self, service):
        port = int(self.stack.environment(self.pids[service])["CADRE_ADMIN_PORT"])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/metrics", headers={"accept": "application/openmetrics-text"})
        return connection.getresponse().read()


def overhead(options, sink):
    otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink}", "OTEL_BSP_SCHEDULE_DELAY": "500", "OTEL_BSP_MAX_QUEUE_SIZE": "20000"}
    modes = {
        "off": {"OTEL_SDK_DISABLED": "true"},
        "traces, one in ten": {**otlp, "OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
        "traces, all": otlp,
        "traces, logs, metrics": {**otlp, "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "otlp", "OTEL_METRIC_EXPORT_INTERVAL": "10000"},
    }
    installations = []
    try:
        for name, environment in modes.items():
            installations.append(Installation(name, options, environment))
        for kind, count in (("call", options.calls), ("task", options.tasks)):
            for one in installations:
                one.load(kind, count // 4)
            for round_ in range(options.rounds):
                # Another one begins each time.
                for one in installations[round_ % len(installations):] + installations[:round_ % len(installations)]:
                    one.samples[kind].append(one.load(kind, count))
            print(f"| {kind} | processor time, ms (median of {options.rounds}) | against off |\n| --- | --- | --- |")
            off = installations[0].samples[kind]
            for one in installations:
                # Round by round, so that what disturbs a round disturbs both.
                ratio = statistics.median(mine / theirs for mine, theirs in zip(one.samples[kind], off))
                print(f"| {one.name} | {statistics.median(one.samples[kind]):.3f} | {(ratio - 1) * 100:+.1f}% |", flush=True)
        for one in installations:
            for service in SERVICES:
                lost = re.search(rb"^cadre_telemetry_spans_dropped_total (\d+)", one.scrape(service), re.M)
                if lost and int(lost[1]):
                    print(f"{one.name}: {service} has dropped {int(lost[1])} spans")
    finally:
        for one in installations:
            one.stack.stop()
            shutil.rmtree(one.stack.folder, ignore_errors=True)


def cardinality(options):
    keys = [f"cadre_tenant_key_{number:06d}_0123456789" for number in range(options.tenants)]
    file = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
    file.write("auth:\n  keys:\n")
    for number, key in enumerate(keys):
        file.write(f"    - name: tenant-{number}\n      tenant: tenant_{number + 16:032x}\n      sha256: {hashlib.sha256(key.encode()).hexdigest()}\n")
    file.close()
    os.chmod(file.name, 0o644)
    options.set += [f"gateway.CADRE_CONFIG={file.name}"]
    one = Installation("tenants", options, {"OTEL_SDK_DISABLED": "true"})
    try:
        def series():
            found = {}
            for service in SERVICES:
                text = one.scrape(service)
                found[service] = (sum(1 for line in text.splitlines() if line and not line.startswith(b"#")), len(text))
            return found
        one.load("call", 20)
        one.load("task", 20)
        first = series()
        for key in keys:
            one.load_quickly(key)
        many = series()
        print(f"| service | series, one tenant | series, {options.tenants} tenants | scrape, bytes | scrape, processor ms |\n| --- | --- | --- | --- | --- |")
        for service in SERVICES:
            before = processor_seconds(one.pids[service])
            for _ in range(50):
                one.scrape(service)
            cost = (processor_seconds(one.pids[service]) - before) * 1000 / 50
            print(f"| {service} | {first[service][0]} | {many[service][0]} | {many[service][1]:,} | {cost:.2f} |", flush=True)
    finally:
        one.stack.stop()
        shutil.rmtree(one.stack.folder, ignore_errors=True)
        os.unlink(file.name)


def load_quickly(self, key):
    """A call and a task of one tenant."""
    headers = {"authorization": "Bearer " + key, "content-type": "application/json"}
    for path, body in (("/v1/chat/completions", {"model": "mock-model", "messages": [{"role": "user", "content": "hello"}]}),
                       ("/api/v1/tasks", {"prompt": "hello"})):
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.gateways[0], timeout=60)
        connection.request("POST", path, json.dumps(body), {**headers, "prefer": "wait=60"})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, (answer.status, said)
        connection.close()


Installation.load_quickly = load_quickly


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--tasks", type=int, default=600)
    parser.add_argument("--tenants", type=int, default=200)
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    options.replicas = 1
    # A fast machine would reach the limits of one key.
    many = "model 1000000:1000000, read 1000000:1000000, write 1000000:1000000"
    options.set = [f"gateway.CADRE_LIMITS_CREDENTIAL={many}", f"gateway.CADRE_LIMITS_TENANT={many}"]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    overhead(options, server.server_address[1])
    print(f"{Sink.bytes / 1e6:.1f} MB were exported")
    cardinality(options)


if __name__ == "__main__":
    main()
