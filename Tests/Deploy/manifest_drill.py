#!/usr/bin/env python3
"""The drill of the manifests of Kubernetes, without a cluster: every job and every service runs as a process of its own with
the environment, the arguments and the secrets that its manifest gives it, and no others. Jobs have to end well, probes to be answered.

With --schemas also: all that kubectl makes of the manifests is valid by the schemas of several versions of Kubernetes.

Usage: manifest_drill.py --bin FOLDER [--schemas PROGRAM]
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", ".."))
sys.path.insert(0, os.path.join(HERE, "..", "Faults"))
from postgres_server import Server  # noqa: E402
from stack import free_port  # noqa: E402

# The preStop hook that sleeps came with 1.30.
VERSIONS = ("1.30.0", "1.31.0", "1.34.0", "1.37.0")
SERVICES = {"orchestrator": 8081, "llm-router": 8082, "agent-core": 8083, "gateway": 8080}


class Manifest:
    """What a manifest says of its container. They are written in one style, which is read line by line."""

    def __init__(self, path):
        with open(path) as file:
            self.text = file.read()
        self.path, self.pod = path, self.text.split("\n---\n")[0]
        self.name = re.search(r"image: cadre/([a-z-]+)\n", self.pod).group(1)
        self.environment = dict(re.findall(r'- \{ name: ([A-Z_]+), value: "([^"]*)" \}', self.pod))
        self.arguments = re.findall(r'args: \["([^"]*)"\]', self.pod)
        self.keys = set(re.findall(r"- \{ key: ([a-z_]+), path: \1 \}", self.pod))
        self.mounts = dict(re.findall(r"- \{ name: ([a-z-]+), mountPath: ([^ ,]+)", self.pod))
        self.volumes = set(re.findall(r"\n        - (?:\{ )?name: ([a-z-]+)[,\n]", self.pod.split("\n      volumes:")[1]))
        self.volumes |= set(re.findall(r"- metadata: \{ name: ([a-z-]+) \}", self.pod))

    def number(self, pattern):
        return int(re.search(pattern, self.pod).group(1))

    def check(self):
        assert set(self.mounts) == self.volumes, (self.path, self.mounts, self.volumes)
        for name, value in self.environment.items():
            if value.startswith("/run/secrets/"):
                assert name.endswith("_FILE") and os.path.basename(value) in self.keys, (self.path, name)
            elif value.startswith("/"):
                assert any(value == mount or value.startswith(mount + "/") for mount in self.mounts.values()), (self.path, name, value)
        used = {os.path.basename(value) for value in self.environment.values()}
        assert self.keys <= used, (self.path, "secrets that nothing reads", self.keys - used)
        # What the standard "restricted" of pod security demands.
        for rule in ("automountServiceAccountToken: false", "runAsNonRoot: true", "seccompProfile: { type: RuntimeDefault }",
                     "allowPrivilegeEscalation: false", "readOnlyRootFilesystem: true", "capabilities: { drop: [ALL] }"):
            assert rule in self.pod, (self.path, rule)

    def check_service(self):
        grace, sleep = self.number(r'CADRE_SHUTDOWN_GRACE_MS, value: "(\d+)"'), self.number(r"sleep: \{ seconds: (\d+) \}")
        assert self.number(r"terminationGracePeriodSeconds: (\d+)") > grace / 1000 + sleep, self.path
        # An autoscaler owns the number of replicas; applying the manifest again must not set it back.
        assert "kind: HorizontalPodAutoscaler" in self.text and not re.search(r"\n  replicas:", self.pod), (self.path, "replicas")


class Drill:
    def __init__(self, folder, options):
        self.folder, self.bin, self.processes = folder, options.bin, []
        self.server, self.redis = Server(folder, "server"), free_port()
        self.ports = {name: (free_port(), free_port()) for name in SERVICES}
        os.mkdir(folder + "/deploy")
        for name in ("make-secrets", "lib.sh", "alertmanager"):
            copy = shutil.copytree if os.path.isdir(f"{ROOT}/deploy/{name}") else shutil.copy
            copy(f"{ROOT}/deploy/{name}", f"{folder}/deploy/{name}")
        subprocess.run([folder + "/deploy/make-secrets"], check=True, capture_output=True)
        self.secrets = folder + "/deploy/secrets"
        for folder_of_pod in ("data", "provider-keys", "scratch"):
            os.mkdir(f"{folder}/{folder_of_pod}")

    def put(self, name, text):
        path = f"{self.secrets}/{name}"
        os.chmod(path, 0o600)
        with open(path, "w") as file:
            file.write(text)

    def environment(self, manifest):
        """That of the manifest, with places of this machine in the stead of those in a pod."""
        found = {"PATH": "/usr/bin:/bin"}
        for name, value in manifest.environment.items():
            for service, port in SERVICES.items():
                value = value.replace(f"http://{service}:{port}", f"http://127.0.0.1:{self.ports[service][0]}")
            value = value.replace("http://jaeger-collector.observability:4318", "http://127.0.0.1:1")
            if value == "0.0.0.0":
                value = "127.0.0.1"
            elif value.startswith("/run/secrets/"):
                value = value.replace("/run/secrets", self.secrets)
                assert os.path.exists(value), (manifest.path, name, "deploy/make-secrets does not make it")
            elif value == "/etc/cadre/llm-router.yaml":
                value = ROOT + "/deploy/config/llm-router.yaml"
            elif value.startswith("/"):
                value = self.folder + "/" + os.path.basename(value)
            found[name] = value
        return found

    def job(self, path):
        manifest = Manifest(path)
        manifest.check()
        assert manifest.arguments == ["--migrate"]
        done = subprocess.run([f"{self.bin}/{manifest.name}", *manifest.arguments], env=self.environment(manifest), cwd=self.folder,
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, (path, done.returncode, done.stdout[-1500:], done.stderr[-1500:])

    def service(self, name):
        manifest = Manifest(f"{ROOT}/deploy/kubernetes/base/{name}.yaml")
        manifest.check()
        manifest.check_service()
        http, admin = manifest.number(r"name: http, containerPort: (\d+)"), manifest.number(r"name: admin, containerPort: (\d+)")
        assert http == SERVICES[name] and f"port: {http}, targetPort: http" in manifest.text, name
        defaults = subprocess.run([f"{self.bin}/{name}", "--help"], capture_output=True, text=True, check=True).stdout
        for setting, port in (("http.port", http), ("admin.port", admin)):
            assert re.search(rf"\n  {setting} .*\n.*\n.*default {port}\n", defaults), (name, setting, port)
        log = open(f"{self.folder}/{name}.log", "wb")
        own, own_admin = self.ports[name]
        environment = {**self.environment(manifest), "CADRE_HTTP_PORT": str(own), "CADRE_ADMIN_PORT": str(own_admin)}
        # The image has it in a place of its own; here there may be none, and agent-core goes on without.
        if name == "agent-core":
            environment["CADRE_SANDBOX_SCRATCH_FOLDER"] = self.folder + "/scratch"
        self.processes.append((manifest, own_admin, subprocess.Popen([f"{self.bin}/{name}"], env=environment, cwd=self.folder, stdout=log, stderr=log)))

    def probe(self):
        for manifest, port, process in self.processes:
            limit = time.time() + 60
            for path in re.findall(r"httpGet: \{ path: ([^,]+), port: admin \}", manifest.pod):
                while True:
                    try:
                        assert urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).status == 200
                        break
                    except (urllib.error.URLError, OSError) as error:
                        with open(f"{self.folder}/{manifest.name}.log", errors="replace") as log:
                            assert process.poll() is None and time.time() < limit, (manifest.name, path, str(error), log.read()[-2000:])
                        time.sleep(0.1)
            metrics = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
            assert re.search(r'prometheus.io/port: "(\d+)"', manifest.pod).group(1) == str(manifest.number(r"name: admin, containerPort: (\d+)"))
            if manifest.name == "orchestrator":
                # What the autoscaler of agent-core asks for.
                with open(f"{ROOT}/deploy/kubernetes/base/agent-core.yaml") as file:
                    wanted = re.search(r"external: \{ metric: \{ name: ([a-z_]+) \}", file.read()).group(1)
                assert f"\n{wanted} " in metrics, wanted

    def run(self):
        self.server.create()
        self.put("postgres_url", self.server.url())
        self.put("redis_url", f"redis://127.0.0.1:{self.redis}/0")
        redis = subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(self.redis), "--save", "", "--dir", self.folder],
                                 stdout=subprocess.DEVNULL)
        try:
            jobs = sorted(set(glob.glob(f"{ROOT}/deploy/kubernetes/migrate/*.yaml")) - set(glob.glob(f"{ROOT}/deploy/kubernetes/migrate/kust*"))
                          - set(glob.glob(f"{ROOT}/deploy/kubernetes/migrate/network*")))
            assert len(jobs) == 3
            for path in jobs:
                self.job(path)
            for name in SERVICES:
                self.service(name)
            self.probe()
            print(f"{len(jobs)} jobs ended well, {len(self.processes)} services answered their probes")
        finally:
            for _, _, process in self.processes:
                process.terminate()
            for _, _, process in self.processes:
                process.wait(60)
            redis.terminate()
            redis.wait()
            self.server.stop()


def schemas(program, folder):
    for name in ("base", "migrate", "outside"):
        with open(f"{folder}/{name}.yaml", "w") as out:
            subprocess.run(["kubectl", "kustomize", f"{ROOT}/deploy/kubernetes/{name}"], stdout=out, check=True)
    files = [f"{folder}/{name}.yaml" for name in ("base", "migrate", "outside")] + [ROOT + "/deploy/kubernetes/namespace.yaml"]
    for version in VERSIONS:
        done = subprocess.run([program, "--strict", "--kubernetes-version", version, *files], capture_output=True, text=True)
        said = done.stdout + done.stderr
        faults = [line for line in said.splitlines() if line and " passed " not in line]
        assert done.returncode == 0 and not faults and said.count(" passed ") > 25, (version, faults[:5])
        print(f"Kubernetes {version}: {said.count(' passed ')} resources are valid")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--schemas", help="the program kubernetes-validate")
    options = parser.parse_args()
    options.bin = os.path.abspath(options.bin)
    folder = tempfile.mkdtemp(prefix="cadre-manifests-")
    os.chmod(folder, 0o777)
    try:
        if options.schemas:
            schemas(os.path.abspath(options.schemas), folder)
        Drill(folder, options).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
