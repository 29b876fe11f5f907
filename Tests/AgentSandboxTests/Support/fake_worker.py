# A worker without an engine: speaks the protocol on descriptor 3 and does what the source of a run says.
import json, os, signal, socket, struct, sys, threading, time

channel = socket.socket(fileno=3)
mode = sys.argv[1] if len(sys.argv) > 1 else ""


def send(kind, header, parts=()):
    head = json.dumps(header).encode()
    body = bytes([kind, len(parts)]) + struct.pack(">I", len(head))
    body += b"".join(struct.pack(">I", len(part)) for part in parts) + head + b"".join(parts)
    channel.sendall(struct.pack(">I", len(body)) + body)


def receive():
    def exactly(count):
        data = b""
        while len(data) < count:
            piece = channel.recv(count - len(data))
            if not piece:
                sys.exit(0)
            data += piece
        return data

    body = exactly(struct.unpack(">I", exactly(4))[0])
    count = body[1]
    sizes = struct.unpack(f">{count + 1}I", body[2 : 6 + 4 * count])
    place = 6 + 4 * count
    pieces = []
    for size in sizes:
        pieces.append(body[place : place + size])
        place += size
    return body[0], json.loads(pieces[0]), pieces[1:]


def report(header, outcome, out=b"", kept=False, **more):
    metering = dict.fromkeys(
        ["fuel", "cpu_us", "wall_us", "peak_memory_bytes", "bytes_in", "bytes_out", "scratch_bytes", "scratch_files"], 7)
    send(5, {
        "id": header["id"], "outcome": outcome, "stdout_head": len(out), "stdout_total": len(out), "stderr_head": 0,
        "stderr_total": 0, "keeps_session": kept, "metering": metering, **more}, [out, b"", b""])


if mode == "refuse":
    send(2, {"layer": "landlock", "errno": 38})
    sys.exit(77)
if mode == "die":
    sys.exit(1)
if mode == "silent":
    time.sleep(1000)
send(1, {"landlock": 7, "seccomp": True, "uid": os.getuid(), "own_uid": False, "no_capabilities": True,
         "namespaces": []})
send(3, {"engine": "fake", "runtimes": ["python"]})
runs = 0
while True:
    kind, header, parts = receive()
    runs += 1
    if kind == 6:
        send(7, {"id": header["id"], "cpu_us": 5}, [b"compiled " + parts[0]]) if parts[0] != b"bad" else send(
            7, {"id": header["id"], "cpu_us": 5, "rejection": "not a module"}, [b""])
        continue
    word, _, rest = parts[0].decode().partition(" ")
    if word == "say":
        report(header, "ok", rest.encode())
    elif word == "pid":
        report(header, "ok", f"{os.getpid()}".encode())
    elif word == "runs":
        report(header, "ok", f"{runs}".encode())
    elif word == "list":
        report(header, "ok", "\n".join(sorted(os.listdir("."))).encode())
    elif word == "environment":
        report(header, "ok", json.dumps(dict(os.environ)).encode())
    elif word == "descriptors":
        report(header, "ok", " ".join(sorted(os.listdir("/proc/self/fd"))).encode())
    elif word == "write":
        name, _, text = rest.partition(" ")
        with open(name, "w") as file:
            file.write(text)
        report(header, "ok")
    elif word == "fill":
        for number in range(2000):
            open(f"f{number}", "w").close()
        time.sleep(1000)
    elif word == "threads":
        for _ in range(60):
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        time.sleep(1000)
    elif word == "leave":
        for number in range(200):
            with open(f"f{number}", "wb") as file:
                file.write(bytes([number]) * 4000)
        report(header, "ok")
        os._exit(0)
    elif word == "outcome":
        report(header, rest)
    elif word == "sleep":
        time.sleep(1000)
    elif word == "spin_then_sleep":
        end = time.monotonic() + 1
        while time.monotonic() < end:
            pass
        time.sleep(1000)
    elif word == "hold":
        while not os.path.exists(rest):
            time.sleep(0.01)
        report(header, "ok", b"held")
    elif word == "stopped":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif word == "child":
        if os.fork() == 0:
            time.sleep(1000)
        report(header, "ok")
    elif word == "signal":
        if int(rest) != signal.SIGKILL:
            signal.signal(int(rest), signal.SIG_DFL)
        os.kill(os.getpid(), int(rest))
    elif word == "exit":
        os._exit(int(rest))
    elif word == "crash_once":
        if not os.path.exists(rest):
            open(rest, "w").close()
            os.abort()
        report(header, "ok", b"second")
    elif word == "other_id":
        report({"id": "1-1-other"}, "ok")
    elif word == "twice":
        report(header, "ok", b"one")
        report(header, "ok", b"two")
    elif word == "garbage":
        channel.sendall(b"\xff" * 100000)
        time.sleep(1000)
    elif word == "huge":
        channel.sendall(struct.pack(">I", 0x7FFFFFFF) + bytes(1000))
        time.sleep(1000)
    elif word == "header":
        send(5, {"id": header["id"], "outcome": "fine"}, [b"", b"", b""])
        time.sleep(1000)
    elif word == "flood":
        while True:
            send(3, {"engine": "again", "runtimes": []})
    elif word == "close":
        channel.close()
        time.sleep(1000)
