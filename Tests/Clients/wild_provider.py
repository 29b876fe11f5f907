"""A provider that answers whatever a test wants, byte for byte."""
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WildProvider:
    """`play` sets what is answered; `provider` registers it at a router under a kind."""

    def __init__(self):
        self.answer = (200, "application/json", [b"{}"], False)
        self.bodies = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                self.reply(200, "application/json", [b'{"object":"list","data":[]}'], False)

            def do_POST(self):
                outer.bodies.append(json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null"))
                self.reply(*outer.answer)

            def reply(self, status, kind, pieces, is_cut):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                if is_cut:
                    self.close_connection = True
                    return
                self.wfile.write(b"0\r\n\r\n")

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def provider(self, world, kind):
        """Registers a provider of a kind with one model; the model's name."""
        name = f"wild-{kind}"
        address = f"http://127.0.0.1:{self.server.server_port}/v1"
        done = world.call("PUT", f"/api/v1/providers/{name}", {"kind": kind, "base_url": address}, operator=True)
        assert done.status in (200, 201), done
        done = world.call("PUT", f"/api/v1/providers/{name}/models/{name}", {"price": {"input": 1, "output": 1}},
                          operator=True)
        assert done.status in (200, 201), done
        world.call("DELETE", f"/api/v1/providers/{name}/health", operator=True)
        return name

    def whole(self, body):
        self.answer = (200, "application/json", [json.dumps(body).encode()], False)

    def events(self, events, is_cut=False, pieces=None):
        """A stream of events: `[DONE]`, texts or objects; those with a `type` have it as their name."""
        stream = b""
        for event in events:
            name = event.get("type") if isinstance(event, dict) else None
            data = event if isinstance(event, str) else json.dumps(event)
            stream += (f"event: {name}\n" if name else "").encode() + f"data: {data}\n\n".encode()
        size = pieces or max(1, len(stream))
        self.answer = (200, "text/event-stream", [stream[at:at + size] for at in range(0, len(stream), size)], is_cut)

    def chunks(self, deltas, finish="stop", **more):
        events = [chunk(delta) for delta in deltas] + [chunk({}, finish), "[DONE]"]
        self.events(events, **more)


def chunk(delta, finish=None, **more):
    return {"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}
