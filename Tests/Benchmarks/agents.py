#!/usr/bin/env python3
"""Measures agents in one agent-core: a thousand that wait for slow models (memory, CPU while nothing happens), and what a model call
and a tool call cost (CPU). Models are the mock provider's; the orchestrator is a small stand-in that only hands out steps.

Usage: agents.py --bin FOLDER [--agents N] [--seconds S] [--quick]
"""

import argparse
import asyncio
import json
import os
import re
import sys
import time
import urllib.request
import uuid

from bench import free_port, start, stop_all, wait_http

WORKER_KEYS = "bench:bench-worker-secret-0123456789-01234"
LEASE_MS = 15_000


class StepSource:
    """Hands out steps over the worker protocol, and counts what comes back."""

    def __init__(self):
        self.ready = []
        self.leased = 0
        self.done = 0
        self.failed = []
        self.calls = {"model": 0, "tool": 0}
        self.heartbeats = 0
        self.arrived = asyncio.Event()

    def add(self, count, step_input):
        for _ in range(count):
            self.ready.append(step_input)
        self.arrived.set()

    def lease(self, step_input):
        def ident(kind):
            text = uuid.uuid4().hex
            return f"{kind}_{text[:12]}7{text[13:]}"
        self.leased += 1
        return {"step_id": ident("step"), "run_id": ident("run"), "task_id": ident("task"), "tenant_id": ident("tenant"), "step": "a",
                "attempt": 1, "token": str(uuid.uuid4()), "lease_ms": LEASE_MS, "deadline": "2099-01-01T00:00:00.000Z",
                "assertion": "v1.bench", "input": step_input, "journal": []}

    async def answer(self, path, body):
        if path == "/worker/v1/leases":
            wait = body.get("wait_ms", 0) / 1000
            if not self.ready and wait:
                self.arrived.clear()
                try:
                    await asyncio.wait_for(self.arrived.wait(), wait)
                except asyncio.TimeoutError:
                    pass
            count = min(body["slots"], len(self.ready))
            steps, self.ready = self.ready[:count], self.ready[count:]
            return {"leases": [self.lease(step) for step in steps]}
        if path.endswith("/policies"):
            # Nobody has said anything about policies.
            none = {"epoch": 0, "number": 0}
            return {"revision": none, "known": none} if "/steps/" in path else {"switches": {"revision": none}, "data": none}
        if path == "/worker/v1/heartbeats":
            self.heartbeats += 1
            return {"leases": [{"step_id": one["step_id"], "token": one["token"], "status": "held", "state": "held",
                                "lease_ms": LEASE_MS} for one in body["leases"]]}
        for call in body.get("calls", []):
            if call["kind"] in self.calls:
                self.calls[call["kind"]] += 1
        if path.endswith("/result"):
            self.done += 1
            if "output" not in body:
                self.failed.append(json.dumps(body)[-600:])
            return {"run_status": "running"}
        return {"lease_ms": LEASE_MS}

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                length = re.search(rb"content-length: *(\d+)", head, re.I)
                raw = await reader.readexactly(int(length.group(1))) if length else b""
                if path.startswith("/readyz") or path.startswith("/healthz"):
                    answer = {}
                else:
                    answer = await self.answer(path, json.loads(raw or b"{}"))
                text = json.dumps(answer).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


def rss_mib(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / (1 << 20)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def put_scripts(port, scripts):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/mock/scripts", method="PUT", data=json.dumps({"scripts": scripts}).encode(),
        headers={"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=30).read()


def conversation(turns, calls):
    """So many turns of so many calculations, none like another, then an answer."""
    return [{"tool_calls": [{"name": "calculator", "arguments": json.dumps({"expression": f"{turn}*1000+{call}"})} for call in range(calls)]}
            for turn in range(turns)] + [{"reply": "done"}]


async def until(condition, seconds, what):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"gave up: {what}")
        await asyncio.sleep(0.05)


async def waiting(source, pid, model_port, agents, seconds):
    put_scripts(model_port, [{"reply": "done", "latency_ms": 600_000}])
    before = rss_mib(pid)
    source.add(agents, {"prompt": "Wait for a slow model. " + "x" * 2000})
    await until(lambda: source.leased >= agents, 120, "leases")
    await asyncio.sleep(5)
    begun, cpu, beats = time.monotonic(), cpu_seconds(pid), source.heartbeats
    await asyncio.sleep(seconds)
    took = time.monotonic() - begun
    used = (cpu_seconds(pid) - cpu) / took * 100
    return {"agents": agents, "rss_before_mib": round(before, 1), "rss_mib": round(rss_mib(pid), 1),
            "kib_per_agent": round((rss_mib(pid) - before) * 1024 / agents, 1), "cpu_percent": round(used, 2),
            "heartbeat_requests_per_second": round((source.heartbeats - beats) / took, 2)}


async def overhead(source, pid, model_port, steps, turns):
    cost = {}
    for calls in (1, 9):
        put_scripts(model_port, [{"match": "go", "turns": conversation(turns, calls)}])
        for count in (20, steps):
            done, cpu = source.done, cpu_seconds(pid)
            source.add(count, {"prompt": "go", "tools": ["calculator"], "limits": {"turns_max": turns + 1, "tool_calls_max": 1000}})
            await until(lambda: source.done >= done + count, 300, "steps")
        cost[calls] = (cpu_seconds(pid) - cpu) / (steps * turns) * 1e6
    tool = (cost[9] - cost[1]) / 8
    return {"steps": steps, "turns": turns, "cpu_us_per_turn_with_one_call": round(cost[1], 1), "cpu_us_per_tool_call": round(tool, 1),
            "cpu_us_per_model_call": round(cost[1] - tool, 1)}


async def measure(options):
    source = StepSource()
    ports = {"orchestrator": free_port(), "model": free_port(), "agent": free_port(), "agent_admin": free_port(), "model_admin": free_port()}
    server = await asyncio.start_server(source.serve, "127.0.0.1", ports["orchestrator"], limit=64 << 20, backlog=2048)
    environment = {"PATH": os.environ["PATH"], "CADRE_LOG_LEVEL": "error"}
    start([os.path.join(options.bin, "mock-provider")],
          env=environment | {"CADRE_HTTP_PORT": str(ports["model"]), "CADRE_ADMIN_PORT": str(ports["model_admin"])})
    wait_http(ports["model"])
    agent = start(
        [os.path.join(options.bin, "agent-core")],
        env=environment | {
            "CADRE_HTTP_PORT": str(ports["agent"]), "CADRE_ADMIN_PORT": str(ports["agent_admin"]),
            "CADRE_ORCHESTRATOR_URL": f"http://127.0.0.1:{ports['orchestrator']}", "CADRE_LLM_ROUTER_URL": f"http://127.0.0.1:{ports['model']}",
            "CADRE_IDENTITY_WORKER_KEYS": WORKER_KEYS, "CADRE_WORKER_SLOTS": str(min(1024, max(64, options.agents)))})
    await asyncio.get_running_loop().run_in_executor(None, wait_http, ports["agent"])
    pid = agent.pid
    result = {"overhead": await overhead(source, pid, ports["model"], 50 if options.quick else 300, 10)}
    if source.failed:
        raise SystemExit(f"{len(source.failed)} steps failed, the first with ...{source.failed[0]}")
    result["waiting"] = await waiting(source, pid, ports["model"], options.agents, options.seconds)
    server.close()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=".build/release")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    try:
        result = asyncio.run(measure(options))
    finally:
        stop_all()
    print(json.dumps(result, indent=2))
    waits = result["waiting"]
    missed = [name for name, value, most in [("rss_mib", waits["rss_mib"], 150), ("cpu_percent", waits["cpu_percent"], 2)] if value > most]
    if missed:
        print(f"beyond its target: {', '.join(missed)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
