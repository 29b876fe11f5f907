"""A private installation of the llm-router for its tests: Postgres, Redis, three scripted providers, routers.

Everything lies in one temporary folder and listens on loopback; `close` ends it.
"""
import glob
import hashlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Support"))
import assertions  # noqa: E402
from ports import free_port  # noqa: E402

GATEWAY_SECRET = "router-tests-gateway-secret-0123456789"
STEP_SECRET = "router-tests-step-secret-0123456789-01"
GATEWAY_KEYS = f"test:{GATEWAY_SECRET}"
STEP_KEYS = f"test:{STEP_SECRET}"
KEYS = {
    "CADRE_IDENTITY_GATEWAY_KEYS": GATEWAY_KEYS, "CADRE_IDENTITY_STEP_KEYS": STEP_KEYS,
    "CADRE_VIRTUAL_KEYS_SIGNING_KEYS": "test:router-tests-virtual-key-secret-01234"}
TENANT = "tenant_00000000000070008000000000000001"
OTHER = "tenant_00000000000070008000000000000002"
PROVIDER_KEY = "provider-key-that-must-not-leak-0001"


def run_id(name):
    """The id of the run that a test calls `name`."""
    return f"run_{uuid.uuid5(uuid.NAMESPACE_OID, name).hex}"


def assertion(tenant, operator=False, run=None, **labels):
    """What the gateway says of a caller, or the orchestrator of a step of `run`."""
    if run:
        return assertions.step(STEP_KEYS, tenant, run_id(run), f"step_{uuid.uuid4().hex}", **labels)
    return assertions.caller(GATEWAY_KEYS, tenant, "llm-router", operator, **labels)


def identity(tenant, operator=False, run=None, **labels):
    """The header of an assertion."""
    return {"x-cadre-assertion": assertion(tenant, operator, run, **labels)}


class Skipped(Exception):
    """A case that needs something which is not installed."""


class Answer:
    """Status, headers (lower case) and body of an answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"{self.status} {self.body[:600]!r}"


def request(method, url, body=None, headers=None, timeout=90):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    made = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None:
        made.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(made, timeout=timeout) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


class World:
    def __init__(self, bin_folder, settings=None):
        self.bin = bin_folder
        self.settings = settings or {}
        self.folder = tempfile.mkdtemp(prefix="cadre-router-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.processes = {}
        self.ports = {}
        try:
            self._postgres()
            self.start_redis()
            for name in ("alpha", "beta", "gamma"):
                self.start_mock(name)
            self._configure()
            self.start_router("router")
        except BaseException:
            self.close()
            raise

    # Processes

    def _start(self, name, arguments, environment=None, **more):
        log = open(f"{self.folder}/{name}.log", "ab")
        self.processes[name] = subprocess.Popen(
            arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], **(environment or {})}, **more)

    def _postgres(self):
        tools = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        data = f"{self.folder}/postgres"
        sockets = f"{self.folder}/run"
        os.mkdir(sockets)
        user = {}
        if os.getuid() == 0:
            # Postgres refuses to run as root.
            account = pwd.getpwnam("postgres")
            os.mkdir(data)
            for path in (data, sockets):
                os.chown(path, account.pw_uid, account.pw_gid)
            user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        subprocess.run([f"{tools}/initdb", "-D", data, "-U", "router", "-A", "trust", "-N", "--no-instructions"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/", **user)
        self._start("postgres", [f"{tools}/postgres", "-D", data, "-c", "listen_addresses=", "-c",
                                 f"unix_socket_directories={sockets}"], cwd="/", **user)
        self.postgres = f"host={sockets} user=router dbname=postgres"
        self.psql_command = [f"{tools}/psql", "-h", sockets, "-U", "router", "-d", "postgres", "-AtXq"]
        self._until(lambda: subprocess.run([f"{tools}/pg_isready", "-qh", sockets]).returncode == 0, "postgres")

    def psql(self, statement):
        return subprocess.run(self.psql_command + ["-c", statement], check=True, capture_output=True,
                              text=True).stdout.strip()

    def start_redis(self):
        self.redis_socket = f"{self.folder}/redis.sock"
        self._start("redis", ["redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--save", "",
                              "--appendonly", "no", "--dir", self.folder])
        self._until(lambda: self.redis("PING") == "PONG", "redis")

    def redis(self, *words):
        done = subprocess.run(["redis-cli", "-s", self.redis_socket, *words], capture_output=True, text=True)
        return done.stdout.strip()

    def start_mock(self, name):
        self.ports[name] = self.ports.get(name) or free_port()
        self._start(name, [f"{self.bin}/mock-provider"], {
            **self.listeners(name), "CADRE_PROVIDER_KEY": PROVIDER_KEY, "CADRE_LOG_LEVEL": "error"})
        self._until(lambda: self._ready(name), name)

    def _configure(self):
        """Three providers: `alpha` and `beta` speak OpenAI's dialect, `gamma` Anthropic's."""
        def provider(name, kind, models, **more):
            return {"name": name, "kind": kind, "base_url": f"http://127.0.0.1:{self.ports[name]}/v1",
                    "api_key": PROVIDER_KEY, "models": models, **more}

        def model(name, tier=None, price=(1.0, 2.0), **more):
            made = {"name": name, **more}
            if tier:
                made["tier"] = tier
            if price:
                made["input_usd_per_million"], made["output_usd_per_million"] = price
            return made

        config = {
            "model": {"default": "alpha-small"},
            "providers": [
                provider("alpha", "openai", [
                    model("alpha-small", "small", (0.5, 1.5), context_tokens=8000, output_tokens_max=1000),
                    model("alpha-unpriced", price=None), model("shared", price=(3.0, 15.0)),
                    model("alpha-embed", price=(0.1, 0.0))]),
                provider("beta", "compatible", [
                    model("beta-medium", "medium", (2.0, 8.0), context_tokens=64000, output_tokens_max=4000),
                    model("shared", price=(3.0, 15.0))]),
                provider("gamma", "anthropic", [
                    model("gamma-large", "large", (3.0, 15.0), context_tokens=200000, output_tokens_max=8000,
                          cache_read_usd_per_million=0.3, cache_write_usd_per_million=3.75)]),
            ],
            **self.settings,
        }
        self.config = f"{self.folder}/router.yaml"
        with open(self.config, "w") as file:
            json.dump(config, file)
        os.makedirs(f"{self.folder}/spool", exist_ok=True)
        os.makedirs(f"{self.folder}/keys", exist_ok=True)

    def start_router(self, name, **environment):
        self.ports[name] = self.ports.get(name) or free_port()
        self._start(name, [f"{self.bin}/llm-router"], {
            **self.listeners(name), **KEYS, "CADRE_CONFIG": self.config, "CADRE_POSTGRES_URL": self.postgres, "CADRE_REDIS_URL": f"unix:{self.redis_socket}",
            "CADRE_LEDGER_SPOOL_FOLDER": f"{self.folder}/spool", "CADRE_KEYS_FOLDER": f"{self.folder}/keys",
            "CADRE_RATE_QUEUE_TIME_MS": "3000", "CADRE_PROVIDER_TIMEOUT_MS": "3000", "CADRE_PROVIDER_FIRST_TOKEN_MS": "2000",
            "CADRE_HEALTH_PROBE_INTERVAL_MS": "0", "TEST_API_KEY": PROVIDER_KEY, **environment})
        self._until(lambda: self._ready(name), name)

    def start_gateway(self, keys):
        """A gateway before the router. `keys`: tenant, text and operator of each API key."""
        self.ports["gateway"] = self.ports.get("gateway") or free_port()
        path = f"{self.folder}/gateway.yaml"
        with open(path, "w") as file:
            json.dump({"auth": {"keys": [
                {"name": f"key{number}", "tenant": tenant, "operator": operator,
                 "sha256": hashlib.sha256(text.encode()).hexdigest()}
                for number, (tenant, text, operator) in enumerate(keys)]}}, file)
        self._start("gateway", [f"{self.bin}/gateway"], {
            **self.listeners("gateway"), "CADRE_CONFIG": path, "CADRE_IDENTITY_GATEWAY_KEYS": GATEWAY_KEYS,
            "CADRE_REDIS_URL": f"unix:{self.redis_socket}",
            "CADRE_POSTGRES_URL": self.postgres, "CADRE_IDENTITY_KEY_SECRETS": "test:router-tests-key-secret-0123456789-01",
            "CADRE_AUDIT_KEYS": "test:router-tests-audit-keys-0123456789-01",
            "CADRE_LLM_ROUTER_URL": self.url(), "CADRE_ORCHESTRATOR_URL": f"http://127.0.0.1:{free_port()}"})
        self._until(lambda: self._ready("gateway"), "gateway")

    def listeners(self, name):
        """The ports of a process; the admin listener's stays the same over restarts."""
        admin = self.ports[f"{name}-admin"] = self.ports.get(f"{name}-admin") or free_port()
        return {"CADRE_HTTP_PORT": str(self.ports[name]), "CADRE_ADMIN_PORT": str(admin)}

    def admin(self, path, name="router"):
        """A call of the admin listener."""
        return request("GET", f"http://127.0.0.1:{self.ports[f'{name}-admin']}{path}", timeout=5)

    def _ready(self, name):
        return self.admin("/readyz", name).status == 200

    def _until(self, condition, name, seconds=120):
        limit = time.time() + seconds
        while True:
            try:
                if condition():
                    return
            except (OSError, ValueError):
                pass
            process = self.processes[name]
            if process.poll() is not None or time.time() > limit:
                with open(f"{self.folder}/{name}.log") as log:
                    raise RuntimeError(f"{name} did not start: {log.read()[-2000:]}")
            time.sleep(0.03)

    def kill(self, name, how=signal.SIGKILL):
        process = self.processes.pop(name)
        process.send_signal(how)
        process.wait(90)

    def pid(self, name):
        return self.processes[name].pid

    def close(self):
        for name, process in reversed(list(self.processes.items())):
            process.send_signal(signal.SIGQUIT if name == "postgres" else signal.SIGKILL)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Calls

    def url(self, name="router"):
        return f"http://127.0.0.1:{self.ports[name]}"

    def call(self, method, path, body=None, tenant=TENANT, headers=None, operator=False, router="router", timeout=90):
        """A call as the gateway makes it. With a header `x-cadre-run` it is one of a worker, for a step of that run."""
        headers = dict(headers or {})
        run = headers.pop("x-cadre-run", None)
        labels = {name: headers.get(f"x-cadre-{name}") for name in ("project", "group", "agent")} if run else {}
        own = identity(tenant, operator, run, **labels)
        return request(method, self.url(router) + path, body, {**own, **headers}, timeout)

    def ask(self, model, text, tenant=TENANT, headers=None, router="router", timeout=90, **more):
        return self.call("POST", "/v1/chat/completions",
                         {"model": model, "messages": [{"role": "user", "content": text}], **more}, tenant, headers,
                         router=router, timeout=timeout)

    def scripts(self, name, *scripts):
        """Replaces what a provider answers and forgets what it has counted."""
        done = request("PUT", self.url(name) + "/mock/scripts", {"scripts": list(scripts)})
        assert done.status == 204, done
        request("POST", self.url(name) + "/mock/reset")

    def usage(self, name):
        return request("GET", self.url(name) + "/mock/usage").json

    def last(self, name):
        last = request("GET", self.url(name) + "/mock/last").json
        return last["headers"], json.loads(last["body"])

    def virtual_key(self, tenant=TENANT, router="router", **terms):
        made = self.call("POST", "/api/v1/virtual-keys", terms, tenant, router=router)
        assert made.status == 201, made
        return made.json["key"]

    def ledger(self, tenant=TENANT, limit=500, **filters):
        query = "&".join(f"{k}={v}" for k, v in filters.items())
        answer = self.call("GET", f"/api/v1/calls?limit={limit}&{query}", tenant=tenant)
        assert answer.status == 200, answer
        return answer.json["calls"]

    def metric(self, name, router="router", **labels):
        """The sum of a metric over all series with these labels."""
        answer = self.admin("/metrics", router)
        assert answer.status == 200, answer
        text = answer.body.decode()
        total = 0.0
        for line in text.splitlines():
            if line.split("{")[0].split(" ")[0] == name and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def recorded(self, count=1, tenant=TENANT, **filters):
        """The rows of the ledger, newest first, once there are at least so many: they are written behind the answer."""
        rows = self.until(lambda: (lambda found: found if len(found) >= count else None)(self.ledger(tenant, **filters)))
        assert rows, f"the ledger has {len(self.ledger(tenant, **filters))} rows of {filters}, not {count}"
        return rows

    def until(self, condition, seconds=60):
        """What the condition gives, once that is true; its last value when that has not come. Nothing that a test
        waits for takes long: the limit is for machines that are busy."""
        limit = time.time() + seconds
        while time.time() < limit:
            try:
                if value := condition():
                    return value
            except (LookupError, TypeError, OSError):
                # A row that is not there yet, a process that is being started.
                pass
            time.sleep(0.02)
        return condition()
