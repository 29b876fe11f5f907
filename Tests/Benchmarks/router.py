#!/usr/bin/env python3
"""Measures the llm-router against the provider called directly, nginx and, where it is installed, LiteLLM, in one run.

All of it shares this machine with the load, so only ratios and differences within one run mean anything; rounds are
interleaved and medians are shown. Usage: router.py --bin FOLDER [--litellm PYTHON-FOLDER] [--quick] [PART...]
"""

import argparse
import json
import os
import re
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Clients"))
from world import PROVIDER_KEY, TENANT, World, free_port, request  # noqa: E402

PARTS = ["plain", "stream", "cache", "oversell", "memory"]


def milliseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}[unit]


class Bench:
    def __init__(self, options):
        self.options = options
        self.seconds = 1 if options.quick else 4
        self.rounds = 1 if options.quick else 3
        self.world = World(os.path.abspath(options.bin), {"cache": {"mode": "asked"}})
        self.world.scripts("alpha", {"reply": "word " * 12})
        self.children = []
        # Key, budget, ledger and metrics are on, as in production.
        made = self.world.call("POST", "/api/v1/budgets", {"scope": "tenant", "period": "month", "usd": 1_000_000})
        assert made.status == 201, made
        self.key = self.world.virtual_key(run="bench", ttl_seconds=86400)
        # The first call builds the counter.
        self.world.call("POST", "/v1/chat/completions", self.body(1_000), headers={"authorization": f"Bearer {self.key}"})

    def close(self):
        for child in self.children:
            child.terminate()
            child.wait(20)
        self.world.close()

    # Peers

    def nginx(self):
        port, folder = free_port(), self.world.folder
        with open(f"{folder}/nginx.conf", "w") as file:
            file.write(f"""
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/nginx.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_max_body_size 64m; client_body_buffer_size 1m;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3;
  uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  upstream mock {{ server 127.0.0.1:{self.world.ports['alpha']}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport; tcp_nodelay on;
    location / {{ proxy_pass http://mock; proxy_http_version 1.1; proxy_buffering off; proxy_set_header Connection ""; }} }}
}}
""")
        self.children.append(subprocess.Popen(["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf"]))
        time.sleep(0.5)
        return port

    def litellm(self):
        """LiteLLM's proxy as its makers advise for speed: no callbacks, no database."""
        port, folder = free_port(), self.world.folder
        with open(f"{folder}/litellm.yaml", "w") as file:
            json.dump({
                "model_list": [{"model_name": "alpha-small", "litellm_params": {
                    "model": "openai/alpha-small", "api_key": PROVIDER_KEY,
                    "api_base": f"http://127.0.0.1:{self.world.ports['alpha']}/v1"}}],
                "general_settings": {"master_key": "sk-" + "5f" * 24},
                "litellm_settings": {"callbacks": [], "num_retries": 0, "request_timeout": 30}}, file)
        log = open(f"{folder}/litellm.log", "w")
        self.children.append(subprocess.Popen(
            [f"{self.options.litellm}/litellm", "--config", f"{folder}/litellm.yaml", "--host", "127.0.0.1", "--port",
             str(port), "--num_workers", "1", "--telemetry", "False"], stdout=log, stderr=log,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}))
        limit = time.time() + 90
        while time.time() < limit:
            try:
                if request("GET", f"http://127.0.0.1:{port}/health/liveliness").status == 200:
                    return port
            except OSError:
                time.sleep(0.3)
        sys.exit("LiteLLM does not start")

    def peers(self):
        key = {"direct": PROVIDER_KEY, "nginx": PROVIDER_KEY, "litellm": "sk-" + "5f" * 24, "cadre": self.key}
        ports = {"direct": self.world.ports["alpha"], "nginx": self.nginx(), "cadre": self.world.ports["router"]}
        if self.options.litellm:
            ports["litellm"] = self.litellm()
        return {name: (port, key[name]) for name, port in ports.items()}

    # Load

    def wrk(self, port, key, body, connections, headers=None, threads=1):
        script = f"{self.world.folder}/load.lua"
        with open(script, "w") as file:
            file.write(f"wrk.method = 'POST'\nwrk.body = [==[{json.dumps(body)}]==]\n"
                       f"wrk.headers['Authorization'] = 'Bearer {key}'\nwrk.headers['Content-Type'] = 'application/json'\n")
            for name, value in (headers or {}).items():
                file.write(f"wrk.headers['{name}'] = '{value}'\n")
        text = subprocess.run(
            ["wrk", f"-t{threads}", f"-c{connections}", f"-d{self.seconds}s", "--timeout", "30s", "--latency", "-s", script,
             f"http://127.0.0.1:{port}/v1/chat/completions"], capture_output=True, text=True).stdout
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        if bad:
            print(f"  {bad.group(1)} errors, for example", request(
                "POST", f"http://127.0.0.1:{port}/v1/chat/completions", body, {"authorization": f"Bearer {key}"}))
        return {
            "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
            "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", text, re.M).group(1)),
            "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", text, re.M).group(1)),
            "errors": int(bad.group(1)) if bad else 0,
        }

    def medians(self, measures):
        results = {name: [] for name in measures}
        for _ in range(self.rounds):
            for name, measure in measures.items():
                results[name].append(measure())
        return {name: {key: statistics.median(one[key] for one in many) for key in many[0]}
                for name, many in results.items()}

    def show(self, title, results):
        print(f"\n{title}")
        direct = results.get("direct")
        for name, r in results.items():
            more = ""
            if direct and name != "direct":
                more = f"   {r['rate'] / direct['rate']:.2f} x direct, added p50 {(r['p50'] - direct['p50']) * 1000:+.0f} us"
            if r.get("errors"):
                more += f"   {r['errors']} errors"
            print(f"  {name:8} {r['rate']:>10,.0f}/s  p50 {r['p50'] * 1000:>8,.0f} us  p99 {r['p99'] * 1000:>9,.0f} us{more}")
        if "litellm" in results and "cadre" in results:
            print(f"  cadre is {results['cadre']['rate'] / results['litellm']['rate']:.0f} x litellm")
        sys.stdout.flush()

    def body(self, size, **more):
        return {"model": "alpha-small" if size < 20_000 else "shared", "max_tokens": 100,
                "messages": [{"role": "user", "content": ("lorem ipsum " * (size // 12 + 1))[:size]}], **more}

    # Parts

    def plain(self):
        peers = self.peers_
        for size in (1_000, 100_000):
            for connections in (1, 16):
                self.show(f"{size // 1000} KB prompt, whole answer, {connections} connections", self.medians({
                    name: (lambda p=port, k=key, name=name: self.wrk(
                        p, k, {**self.body(size), "model": "alpha-small"} if name == "litellm" else self.body(size),
                        connections))
                    for name, (port, key) in peers.items()}))

    def stream(self):
        """Time to the first words and per chunk, one stream at a time, with a provider that has its words at hand."""
        self.world.scripts("alpha", {"reply": "word " * 500})
        body = json.dumps(self.body(1_000, stream=True, max_tokens=4000)).encode()

        def once(connection, key):
            connection.sendall(
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                f"authorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            start, seen, first, chunks = time.perf_counter(), b"", None, 0
            while not seen.endswith(b"0\r\n\r\n"):
                piece = connection.recv(262144)
                if not piece:
                    raise RuntimeError("closed")
                chunks += piece.count(b"data: ")
                seen = (seen + piece)[-64:]
                if first is None and b"word" in piece:
                    first = time.perf_counter()
            return first - start, (time.perf_counter() - first) / max(1, chunks)

        def measure(port, key):
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for _ in range(5):
                    once(connection, key)
                samples = [once(connection, key) for _ in range(20 if self.options.quick else 200)]
            first = sorted(s[0] for s in samples)
            return {"p50": first[len(first) // 2] * 1e6, "p99": first[int(len(first) * 0.99)] * 1e6,
                    "chunk": statistics.median(s[1] for s in samples) * 1e6}

        results = self.medians({name: (lambda p=port, k=key: measure(p, k)) for name, (port, key) in self.peers_.items()
                                if name != "litellm"})
        if "litellm" in self.peers_:
            port, key = self.peers_["litellm"]
            saved, self.options.quick = self.options.quick, True
            results["litellm"] = measure(port, key)
            self.options.quick = saved
        print("\n1 KB prompt, stream of about 100 chunks, one at a time")
        for name, r in results.items():
            more = "" if name == "direct" else (
                f"   added {r['p50'] - results['direct']['p50']:+.0f} us, per chunk {r['chunk'] - results['direct']['chunk']:+.1f} us")
            print(f"  {name:8} first words p50 {r['p50']:>8,.0f} us  p99 {r['p99']:>8,.0f} us  per chunk {r['chunk']:>6.1f} us{more}")
        self.world.scripts("alpha", {"reply": "word " * 12})

    def cache(self):
        body = self.body(1_000)
        headers = {"Cache-Control": "max-age=600"}
        for _ in range(3):
            self.world.call("POST", "/v1/chat/completions", body, headers={
                "authorization": f"Bearer {self.key}", "cache-control": "max-age=600"})
            time.sleep(0.1)
        before = self.world.usage("alpha")["calls"]
        for connections in (1, 16):
            self.show(f"1 KB prompt, answer from the cache, {connections} connections", self.medians({
                "cadre": lambda: self.wrk(self.world.ports["router"], self.key, body, connections, headers)}))
        print(f"  calls that reached the provider meanwhile: {self.world.usage('alpha')['calls'] - before}")

    def oversell(self):
        """A thousand connections at a budget that is almost empty, on two replicas."""
        world = self.world
        world.scripts("alpha", {"reply": "word " * 39, "latency_ms": 50})
        world.start_router("second")
        own = "tenant_0000000000007000800000000000beef"
        limit = 20_000
        world.call("POST", "/api/v1/budgets", {"scope": "tenant", "period": "total", "tokens": limit}, own)
        time.sleep(0.5)
        key = world.virtual_key(own)
        body = {"model": "alpha-small", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
        loads = []
        for name in ("router", "second"):
            script = f"{world.folder}/{name}.lua"
            with open(script, "w") as file:
                file.write(f"wrk.method = 'POST'\nwrk.body = [==[{json.dumps(body)}]==]\n"
                           f"wrk.headers['Authorization'] = 'Bearer {key}'\n"
                           "wrk.headers['Content-Type'] = 'application/json'\n")
            loads.append(subprocess.Popen(
                ["wrk", "-t1", "-c500", f"-d{self.seconds}s", "--timeout", "30s", "-s", script,
                 f"http://127.0.0.1:{world.ports[name]}/v1/chat/completions"], stdout=subprocess.PIPE, text=True))
        texts = [load.communicate()[0] for load in loads]
        total = sum(int(re.search(r"(\d+) requests in", text).group(1)) for text in texts)
        for router in ("router", "second"):
            world.call("GET", "/api/v1/usage", tenant=own, router=router)
        time.sleep(1)
        spent = int(world.psql(f"select sum(charged_tokens) from llm_router.call where tenant_id = '{own[7:]}'"))
        counted = world.usage("alpha")
        told = counted["input_tokens"] + counted["output_tokens"]
        print(f"\n1,000 connections, two replicas, budget of {limit} tokens: {total:,} requests, {counted['calls']} reached the "
              f"provider, {spent} tokens in the ledger, {told} at the provider: oversold {max(0, spent - limit)}")
        world.kill("second")
        world.scripts("alpha", {"reply": "word " * 12})

    def memory(self):
        """Five thousand streams that are open at the same time."""
        count = 500 if self.options.quick else 5000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
        world = self.world
        world.scripts("alpha", {"reply": "word " * 400, "tokens_per_second": 12})
        body = json.dumps(self.body(1_000, stream=True, max_tokens=4000)).encode()
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
                f"authorization: Bearer {self.key}\r\ncontent-length: {len(body)}\r\n\r\n").encode()
        port = world.ports["router"]

        def rss():
            with open(f"/proc/{world.pid('router')}/status") as file:
                return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024

        before = rss()
        chooser, open_, started = selectors.DefaultSelector(), set(), time.time()
        for number in range(count):
            made = socket.create_connection(("127.0.0.1", port))
            made.sendall(head + body)
            made.setblocking(False)
            open_.add(made)
            chooser.register(made, selectors.EVENT_READ)
            if number % 200 == 199:
                for key, _ in chooser.select(0):
                    key.fileobj.recv(65536)
        peak, most, limit = 0, 0, time.time() + 8
        while time.time() < limit:
            for key, _ in chooser.select(0.2):
                if not key.fileobj.recv(65536):
                    chooser.unregister(key.fileobj)
                    open_.discard(key.fileobj)
            now = int(world.metric("cadre_model_streams"))
            if now > most:
                most = now
            peak = max(peak, rss())
        print(f"\n{most:,} streams at the same time: {(peak - before) / max(1, most) / 1024:.1f} KiB each "
              f"({before / 1e6:.0f} MB before, {peak / 1e6:.0f} MB then), {len(open_)} still open after {time.time() - started:.0f} s")
        for made in open_:
            made.close()
        world.scripts("alpha", {"reply": "word " * 12})

    def run(self):
        parts = self.options.parts or PARTS
        self.peers_ = self.peers() if "plain" in parts or "stream" in parts else {}
        for part in parts:
            getattr(self, part)()
        print(f"\nmemory of the router at the end: {self.rss_mb():.0f} MB")

    def rss_mb(self):
        with open(f"/proc/{self.world.pid('router')}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--litellm", help="folder of the litellm program")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    bench = Bench(parser.parse_args())
    try:
        bench.run()
    finally:
        bench.close()


if __name__ == "__main__":
    main()
