"""What the stack uses of a server of Open Policy Agent, answered by regopy: documents, data of tenants, health.

Started with the arguments of `opa run --server`; what it does not know ends it, as there.
"""
import argparse
import http.server
import json
import os
import threading
import urllib.parse

import regopy

ENTRY_POINTS = ["approvals", "http", "models", "runners", "sessions", "tools"]


def files(path, suffix):
    if os.path.isfile(path):
        return [path]
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(one for one in found if one.endswith(suffix))


class Policies:
    def __init__(self, paths):
        self.lock = threading.Lock()
        self.modules, self.data = [], {}
        for path in paths:
            prefix, _, place = path.rpartition(":")
            if not prefix:
                self.modules += [(one, open(one).read()) for one in files(place, ".rego") if not one.endswith("_test.rego")]
                continue
            for one in files(place, ".json"):
                with open(one) as file:
                    self.put(prefix.split("."), json.load(file))
        self.compile()

    def put(self, path, value):
        """Members are added to what is there, as `opa run` does with several files."""
        place = self.data
        for name in path:
            place = place.setdefault(name, {})
        place.update(value)

    def compile(self):
        self.rego = regopy.Interpreter()
        for name, text in self.modules:
            self.rego.add_module(name, text)
        self.rego.add_data(self.data)
        entries = [f"cadre/{name}/decision" for name in ENTRY_POINTS]
        self.bundle = self.rego.build("data.cadre.http.decision", entries)

    def decide(self, path, question):
        with self.lock:
            self.rego.set_input(question)
            return str(self.rego.query_bundle_entrypoint(self.bundle, path))

    def replace(self, tenant, value):
        with self.lock:
            self.data.setdefault("tenants", {})[tenant] = value
            self.compile()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")

    def path_of_data(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        return path[len("/v1/data/"):] if path.startswith("/v1/data/") else None

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path == "/health":
            return self.answer(200, {})
        self.answer(404, {"code": "resource_not_found", "message": "not here"})

    def do_POST(self):
        path, body = self.path_of_data(), self.body()
        if path is None:
            return self.answer(404, {"code": "resource_not_found", "message": "not here"})
        # A document that is not there is an answer without a result.
        answer = {"decision_id": os.urandom(16).hex(), "provenance": {"version": "stand-in", "bundles": {}}}
        if path.split("/")[0] == "cadre" and path.split("/")[1:2] and path.split("/")[1] in ENTRY_POINTS:
            text = self.server.policies.decide(path, body.get("input"))
            if text != "undefined":
                answer["result"] = json.loads(text)["expressions"][0]
        self.server.count(path)
        self.answer(200, answer)

    def do_PUT(self):
        path, body = self.path_of_data(), self.body()
        parts = (path or "").split("/")
        if len(parts) != 2 or parts[0] != "tenants":
            return self.answer(404, {"code": "resource_not_found", "message": "not here"})
        self.server.policies.replace(parts[1], body)
        self.server.count(path)
        self.answer(204)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    counts = {}

    def count(self, path):
        """Says on its output when a document is asked for, or a tenant's data arrive, for the first time and each 1000 times."""
        number = self.counts[path] = self.counts.get(path, 0) + 1
        if number == 1 or number % 1000 == 0:
            print(f"{path} {number}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run"])
    parser.add_argument("--server", action="store_true", required=True)
    parser.add_argument("--addr", required=True)
    parser.add_argument("--log-level")
    parser.add_argument("--disable-telemetry", action="store_true")
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    host, _, port = options.addr.rpartition(":")
    server = Server((host, int(port)), Handler)
    server.policies = Policies(options.paths)
    server.serve_forever()


if __name__ == "__main__":
    main()
