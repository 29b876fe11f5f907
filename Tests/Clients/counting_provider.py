"""A provider that does what each prompt tells it, well or badly, and keeps its own count of what it has generated."""
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORD = "word "


def tokens(text):
    """Four bytes a token, as tokenizers of English have it."""
    return (len(text.encode()) + 3) // 4


class CountingProvider:
    """A prompt holds a JSON object `plan`: `words` of the answer and what goes wrong with it. What is generated is
    counted when it is, whether or not somebody reads it; `input` and `output` are the sums, `calls` all requests,
    `running` those that are not answered yet."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = 0
        self.reset()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.whole(200, b'{"object":"list","data":[]}')

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                outer.runs(1)
                try:
                    outer.answer(self, body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True
                finally:
                    outer.runs(-1)

            def whole(self, status, data, headers=()):
                self.send_response(status)
                for name, value in (("Content-Type", "application/json"), *headers):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def begin(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()

            def piece(self, text):
                data = text.encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        with self.lock:
            self.calls, self.input, self.output = 0, 0, 0
            self.bodies = []

    def runs(self, difference):
        with self.lock:
            self.running += difference

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def generated(self, input=0, output=0):
        with self.lock:
            self.input += input
            self.output += output

    def register(self, world, name, kind="compatible", **terms):
        """Registers this server as a provider with one model; the model's name."""
        address = f"http://127.0.0.1:{self.server.server_port}/v1"
        done = world.call("PUT", f"/api/v1/providers/{name}", {"kind": kind, "base_url": address, **terms}, operator=True)
        assert done.status in (200, 201), done
        done = world.call("PUT", f"/api/v1/providers/{name}/models/{name}", {"price": {"input": 1, "output": 1}},
                          operator=True)
        assert done.status in (200, 201), done
        world.call("DELETE", f"/api/v1/providers/{name}/health", operator=True)
        return name

    # Answers

    def answer(self, handler, body):
        with self.lock:
            self.calls += 1
            self.bodies.append(body)
            number = self.calls
        messages = body.get("messages") or [{"content": body.get("input")}]
        last = messages[-1]["content"]
        text = last if isinstance(last, str) else last[0]["text"]
        plan = json.loads(text[text.index("{"):text.rindex("}") + 1]) if "{" in text else {}
        plans = plan.get("attempts")
        if plans:
            plan = plans[min(number, len(plans)) - 1]
        if "status" in plan:
            time.sleep(plan.get("delay", 0))
            return handler.whole(plan["status"], json.dumps(
                {"error": {"message": "refused on purpose", "code": plan.get("code", "refused")}}).encode(),
                plan.get("headers", {}).items())
        bound = body.get("max_completion_tokens") or body.get("max_tokens") or body.get("max_output_tokens") or 10 ** 9
        # A word and its space are a token and a quarter.
        words = min(plan.get("words", 20), bound * 4 // len(WORD))
        read = plan.get("input", sum(tokens(json.dumps(m.get("content", ""))) for m in messages))
        dialect = "messages" if handler.path.startswith("/v1/messages") else "chat"
        if body.get("stream") and not plan.get("whole"):
            self.stream(handler, plan, dialect, read, words, body)
        else:
            self.document(handler, plan, dialect, read, words)

    def usage(self, plan, dialect, read, output):
        if "usage" in plan:
            return plan["usage"]
        if dialect == "messages":
            return {"input_tokens": read, "output_tokens": output}
        return {"prompt_tokens": read, "completion_tokens": output, "total_tokens": read + output}

    def document(self, handler, plan, dialect, read, words):
        text = WORD * words
        self.generated(read, tokens(text))
        time.sleep(plan.get("delay", 0))
        usage = self.usage(plan, dialect, read, tokens(text))
        if dialect == "messages":
            body = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
                    "content": [{"type": "text", "text": text}], "usage": usage}
        else:
            body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": text}}]}
        if usage is None:
            del body["usage"]
        body.update(plan.get("more", {}))
        data = json.dumps(body).encode()
        if plan.get("fault") == "unreadable":
            data = data[:-40]
        if plan.get("fault") == "cut":
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data[:len(data) // 2])
            handler.close_connection = True
            return
        handler.whole(200, data)

    def stream(self, handler, plan, dialect, read, words, body):
        self.generated(read)
        time.sleep(plan.get("delay", 0))
        handler.begin()
        said = ""

        def event(data):
            name = f"event: {data['type']}\n" if dialect == "messages" else ""
            handler.piece(f"{name}data: {json.dumps(data)}\n\n")

        def chunk(delta, finish=None, **more):
            event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                   "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more})

        if dialect == "messages":
            event({"type": "message_start", "message": {
                "id": "m", "type": "message", "role": "assistant", "model": "m", "content": [],
                "usage": plan.get("first_usage", {"input_tokens": read, "output_tokens": 1})}})
            event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
        breaks = plan.get("after", words)
        for number in range(words):
            if number == breaks and plan.get("fault"):
                if plan["fault"] == "stall":
                    time.sleep(plan.get("stall", 5))
                if plan["fault"] == "error":
                    error = {"type": "error", "error": {"type": "overloaded_error", "message": "broke"}}
                    event(error if dialect == "messages" else {"error": {"message": "broke", "code": "server_error"}})
                handler.close_connection = True
                return
            part = WORD
            self.generated(0, tokens(said + part) - tokens(said))
            said += part
            if dialect == "messages":
                event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}})
            else:
                chunk({"content": part})
            time.sleep(plan.get("pace", 0))
        usage = self.usage(plan, dialect, read, tokens(said))
        if dialect == "messages":
            event({"type": "content_block_stop", "index": 0})
            event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage})
            event({"type": "message_stop"})
        else:
            chunk({}, "stop")
            if usage is not None:
                event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
                       "usage": usage})
            handler.piece("data: [DONE]\n\n")
        handler.wfile.write(b"0\r\n\r\n")
