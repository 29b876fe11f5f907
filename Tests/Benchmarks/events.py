#!/usr/bin/env python3
"""Measures the delivery of the events of one run to many readers at one gateway, as server-sent events: the time from the moment
that an event bears (its commit) to its arrival at each reader, the time from the first reader to the last, and the memory of a
reader. The readers are in this process, so what they cost is in the figures.

Usage: events.py --bin FOLDER [--readers N] [--rounds N]
"""
import argparse
import datetime
import http.client
import json
import os
import re
import resource
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time

from bench import free_port


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read()).group(1)) * 1024


def gateway_of(parent):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "gateway" and int(fields[1]) == parent:
                return int(pid)
        except OSError:
            continue
    raise RuntimeError("no gateway")


class Readers:
    """Open streams, in one loop."""

    def __init__(self, port, key, run, count):
        self.poll = select.epoll()
        self.sockets = {}
        self.heads = set()
        head = (f"GET /api/v1/runs/{run}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                "Accept: text/event-stream\r\n\r\n").encode()
        for index in range(count):
            made = socket.create_connection(("127.0.0.1", port))
            made.sendall(head)
            made.setblocking(False)
            self.sockets[made.fileno()] = made
            self.poll.register(made.fileno(), select.EPOLLIN)
            # No burst that is not what is measured.
            if index % 100 == 99:
                self.settle(0.05)
        self.settle(2)

    def settle(self, quiet):
        """Reads until nothing comes for some time."""
        while ready := self.poll.poll(quiet, 8192):
            for number, _ in ready:
                piece = self.sockets[number].recv(1 << 16)
                assert piece, "a stream has ended"
                if number not in self.heads:
                    self.heads.add(number)
                    assert piece.startswith(b"HTTP/1.1 200"), piece[:200]

    def gather(self, what, timeout=30):
        """When each reader has got `what`, and the first of these texts."""
        times, text, waiting = [], b"", set(self.sockets)
        kept = {}
        end = time.monotonic() + timeout
        while waiting and time.monotonic() < end:
            ready = self.poll.poll(0.5, 8192)
            now = time.time()
            for number, _ in ready:
                piece = self.sockets[number].recv(1 << 16)
                if number not in waiting:
                    continue
                if what not in piece:
                    piece = kept[number] = kept.get(number, b"") + piece
                if what in piece:
                    text = text or piece
                    waiting.discard(number)
                    times.append(now)
        assert not waiting, f"{len(waiting)} readers have not got it"
        return times, text


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--readers", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, options.readers + 1000), hard))
    folder = tempfile.mkdtemp(prefix="cadre-events-", dir="/tmp")
    os.chmod(folder, 0o755)
    port = free_port()
    with open(f"{folder}/up.log", "wb") as log:
        stack = subprocess.Popen(
            [f"{options.bin}/cadre", "up", "--data", f"{folder}/data", "--port", str(port), "--no-example",
             # One key opens all of the streams, as fast as it can.
             "--set", "gateway.CADRE_LIMITS_CREDENTIAL=read 100000:100000", "--set", "gateway.CADRE_LIMITS_TENANT=read 100000:100000",
             "--set", "gateway.CADRE_LOAD_LAG_MAX_MS=0"], stdout=log, stderr=log)
    try:
        said = ""
        end = time.monotonic() + 120
        while "Ctrl-C" not in said:
            assert stack.poll() is None and time.monotonic() < end, said
            time.sleep(0.1)
            said = open(f"{folder}/up.log", encoding="utf-8").read()
        key = re.search(r"^Key:\s+(\S+)", said, re.M).group(1)

        def call(method, path, body=None):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Authorization": f"Bearer {key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, (answer.status, text)
            return json.loads(text)

        names = [f"s{index}" for index in range(options.rounds + 1)]
        steps = [{"key": name, "type": "signal", "signal": name, **({"depends_on": [names[index - 1]]} if index else {})}
                 for index, name in enumerate(names)]
        call("PUT", "/api/v1/workflows/bench", {"name": "bench", "steps": steps})
        run = call("POST", "/api/v1/tasks", {"workflow": "bench", "input": {}})["run"]["id"]
        pid = gateway_of(stack.pid)
        call("GET", f"/api/v1/runs/{run}")
        before = memory(pid)
        readers = Readers(port, key, run, options.readers)
        after = memory(pid)
        delivery, spread = [], []
        for name in names[:-1]:
            # The answer may come after the events: nobody waits for it before reading.
            sender = threading.Thread(target=call, args=("POST", f"/api/v1/runs/{run}/signals", {"name": name}))
            sender.start()
            times, text = readers.gather(b"event: signal.received\ndata: ")
            sender.join()
            at = json.loads(re.search(rb"event: signal.received\ndata: (.*)\n", text).group(1))["at"]
            sent = datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp()
            delivery += [(one - sent) * 1000 for one in times]
            spread += [(one - min(times)) * 1000 for one in times]
            readers.settle(0.5)
        print(f"{options.readers} readers of one run, {options.rounds} rounds")
        print(f"  commit to reader: p50 {percentile(delivery, .5):.1f} ms, p99 {percentile(delivery, .99):.1f} ms")
        print(f"  first to last reader: p50 {percentile(spread, .5):.1f} ms, p99 {percentile(spread, .99):.1f} ms")
        print(f"  memory of the gateway per reader: {(after - before) / options.readers / 1024:.1f} KiB")
    finally:
        stack.send_signal(2)
        stack.wait(60)
        subprocess.run(["rm", "-rf", folder], check=False)


if __name__ == "__main__":
    sys.exit(main())
