"""The production stack in containers, in a copy of its files: started by the scripts of deploy, used through its door, looked at through the engine."""
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(HERE, "..", "Support"))
from ports import free_port  # noqa: E402

STAND_INS = ["postgres", "redis", "prometheus", "alertmanager", "postgres-exporter", "redis-exporter", "node-exporter", "traefik",
             "grafana", "jaeger", "pgbouncer", "pgbouncer-exporter", "opa"]
PROVIDERS = """providers:
  - name: mock
    kind: openai
    base_url: http://mock-provider:8084/v1
    models: [{ name: mock-model }]
"""


def command(*words, check=True, timeout=900, **more):
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, **more)
    if check and done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}")
    return done


class Stack:
    def __init__(self, version, base):
        """`base` is the image of Debian 12 of which stand-ins are built; empty: none, images of others are pulled."""
        self.folder = tempfile.mkdtemp(prefix="cadre-containers-")
        os.chmod(self.folder, 0o755)
        shutil.copytree(f"{ROOT}/deploy", f"{self.folder}/deploy", ignore=shutil.ignore_patterns("secrets", ".state", "backups"))
        for name in ("policies", "dashboards", "docs"):
            shutil.copytree(f"{ROOT}/{name}", f"{self.folder}/{name}")
        with open(f"{self.folder}/deploy/config/llm-router.yaml", "w") as file:
            file.write(PROVIDERS)
        self.project, self.version = "cadre-drill", version
        self.ports = {name: free_port() for name in ("CADRE_HTTPS_PORT", "CADRE_HTTP_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "GRAFANA_PORT", "JAEGER_PORT")}
        self.environment = {
            **os.environ, "CADRE_PROJECT": self.project, "CADRE_HTTPS_ADDRESS": "127.0.0.1", "CADRE_TRACE_RATIO": "0.2",
            # An engine in a container may not raise the limit.
            "CADRE_NOFILE": os.environ.get("CADRE_NOFILE", command("sh", "-c", "ulimit -Hn").stdout.strip()),
            **{name: str(port) for name, port in self.ports.items()}}
        if base:
            for name in STAND_INS:
                command("docker", "build", "--quiet", "--file", f"{HERE}/stand-ins/Dockerfile", "--target", name, "--tag",
                        f"cadre-stand-in/{name}:drill", "--build-arg", f"BASE={base}", f"{ROOT}/Tests", env={**os.environ, "DOCKER_BUILDKIT": "1"})
                self.environment[name.replace("-", "_").upper() + "_IMAGE"] = f"cadre-stand-in/{name}:drill"
        self.local = threading.local()
        self.remove(keeps_folder=True)

    # MARK: The scripts

    def run(self, script, *words, check=True, overrides=None, given=None):
        """What a script of deploy says, and the seconds that it took."""
        if overrides is not None:
            self.environment["CADRE_COMPOSE_OVERRIDE"] = ":".join(f"{self.folder}/deploy/docker-compose.{one}.yml" for one in overrides)
        began = time.time()
        done = command(f"{self.folder}/deploy/{script}", *words, check=check, env=self.environment, input=given)
        return done, time.time() - began

    def start_provider(self):
        command("docker", "run", "--detach", "--name", f"{self.project}-mock", "--network", f"{self.project}_internet", "--network-alias",
                "mock-provider", f"cadre/mock-provider:{self.version}")

    def remove(self, keeps_folder=False):
        """Everything of the project goes, also what an earlier drill has left."""
        ids = command("docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}", check=False).stdout.split()
        command("docker", "rm", "-f", f"{self.project}-mock", *ids, check=False)
        for kind in ("volume", "network"):
            found = command("docker", kind, "ls", "-q", "--filter", f"label=com.docker.compose.project={self.project}", check=False).stdout.split()
            if found:
                command("docker", kind, "rm", *found, check=False)
        if not keeps_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # MARK: The engine

    def containers(self, service):
        return command("docker", "ps", "-q", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.project}", "--filter",
                       f"label=com.docker.compose.service={service}", "--filter", "label=com.docker.compose.oneoff=False").stdout.split()

    def inspect(self, container, form):
        return command("docker", "inspect", "--format", form, container, check=False).stdout.strip()

    def crash(self, service):
        """Ends the first process of a container as a crash would; the engine starts it again."""
        container = self.containers(service)[0]
        os.kill(int(self.inspect(container, "{{.State.Pid}}")), 9)
        return container

    def until(self, what, condition, seconds=90):
        limit = time.time() + seconds
        while not condition():
            if time.time() > limit:
                raise SystemExit(f"not after {seconds} s: {what}")
            time.sleep(0.2)

    def wait_healthy(self, service):
        self.until(f"{service} healthy", lambda: self.containers(service) and all(
            self.inspect(one, "{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}") in ("healthy", "running")
            for one in self.containers(service)))

    def sql(self, text):
        return command("docker", "exec", "-i", self.containers("postgres")[0], "psql", "-U", "cadre", "-d", "cadre", "-XAtqc", text).stdout.strip()

    # MARK: The door

    def call(self, method, path, body=None, headers=None, timeout=30):
        """Status and document of one request over a connection that this thread keeps; status 0 when there was no answer."""
        # One that was idle for long may be closed by now, as its proxy may.
        if getattr(self.local, "connection", None) is not None and time.time() - self.local.used > 10:
            self.local.connection.close()
            self.local.connection = None
        self.local.used = time.time()
        if getattr(self.local, "connection", None) is None:
            context = ssl.create_default_context(cafile=f"{self.folder}/deploy/secrets/tls.crt")
            self.local.connection = http.client.HTTPSConnection("localhost", self.ports["CADRE_HTTPS_PORT"], timeout=timeout, context=context)
        key = open(f"{self.folder}/deploy/secrets/api_key").read()
        try:
            self.local.connection.request(method, path, None if body is None else json.dumps(body), {
                "Authorization": f"Bearer {key}", "Content-Type": "application/json", **(headers or {})})
            answer = self.local.connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.local.connection.close()
            self.local.connection = None
            return 0, repr(error)

    def finished(self, seconds=60):
        """A task from its submission to its end: the seconds."""
        began = time.time()
        status, made = self.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}})
        assert status in (200, 201, 202), (status, made)
        while time.time() < began + seconds:
            _, task = self.call("GET", f"/api/v1/tasks/{made['id']}")
            if task and task.get("status") == "succeeded":
                return time.time() - began
            assert not task or task.get("status") != "failed", task
            time.sleep(0.05)
        raise SystemExit(f"task {made['id']} is not finished after {seconds} s: {task}")


class Load:
    """Callers that submit tasks until told to stop. A request that fails is counted, and sent again with its key."""

    def __init__(self, stack, callers=4, pause=0.02):
        self.stack, self.pause = stack, pause
        self.accepted, self.failed, self.longest, self.going = set(), [], 0.0, True
        self.threads = [threading.Thread(target=self.caller) for _ in range(callers)]

    def __enter__(self):
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *_):
        self.going = False
        for one in self.threads:
            one.join()

    def caller(self):
        last = time.time()
        while self.going:
            key = str(uuid.uuid4())
            while True:
                status, made = self.stack.call("POST", "/api/v1/tasks", {"input": {"prompt": "hello"}}, {"Idempotency-Key": key})
                if status in (200, 201, 202):
                    self.longest, last = max(self.longest, time.time() - last), time.time()
                    self.accepted.add(made["id"])
                    break
                self.failed.append((time.strftime("%H:%M:%S"), status, str(made)[:200]))
                time.sleep(0.2)
            time.sleep(self.pause)

    def settled(self, seconds=120):
        """Waits until no run is open, and says what became of the accepted tasks: (lost, not succeeded)."""
        sql = self.stack.sql
        self.stack.until("all runs ended", lambda: sql("select count(*) from orchestrator.run where ended_at is null") == "0", seconds)
        known = dict(line.split("|") for line in sql(
            "select 'task_' || replace(t.id::text, '-', ''), r.status from orchestrator.task t join orchestrator.run r on r.task_id = t.id").splitlines())
        return len(self.accepted - set(known)), sum(known.get(one) not in (None, "succeeded") for one in self.accepted)
