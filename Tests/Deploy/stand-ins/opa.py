"""What the stack uses of a server of Open Policy Agent, answered by regopy: documents and health.

regopy passes over `with data.tenants`, so the documents of `cadre.with_data` are made here: with other data for each set of tenants.

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
KEPT_MAX = 100


def files(path, suffix):
    if os.path.isfile(path):
        return [path]
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    return sorted(one for one in found if one.endswith(suffix))


class Policies:
    def __init__(self, paths):
        self.lock = threading.Lock()
        self.modules, self.data, self.kept = [], {}, {}
        for path in paths:
            prefix, _, place = path.rpartition(":")
            if not prefix:
                self.modules += [(one, open(one).read()) for one in files(place, ".rego") if not one.endswith("_test.rego")]
                continue
            for one in files(place, ".json"):
                with open(one) as file:
                    self.put(prefix.split("."), json.load(file))
        self.made(self.data.get("tenants", {}))

    def put(self, path, value):
        """Members are added to what is there, as `opa run` does with several files."""
        place = self.data
        for name in path:
            place = place.setdefault(name, {})
        place.update(value)

    def made(self, tenants):
        """An interpreter with these tenants; the compiled ones are kept."""
        name = json.dumps(tenants, sort_keys=True)
        if name not in self.kept:
            if len(self.kept) >= KEPT_MAX:
                self.kept.clear()
            rego = regopy.Interpreter()
            for module, text in self.modules:
                rego.add_module(module, text)
            rego.add_data({**self.data, "tenants": tenants})
            self.kept[name] = rego, rego.build("data.cadre.http.decision", [f"cadre/{name}/decision" for name in ENTRY_POINTS])
        return self.kept[name]

    def decide(self, name, question, tenants):
        with self.lock:
            rego, bundle = self.made(tenants)
            rego.set_input(question)
            return str(rego.query_bundle_entrypoint(bundle, f"cadre/{name}/decision"))

    def answer(self, path, question):
        """The document at a path; `undefined` where there is none."""
        parts = path.split("/")
        if len(parts) == 3 and parts[0] == "cadre" and parts[1] in ENTRY_POINTS and parts[2] == "decision":
            return self.decide(parts[1], question, self.data.get("tenants", {}))
        if len(parts) == 3 and parts[:2] == ["cadre", "with_data"] and parts[2] in ENTRY_POINTS and "tenants" in question:
            return self.decide(parts[2], question, question["tenants"])
        return "undefined"


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
        text = self.server.policies.answer(path, body.get("input") or {})
        if text != "undefined":
            answer["result"] = json.loads(text)["expressions"][0]
        self.server.count(path)
        self.answer(200, answer)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    counts = {}

    def count(self, path):
        """Says on its output when a document is asked for the first time, and each 1000 times."""
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
