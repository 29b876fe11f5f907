"""A provider that does exactly what a plan says, to the byte and to the moment, and remembers what it was sent.

A plan is a dictionary: `status`, `headers`, then one of `json` (a value), `raw` (bytes), `events` (values, texts such as
"[DONE]", bytes as they stand, or ("wait", seconds)), before it `before` (seconds until the head), after it `hold` (seconds)
and `end`: "close" (the default), "cut" (without the last chunk), "reset". `accept: "reset"` answers nothing at all.
Plans are played one after the other; the last one is played again.
"""
import json
import socket
import struct
import threading
import time


def delta(finish=None, **fields):
    return {"id": "c", "choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def said(text, finish="stop", **fields):
    """A whole chat completion."""
    return {"id": "c", "model": "raw", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": text, **fields}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}}


def message(text):
    """A whole message."""
    return {"id": "m", "type": "message", "role": "assistant", "model": "raw", "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 7, "output_tokens": 5}}


def message_events(*texts, ends=True):
    """The events of a message."""
    yield {"type": "message_start", "message": {**message(""), "content": [], "stop_reason": None}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for text in texts:
        yield text if isinstance(text, tuple) else {
            "type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    if ends:
        yield {"type": "content_block_stop", "index": 0}
        yield {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
        yield {"type": "message_stop"}


class Provider:
    def __init__(self):
        self.lock = threading.Lock()
        self.plans, self.log, self.gone = [{"json": {}}], [], 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def play(self, *plans):
        with self.lock:
            self.plans, self.log, self.gone = list(plans), [], 0

    @property
    def calls(self):
        with self.lock:
            return len(self.log)

    def last(self):
        with self.lock:
            return json.loads(self.log[-1][1])

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        try:
            while True:
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                while len(data) < (length or [0])[0]:
                    data += connection.recv(65536)
                body, data = data[:(length or [0])[0]], data[(length or [0])[0]:]
                with self.lock:
                    self.log.append((head.decode(), body))
                    plan = self.plans[min(len(self.log), len(self.plans)) - 1]
                if not self._answer(connection, plan):
                    return
        except OSError:
            with self.lock:
                self.gone += 1
        finally:
            connection.close()

    def _reset(self, connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def _answer(self, connection, plan):
        if plan.get("accept") == "reset":
            return self._reset(connection)
        time.sleep(plan.get("before", 0))
        streams = "events" in plan
        headers = {"content-type": "text/event-stream" if streams else "application/json", **plan.get("headers", {})}
        connection.sendall(f"HTTP/1.1 {plan.get('status', 200)} X\r\n".encode() + "".join(
            f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"transfer-encoding: chunked\r\n\r\n")

        def send(piece):
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))

        if "json" in plan:
            send(json.dumps(plan["json"]).encode())
        elif "raw" in plan:
            send(plan["raw"])
        for event in plan.get("events", []):
            if isinstance(event, tuple):
                time.sleep(event[1])
            elif isinstance(event, bytes):
                send(event)
            else:
                name = f"event: {event['type']}\n" if isinstance(event, dict) and "type" in event else ""
                text = event if isinstance(event, str) else json.dumps(event)
                send(f"{name}data: {text}\n\n".encode())
        end = time.time() + plan.get("hold", 0)
        while time.time() < end:
            time.sleep(0.05)
            if plan.get("beats"):
                send(b": beat\n\n")
        if plan.get("end") == "reset":
            return self._reset(connection)
        if plan.get("end") == "cut":
            return False
        connection.sendall(b"0\r\n\r\n")
        return True

    def close(self):
        self.socket.close()
