"""A local stack for tests of faults: started by `cadre up`, looked at through the API, psql and the process table."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Support"))
from ports import free_port  # noqa: E402,F401


class Stack:
    def __init__(self, options):
        self.folder = tempfile.mkdtemp(prefix="cadre-chaos-")
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.log = open(self.folder + "/up.log", "wb")
        self.up = subprocess.Popen(
            [options.bin + "/cadre", "up", "--data", self.folder, "--port", str(self.port), "--no-example",
             "--replicas", str(options.replicas), "--set", "orchestrator.CADRE_LEASE_DURATION_MS=5000",
             *(part for one in getattr(options, "set", []) for part in ("--set", one))],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)
        limit = time.time() + 300
        while "ready after" not in self.said():
            if self.up.poll() is not None or time.time() > limit:
                raise SystemExit("the stack did not start:\n" + self.said())
            time.sleep(0.1)
        self.key = open(self.folder + "/api-key").read().strip()
        self.gateways = [self.port_of(pid) for name, pid in self.children() if name == "gateway"]
        self.sockets = next(
            (part.split("=", 1)[1] for name, pid in self.children() if name == "orchestrator"
             for part in self.environment(pid)["CADRE_POSTGRES_URL"].split() if part.startswith("host=")), None)
        self.mock = next(self.port_of(pid) for name, pid in self.children() if name == "mock-provider")

    def said(self):
        return open(self.folder + "/up.log", errors="replace").read()

    def children(self):
        """Names and ids of the processes of the stack."""
        listed = subprocess.run(
            ["ps", "--ppid", str(self.up.pid), "-o", "pid=,args="], capture_output=True, text=True).stdout
        found = []
        for line in listed.splitlines():
            pid, args = line.split(None, 1)
            found.append((os.path.basename(args.split()[0]), int(pid)))
        return found

    def environment(self, pid):
        raw = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
        return dict(entry.decode().split("=", 1) for entry in raw if b"=" in entry)

    def port_of(self, pid):
        return int(self.environment(pid)["CADRE_HTTP_PORT"])

    def sql(self, text):
        for _ in range(60):
            done = subprocess.run(
                ["psql", "-h", self.sockets, "-U", "cadre", "-d", "cadre", "-X", "-A", "-t", "-q", "-v",
                 "ON_ERROR_STOP=1", "-c", text], capture_output=True, text=True)
            if done.returncode == 0:
                return done.stdout.strip()
            if "does not exist" in done.stderr or "syntax" in done.stderr:
                raise SystemExit(done.stderr)
            time.sleep(0.5)
        raise SystemExit(done.stderr)

    def call(self, method, path, body=None, headers=None, port=None, timeout=70):
        """Status and document of one call; status 0 when nobody answered."""
        connection = http.client.HTTPConnection("127.0.0.1", port or random.choice(self.gateways), timeout=timeout)
        all_headers = {"Authorization": "Bearer " + self.key, "Content-Type": "application/json", **(headers or {})}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), all_headers)
            answer = connection.getresponse()
            data = answer.read()
            try:
                return answer.status, json.loads(data)
            except ValueError:
                return answer.status, data
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()

    def stop(self):
        self.up.send_signal(signal.SIGTERM)
        try:
            self.up.wait(120)
        except subprocess.TimeoutExpired:
            self.up.kill()
