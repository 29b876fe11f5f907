#!/usr/bin/env python3
"""The Redis drill: a whole stack stands on Redis with sentinels, or on a Redis Cluster, with passwords, a user of few rights
and TLS. Under load the master is killed, and in the cluster slots move too. No accepted task may be lost or fail, no budget
may be oversold, and calls go on by themselves.

Usage: redis_drill.py --bin FOLDER --mode sentinel|cluster [--plain] [--seconds N] [--port FIRST]
"""
import argparse
import collections
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
sys.path.insert(0, HERE)
from failover_drill import Load  # noqa: E402
from stack import Stack, free_port  # noqa: E402

PASSWORD, SENTINEL_PASSWORD = "drill-password-7f3a", "drill-sentinel-91bc"
# What the router needs, and nothing else.
RIGHTS = ["on", ">" + PASSWORD, "resetkeys", "~budget:*", "~rate:*", "~cache:*", "~gateway:*", "nocommands", *(
    "+auth +ping +select +client|setname +get +set +del +pttl +expire +pexpire +expireat +exists +time +info +role +scan "
    "+eval +evalsha +hget +hset +hmget +hgetall +hdel +hexists +hincrby +hincrbyfloat "
    "+zadd +zrem +zcard +zremrangebyscore +asking +cluster|slots +cluster|info").split()]
USER = "cadre"


def make_certificates(folder):
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch"]
    openssl(*new, "-x509", "-days", "2", "-subj", "/CN=drill", "-keyout", "ca.key", "-out", "ca.crt")
    openssl(*new, "-subj", "/CN=redis", "-keyout", "redis.key", "-out", "redis.csr")
    with open(f"{folder}/ext", "w") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "redis.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", "redis.crt")


class Redis:
    """A redis-server or a sentinel."""

    def __init__(self, place, name, lines, sentinel=False):
        self.folder, self.place, self.sentinel = f"{place.folder}/{name}", place, sentinel
        os.makedirs(self.folder)
        self.port = place.port()
        text = f"bind 127.0.0.1\ndir {self.folder}\n"
        text += f"port 0\ntls-port {self.port}\n{place.tls_lines()}" if place.secured else f"port {self.port}\n"
        if not sentinel:
            text += f'save ""\nappendonly no\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\nuser {USER} {" ".join(RIGHTS)}\n'
        with open(f"{self.folder}/conf", "w") as file:
            file.write(text + "\n".join(lines) + "\n")
        self.process = None
        self.start()

    def start(self):
        with open(f"{self.folder}/log", "a") as log:
            self.process = subprocess.Popen(["redis-server", f"{self.folder}/conf", *(["--sentinel"] if self.sentinel else [])], stdout=log, stderr=log)
        limit = time.time() + 30
        while "PONG" not in self.ask("ping", check=False):
            assert time.time() < limit and self.process.poll() is None, open(f"{self.folder}/log").read()
            time.sleep(0.05)

    def command(self, *words):
        tls = ["--tls", "--cacert", f"{self.place.folder}/ca.crt"] if self.place.secured else []
        return ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *tls, *words]

    def ask(self, *words, check=True):
        secret = SENTINEL_PASSWORD if self.sentinel else PASSWORD
        done = subprocess.run(self.command(*words), capture_output=True, text=True, env={**os.environ, "REDISCLI_AUTH": secret})
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def kill(self):
        self.process.kill()
        self.process.wait()


class Place:
    """All servers of a drill."""

    def __init__(self, options):
        self.folder, self.secured = tempfile.mkdtemp(prefix="cadre-redis-"), not options.plain
        self.next, self.servers = options.port, []
        if self.secured:
            make_certificates(self.folder)

    def port(self):
        if not self.next:
            return free_port()
        self.next += 1
        return self.next

    def tls_lines(self):
        own = f"{self.folder}/redis"
        return (f"tls-cert-file {own}.crt\ntls-key-file {own}.key\ntls-ca-cert-file {self.folder}/ca.crt\ntls-auth-clients no\n"
                "tls-replication yes\n")

    def add(self, *arguments, **options):
        self.servers.append(Redis(self, *arguments, **options))
        return self.servers[-1]

    def stop(self):
        for server in self.servers:
            if server.process.poll() is None:
                server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sentinels(Place):
    def __init__(self, options):
        super().__init__(options)
        self.master = self.add("first", [])
        self.replica = self.add("second", [f"replicaof 127.0.0.1 {self.master.port}"])
        lines = [f"requirepass {SENTINEL_PASSWORD}", f"sentinel sentinel-pass {SENTINEL_PASSWORD}", f"sentinel monitor cadre 127.0.0.1 {self.master.port} 2",
                 f"sentinel auth-pass cadre {PASSWORD}", "sentinel down-after-milliseconds cadre 2000", "sentinel failover-timeout cadre 20000"]
        self.sentinels = [self.add(f"sentinel{index}", lines, sentinel=True) for index in range(3)]
        limit = time.time() + 60
        while not all("num-slaves\n1\n" in one.ask("sentinel", "master", "cadre") and "num-other-sentinels\n2\n" in one.ask("sentinel", "master", "cadre")
                      for one in self.sentinels):
            assert time.time() < limit, "the sentinels do not find each other"
            time.sleep(0.2)

    def settings(self):
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.sentinels)
        return {"REDIS_URL": f"redis{'s' * self.secured}+sentinel://{USER}:{PASSWORD}@{hosts}/cadre/0", "REDIS_SENTINEL_PASSWORD": SENTINEL_PASSWORD}

    def victim(self, tenant):
        return self.master


class Cluster(Place):
    """Three masters, and a replica of each."""

    def __init__(self, options):
        super().__init__(options)
        bus = ["tls-cluster yes"] if self.secured else []
        self.nodes = []
        for index in range(6):
            lines = ["cluster-enabled yes", f"cluster-port {self.port()}", "cluster-node-timeout 2000", *bus]
            self.nodes.append(self.add(f"node{index}", lines))
        ports = [next(line.split()[1] for line in open(f"{one.folder}/conf") if line.startswith("cluster-port")) for one in self.nodes]
        for index, (first, last) in enumerate([(0, 5460), (5461, 10922), (10923, 16383)]):
            self.nodes[index].ask("cluster", "addslotsrange", str(first), str(last))
            self.nodes[index].ask("cluster", "set-config-epoch", str(index + 1))
        for node, port in list(zip(self.nodes, ports))[1:]:
            self.nodes[0].ask("cluster", "meet", "127.0.0.1", str(node.port), port)
        self.until(lambda: all("cluster_state:ok" in one.ask("cluster", "info") and "cluster_known_nodes:6" in one.ask("cluster", "info") for one in self.nodes))
        for index in range(3):
            name = self.nodes[index].ask("cluster", "myid").strip()
            self.until(lambda: "OK" in self.nodes[index + 3].ask("cluster", "replicate", name))
        self.until(lambda: all("connected" in one.ask("role") for one in self.nodes[3:]))

    @staticmethod
    def until(condition):
        limit = time.time() + 60
        while not condition():
            assert time.time() < limit, "the cluster does not come about"
            time.sleep(0.2)

    def settings(self):
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self.nodes[:2])
        return {"REDIS_URL": f"redis{'s' * self.secured}+cluster://{USER}:{PASSWORD}@{hosts}"}

    def owner(self, slot):
        for line in self.nodes[5].ask("cluster", "nodes").splitlines():
            words = line.split()
            for part in words[8:]:
                first, _, last = part.partition("-")
                if first.isdigit() and int(first) <= slot <= int(last or first):
                    port = int(words[1].split("@")[0].rpartition(":")[2])
                    return next(one for one in self.nodes if one.port == port)
        raise AssertionError(f"nobody has slot {slot}")

    def slot(self, tenant):
        return int(self.nodes[5].ask("cluster", "keyslot", "budget:{" + tenant + "}:"))

    def move(self, tenant):
        """Moves the slot of a tenant to another node, key by key, as tools for resharding do."""
        slot = self.slot(tenant)
        source = self.owner(slot)
        target = next(one for one in self.nodes[:3] if one is not source)
        ids = {one: one.ask("cluster", "myid").strip() for one in (source, target)}
        target.ask("cluster", "setslot", str(slot), "importing", ids[source])
        source.ask("cluster", "setslot", str(slot), "migrating", ids[target])
        moved = 0
        while keys := source.ask("cluster", "getkeysinslot", str(slot), "1").split():
            source.ask("migrate", "127.0.0.1", str(target.port), "", "0", "5000", "auth", PASSWORD, "keys", *keys)
            moved += 1
        for node in [target, source, *(one for one in self.nodes[:3] if one not in (source, target))]:
            node.ask("cluster", "setslot", str(slot), "node", ids[target])
        return moved

    def victim(self, tenant):
        return self.owner(self.slot(tenant))


class Calls(threading.Thread):
    """Direct model calls, one after the other, with the time and the status of each."""

    def __init__(self, stack, key):
        super().__init__(daemon=True)
        self.stack, self.key, self.going, self.seen = stack, key, True, []

    def run(self):
        number = 0
        while self.going:
            number += 1
            body = {"model": "mock-model", "max_tokens": 40, "messages": [{"role": "user", "content": f"{id(self)} {number}"}]}
            connection = http.client.HTTPConnection("127.0.0.1", self.stack.gateways[number % len(self.stack.gateways)], timeout=30)
            try:
                connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Authorization": "Bearer " + self.key, "Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                code = answer.status if answer.status == 200 else (answer.status, json.loads(text).get("error", {}).get("code"))
            except (OSError, http.client.HTTPException, ValueError):
                code = 0
            finally:
                connection.close()
            self.seen.append((time.time(), code))
            if code != 200:
                time.sleep(0.05)


def gap(calls, fault):
    """Seconds from a fault until every caller was served and none was refused any more."""
    def served(call):
        refused = max((at for at, code in call.seen if code != 200 and at > fault), default=fault)
        return min((at for at, code in call.seen if code == 200 and at > refused), default=float("inf"))
    return max(served(call) for call in calls) - fault


def drill(options, place):
    settings = place.settings()
    if place.secured:
        settings["REDIS_TLS_CA_FILE"] = f"{place.folder}/ca.crt"
    options.set = [f"llm-router.CADRE_{name}={value}" for name, value in settings.items()]
    options.set.append("llm-router.CADRE_CACHE_MODE=off")
    stack = Stack(options)
    try:
        # A budget that is never reached makes every call pass through the counters in Redis.
        status, made = stack.call("POST", "/api/v1/budgets", {"scope": "tenant", "period": "total", "tokens": 10**12})
        assert status == 201, made
        tenant = "tenant_" + stack.sql("select replace(tenant_id::text, '-', '') from llm_router.budget limit 1")
        loads = [Load(stack) for _ in range(3)]
        for one in loads:
            one.daemon = True
        calls = [Calls(stack, stack.key) for _ in range(4)]
        for one in [*loads, *calls]:
            one.start()
        time.sleep(options.seconds)
        moved = None
        if options.mode == "cluster":
            began = time.time()
            moved = place.move(tenant)
            ended = time.time()
            time.sleep(options.seconds)
            refused = sum(1 for call in calls for at, code in call.seen if code != 200)
            print(f"the tenant's slot of {moved} keys moved in {ended - began:.2f} s; {refused} of {sum(len(call.seen) for call in calls)} calls were refused")
            assert moved > 0 and refused == 0, collections.Counter(code for call in calls for _, code in call.seen)
        before = sum(len(one.accepted) for one in loads)
        victim = place.victim(tenant)
        victim.kill()
        fault = time.time()
        time.sleep(options.seconds + 10)
        for one in [*loads, *calls]:
            one.going = False
        for one in [*loads, *calls]:
            one.join()
        accepted = set().union(*(one.accepted for one in loads))
        limit = time.time() + 90
        while time.time() < limit and stack.sql("select count(*) from orchestrator.run where ended_at is null") != "0":
            time.sleep(0.3)
        known = set(stack.sql("select 'task_' || replace(id::text, '-', '') from orchestrator.task").split())
        lost, open_ = accepted - known, stack.sql("select count(*) from orchestrator.run where ended_at is null")
        failed = stack.sql("select count(*) from orchestrator.run where status <> 'succeeded'")
        codes = collections.Counter(code for call in calls for at, code in call.seen)
        print(f"{len(accepted)} tasks accepted ({before} before the fault), {len(lost)} lost, {open_} open, {failed} not succeeded")
        print(f"direct calls: {dict(codes)}; all callers were served again {gap(calls, fault):.1f} s after the kill")
        ledger = int(stack.sql("select coalesce(sum(charged_tokens), 0) from llm_router.call"))
        assert len(accepted) > before > 10 and not lost and open_ == "0" and failed == "0"
        assert set(codes) <= {200, (503, "budget_store_unavailable")}, codes
        assert max(at for call in calls for at, code in call.seen if code == 200) > fault
        exhaust(stack, place, tenant, ledger, options, victim)
        logs = subprocess.run(["grep", "-rlE", f"{PASSWORD}|{SENTINEL_PASSWORD}", f"{stack.folder}/logs", f"{stack.folder}/up.log"], capture_output=True, text=True)
        assert not logs.stdout, "a password in " + logs.stdout
    finally:
        stack.stop()
        shutil.rmtree(stack.folder, ignore_errors=True)


def exhaust(stack, place, tenant, ledger, options, victim):
    """A budget that is used up while its counters change their place is not oversold."""
    room = 60_000
    status, made = stack.call("POST", "/api/v1/budgets", {"scope": "tenant", "period": "month", "tokens": ledger + room})
    assert status == 201, made
    victim.start()
    Cluster.until(lambda: "slave" in victim.ask("role") and "connected" in victim.ask("role"))
    other = place.victim(tenant)
    if options.mode == "sentinel":
        other = place.replica
        Cluster.until(lambda: "num-slaves\n1\n" in place.sentinels[0].ask("sentinel", "master", "cadre"))
    calls = [Calls(stack, stack.key) for _ in range(6)]
    for one in calls:
        one.start()

    def spent():
        return int(stack.sql("select coalesce(sum(charged_tokens), 0) from llm_router.call"))
    Cluster.until(lambda: spent() > ledger + room // 4)
    if options.mode == "cluster":
        # By hand: the replica takes the place of its master, which lives on.
        victim.ask("cluster", "failover")
    else:
        other.kill()
    limit = time.time() + 90
    while time.time() < limit and sum(1 for call in calls if call.seen and call.seen[-1][1] not in (200, 0) and call.seen[-1][1][1] == "budget_exceeded") < len(calls):
        time.sleep(0.2)
    for one in calls:
        one.going = False
    for one in calls:
        one.join()
    used = spent() - ledger
    codes = collections.Counter(code for call in calls for _, code in call.seen)
    print(f"a budget of {room} tokens, used up over a fail-over: {used} charged; {dict(codes)}")
    assert room * 0.9 < used <= room, used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--mode", choices=["sentinel", "cluster"], required=True)
    parser.add_argument("--plain", action="store_true", help="without TLS")
    parser.add_argument("--seconds", type=float, default=5, help="load before and after each fault")
    parser.add_argument("--port", type=int, default=0, help="ports of the servers come after this one; 0: any that are free")
    options = parser.parse_args()
    options.bin, options.replicas = os.path.abspath(options.bin), 2
    place = None
    try:
        place = (Cluster if options.mode == "cluster" else Sentinels)(options)
        drill(options, place)
    finally:
        if place:
            place.stop()


if __name__ == "__main__":
    main()
