#!/usr/bin/env python3
"""Plants distinctive secrets in a local stack, drives traffic with errors at every layer, and looks for them everywhere.

Usage: planted_secrets.py --bin .build/debug

Looked through: logs of all services (at level debug), /metrics, /statusz, --print-config, error bodies, traces (OTLP), the data of
Postgres in the tables of audit and decisions, and the limit of core files of every process.
"""

import argparse
import gzip
import hashlib
import http.client
import http.server
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Support"))
from stack import Stack  # noqa: E402


def planted(name):
    """A secret that occurs nowhere by chance."""
    return f"planted{name}{secrets.token_hex(12)}"


class Receiver:
    """Takes what is exported by OTLP and keeps it."""

    def __init__(self):
        kept = self.kept = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                kept.append((self.path, gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


class Search:
    def __init__(self, words):
        self.words = words
        self.found = []
        self.bytes = 0

    def look(self, where, text):
        self.bytes += len(text)
        for name, word in self.words.items():
            if word in text:
                at = text.index(word)
                self.found.append(f"{name} in {where}: ...{text[max(0, at - 80):at]!r}")


def read(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode(errors="replace")
    except Exception as error:  # what is not answered is no leak
        return str(error)


def raw(port, data):
    """What a service answers to bytes that are no request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    connection.sock.sendall(data)
    connection.sock.settimeout(10)
    try:
        return connection.sock.recv(65536).decode(errors="replace")
    except OSError:
        return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=".build/debug")
    options = parser.parse_args()
    options.replicas = 1
    words = {
        "API key of a caller": planted("caller"), "key of a provider": planted("provider"), "secret of an MCP server": planted("mcp"),
        "prompt": planted("prompt"), "key that is not good": planted("wrong"), "password in a URL": planted("password"),
        "secret in a path": planted("path"), "secret in a query": planted("query"), "cookie": planted("cookie"),
    }
    receiver = Receiver()
    services = ["gateway", "orchestrator", "llm-router", "agent-core"]
    options.set = [f"{service}.CADRE_LOG_LEVEL=debug" for service in services]
    options.set += [f"{service}.OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{receiver.port}" for service in services]
    options.set += [f"{service}.OTEL_TRACES_SAMPLER=always_on" for service in services]
    # The configuration has the digest of a key.
    configuration = tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False)
    json.dump({"auth": {"keys": [{
        "name": "planted", "tenant": "tenant_00000000000070008000000000000001",
        "sha256": hashlib.sha256(words["API key of a caller"].encode()).hexdigest()}]}}, configuration)
    configuration.close()
    os.chmod(configuration.name, 0o644)
    options.set += [f"gateway.CADRE_CONFIG={configuration.name}"]
    stack = Stack(options)
    try:
        # A path is no place for a secret: traces and the logs of access and audit have it.
        search = Search({name: word for name, word in words.items() if name != "secret in a path"})
        for name in ["gateway", "step", "worker", "virtual-key", "workspace", "api-key-secrets", "audit", "account"]:
            text = open(f"{stack.folder}/keys/{name}").read().strip()
            search.words[f"keys of {name}"] = text.split(":", 1)[1]
        search.words["key of the operator"] = stack.key
        drive(stack, words, search)
        time.sleep(8)
        look(stack, receiver, search, options)
    finally:
        stack.stop()
        receiver.close()
        os.unlink(configuration.name)
    for line in search.found:
        print("FOUND " + line)
    print(f"{len(search.words)} secrets, {search.bytes >> 10} KiB looked through, {len(search.found)} found")
    sys.exit(1 if search.found else 0)


def drive(stack, words, search):
    def call(what, *arguments, **named):
        status, document = stack.call(*arguments, **named)
        search.look(f"answer to {what} ({status})", json.dumps(document) if status >= 400 else "")

    port = stack.gateways[0]
    wrong = {"Authorization": "Bearer cadre_" + words["key that is not good"], "Cookie": "session=" + words["cookie"]}
    for path in ["/api/v1/tasks", "/v1/models", "/operator/v1/weights", "/nothing/" + words["secret in a path"],
                 "/api/v1/tasks/" + words["secret in a path"], "/api/v1/tasks?cursor=" + words["secret in a query"]]:
        for method in ["GET", "POST", "DELETE"]:
            call(f"{method} with a wrong key", method, path, None, wrong)
            call(f"{method} {path.split('planted')[0]}", method, path)
    call("provider", "PUT", "/api/v1/providers/planted", {
        "kind": "openai", "base_url": "http://user:" + words["password in a URL"] + "@127.0.0.1:9/v1", "api_key": words["key of a provider"]})
    call("MCP server", "POST", "/api/v1/mcp-servers", {
        "name": "planted", "transport": "http", "url": "http://127.0.0.1:9/mcp", "headers": {"authorization": "Bearer " + words["secret of an MCP server"]}})
    call("malformed", "POST", "/api/v1/tasks", {"prompt": [words["prompt"]]})
    call("task", "POST", "/api/v1/tasks", {"prompt": words["prompt"]}, {"Prefer": "wait=20"})
    call("model", "POST", "/v1/chat/completions", {"model": "nothing", "messages": [{"role": "user", "content": words["prompt"]}]})
    call("caller", "GET", "/api/v1/tasks", None, {"Authorization": "Bearer " + words["API key of a caller"]})
    call("rotation", "POST", "/operator/v1/mcp-servers/secrets/rotation")
    for data in [b"GET / HTTP/1.1\r\nauthorization: Bearer " + words["key that is not good"].encode() + b"\r\n\r\n",
                 words["key that is not good"].encode() + b"\r\n\r\n"]:
        search.look("answer to no request", raw(port, data))


def look(stack, receiver, search, options):
    search.look("log of the stack", "\n".join(line for line in stack.said().splitlines() if stack.key not in line))
    logs = os.path.join(stack.folder, "logs")
    for folder, _, names in os.walk(logs):
        for name in names:
            search.look("log " + name, open(os.path.join(folder, name), errors="replace").read())
    for name, pid in stack.children():
        limits = open(f"/proc/{pid}/limits").read()
        if name in ["gateway", "orchestrator", "llm-router", "agent-core"] and not re.search(r"Max core file size\s+[01]\s+[01]\s", limits):
            search.found.append(f"{name} may write core files")
        environment = stack.environment(pid)
        admin = environment.get("CADRE_ADMIN_PORT")
        if admin:
            for path in ["/metrics", "/statusz", "/readyz"]:
                search.look(f"{path} of {name}", read(f"http://127.0.0.1:{admin}{path}"))
        program = os.path.join(options.bin, name)
        if os.path.exists(program) and name != "cadre":
            shown = subprocess.run([program, "--print-config"], env=environment, capture_output=True, text=True)
            search.look(f"--print-config of {name}", shown.stdout + shown.stderr)
    if not receiver.kept:
        search.found.append("no traces came: nothing is proven of them")
    for path, body in receiver.kept:
        search.look("traces " + path, body.decode(errors="replace"))
    for table in ["gateway.audit_entry", "gateway.decision"]:
        if stack.sql(f"select to_regclass('{table}') is not null") == "t":
            search.look("table " + table, stack.sql(f"select t::text from {table} t"))
    # Sealed, not as text.
    search.look("stored secrets", stack.sql("select coalesce(string_agg(encode(secrets, 'escape'), ' '), '') from orchestrator.mcp_server"))


if __name__ == "__main__":
    main()
