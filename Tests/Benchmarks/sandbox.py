#!/usr/bin/env python3
"""Measures the sandbox below its supervisor: starts, runs, and how fast guests compute against native programs and against
the engine without metering, all in one go. Usage: sandbox.py --bin FOLDER [--engine FOLDER] [--count N]"""

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM = """
import json
def mix():
    total = 0
    for number in range(1_000_000):
        total = (total * 31 + number) % 1000003
    data = [{"a": index, "b": str(index)} for index in range(20_000)]
    text = json.dumps(data)
    data = sorted(json.loads(text), key=lambda each: each["b"])
    return total, len(text), data[0]["a"]
print(mix())
"""


def frame(kind, header, parts=()):
    head = json.dumps(header).encode()
    lengths = b"".join(struct.pack(">I", len(part)) for part in parts)
    body = bytes([kind, len(parts)]) + struct.pack(">I", len(head)) + lengths + head + b"".join(parts)
    return struct.pack(">I", len(body)) + body


class Worker:
    def __init__(self, options, mode="run", load=(), modules=None):
        self.scratch = tempfile.mkdtemp(prefix="cadre-bench-")
        user = 61999 if os.geteuid() == 0 else None
        if user:
            os.chown(self.scratch, user, user)
        ours, theirs = socket.socketpair()
        # Away from the number that the worker gets.
        self.socket = socket.socket(fileno=fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD_CLOEXEC, 20))
        theirs = socket.socket(fileno=fcntl.fcntl(theirs.detach(), fcntl.F_DUPFD_CLOEXEC, 20))
        ours.close()
        command = [options.bin + "/sandbox-jail", "--profile", f"wasm-{mode}", "--scratch", self.scratch]
        for folder in [options.bin, options.engine, *options.read] + ([modules] if modules else []):
            command += ["--read", folder]
        if user:
            command += ["--uid", str(user), "--gid", str(user)]
        command += ["--data-bytes", str(768 << 20)]
        command += ["--", options.bin + "/sandbox-worker", mode, "--engine-folder", options.engine, "--scratch", self.scratch]
        for runtime in load:
            command += ["--load", runtime]
        for place, identity in options.verified.items():
            command += ["--verified", f"{place}={identity}"]
        if modules:
            command += ["--modules", modules]
        start = time.perf_counter()
        self.process = subprocess.Popen(
            command, pass_fds=[3], stdin=subprocess.DEVNULL, preexec_fn=lambda: os.dup2(theirs.fileno(), 3)
        )
        theirs.close()
        for expected in (1, 3):
            kind, header, _ = self.next()
            if kind != expected:
                sys.exit(f"the worker does not start: {header}")
        self.boot = time.perf_counter() - start

    def next(self):
        head = self.socket.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            sys.exit("the worker has ended")
        body = self.socket.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL)
        count, length = body[1], struct.unpack(">I", body[2:6])[0]
        lengths = [struct.unpack(">I", body[6 + 4 * index : 10 + 4 * index])[0] for index in range(count)]
        place = 6 + 4 * count
        header = json.loads(body[place : place + length])
        place += length
        parts = []
        for length in lengths:
            parts.append(body[place : place + length])
            place += length
        return body[0], header, parts

    def compile(self, module):
        self.socket.sendall(frame(6, {"id": "c", "limits": {}}, [module]))
        return self.next()[2][0]

    def run(self, runtime, source="", given=b"", module=None, session=False):
        header = {"id": "r", "runtime": runtime, "limits": {"wall_ms": 100000}, "session": session}
        if module:
            header["module"] = module
        start = time.perf_counter()
        self.socket.sendall(frame(4, header, [source.encode(), b"null", given]))
        _, report, parts = self.next()
        return time.perf_counter() - start, report, parts

    def close(self):
        self.socket.close()
        self.process.wait(60)
        shutil.rmtree(self.scratch, ignore_errors=True)


def percentiles(values):
    values = sorted(values)
    return f"p50 {values[len(values) // 2] * 1000:.2f} ms, p99 {values[int(len(values) * 0.99)] * 1000:.2f} ms"


def timed(command, given=b""):
    start = time.perf_counter()
    subprocess.run(command, input=given, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def unmetered(options, module):
    """The engine's own binding without fuel and epochs; its time to run the module, compiled before."""
    program = f"""
import time, wasmtime
engine = wasmtime.Engine()
module = wasmtime.Module(engine, open({module!r}, "rb").read())
linker = wasmtime.Linker(engine)
linker.define_wasi()
store = wasmtime.Store(engine)
store.set_wasi(wasmtime.WasiConfig())
instance = linker.instantiate(store, module)
start = time.perf_counter()
instance.exports(store)["_start"](store)
print(time.perf_counter() - start)
"""
    environment = {**os.environ, "PYTHONPATH": options.engine + "/work/wheel"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    return float(done.stdout) if done.returncode == 0 else None


def starts(options):
    for runtime, source in (("python", "print(1)"), ("javascript", "console.log(1)")):
        boots, firsts = [], []
        for _ in range(options.count // 10):
            worker = Worker(options, load=[runtime])
            boots.append(worker.boot)
            firsts.append(worker.run(runtime, source)[0])
            worker.close()
        print(f"{runtime}: new process to ready {percentiles(boots)}; first run {percentiles(firsts)}")
        worker = Worker(options, load=[runtime])
        for session in (False, True):
            times = [worker.run(runtime, source, session=session)[0] for _ in range(options.count)]
            kind = "same instance" if session else "new instance"
            print(f"{runtime}: warm run, {kind} {percentiles(times)}, {len(times) / sum(times):.0f} runs/s")
        memory = open(f"/proc/{worker.process.pid}/smaps_rollup", encoding="utf-8").read()
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in memory.splitlines()[1:]}
        print(f"{runtime}: memory of a worker: RSS {sizes['Rss'] // 1024} MB, PSS {sizes['Pss'] // 1024} MB")
        worker.close()


def computing(options):
    modules = tempfile.mkdtemp(prefix="cadre-bench-modules-")
    os.chmod(modules, 0o755)
    module = options.engine + "/guests/compute.wasm"
    compiler = Worker(options, "compile")
    compiled = compiler.compile(open(module, "rb").read())
    compiler.close()
    digest = hashlib.sha256(compiled).hexdigest()
    with open(f"{modules}/{digest}.cwasm", "wb") as file:
        file.write(compiled)
    native = modules + "/native"
    subprocess.run(["cc", "-O2", "-w", "-o", native, options.guests + "/compute.c"], check=True)
    worker = Worker(options, modules=modules)
    worker.run("wasm", module=digest)
    rows = {"native -O2": [], "engine without metering": [], "sandbox": []}
    for _ in range(5):
        rows["native -O2"].append(timed([native]))
        free = unmetered(options, module)
        if free:
            rows["engine without metering"].append(free)
        rows["sandbox"].append(worker.run("wasm", module=digest)[1]["metering"]["wall_us"] / 1e6)
    base = min(rows["native -O2"])
    for name, values in rows.items():
        if values:
            print(f"compute in C, {name}: best {min(values):.2f} s ({min(values) / base:.2f} x native)")
    worker.close()
    shutil.rmtree(modules)
    worker = Worker(options, load=["python"])
    ours = [worker.run("python", PROGRAM)[1]["metering"]["wall_us"] / 1e6 for _ in range(5)]
    theirs = [timed(["/usr/bin/python3", "-I", "-S", "-c", PROGRAM]) for _ in range(5)]
    print(f"loop, JSON and sort in Python: sandbox best {min(ours):.2f} s, native best {min(theirs):.2f} s")
    fuel = {worker.run("python", PROGRAM)[1]["metering"]["fuel"] for _ in range(3)}
    print(f"fuel of the same program: {sorted(fuel)}")
    worker.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    parser.add_argument("--bin", required=True)
    parser.add_argument("--engine", default=root + "/.build/sandbox")
    parser.add_argument("--count", type=int, default=500)
    options = parser.parse_args()
    options.bin = os.path.realpath(options.bin)
    options.engine = os.path.realpath(options.engine)
    options.guests = root + "/Tests/SandboxWorkerTests/Guests"
    libraries = subprocess.run(["ldd", options.bin + "/sandbox-worker"], capture_output=True, text=True).stdout
    paths = [word for word in libraries.split() if word.endswith("/libswiftCore.so")]
    options.read = [os.path.dirname(path) for path in paths]
    options.verified = json.loads(
        subprocess.check_output([options.bin + "/sandbox-worker", "verify", "--engine-folder", options.engine])
    )
    print("load before:", os.getloadavg())
    starts(options)
    computing(options)


main()
