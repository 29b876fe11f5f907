"""A server over streamable HTTP that misbehaves in one way: hostile_http.py MODE PORT_FILE"""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

mode, port_file = sys.argv[1:3]
old = mode.startswith("old_")
sessions = 0
lost = refused = False
TOOL = {"name": "work", "description": "Works.", "inputSchema": {
    "type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def body(self, status, data, kind="application/json", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def result(self, request, result, **headers):
        self.body(200, json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}).encode(), **headers)

    def failure(self, request, status, code, message, data=None):
        error = {"code": code, "message": message}
        if data:
            error["data"] = data
        self.body(status, json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": error}).encode())

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, message, name=None):
        if name:
            self.wfile.write(b"id: %s\n" % name.encode())
        self.wfile.write(b"data: " + json.dumps(message).encode() + b"\n\n")
        self.wfile.flush()

    def do_GET(self):
        if mode in ("old_resumes", "old_resumes_torn") and self.headers.get("Last-Event-ID") == "e1":
            self.stream()
            self.event({"jsonrpc": "2.0", "id": Handler.waiting, "result": self.text("resumed")}, "e2")
            return
        self.body(405, b"")

    def do_DELETE(self):
        self.body(200, b"")

    def text(self, value):
        return {"resultType": "complete", "content": [{"type": "text", "text": value}]}

    def do_POST(self):
        global sessions, lost, refused
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = request.get("method")
        if "id" not in request:
            return self.body(202, b"")
        if method == "server/discover":
            if mode == "unauthorised":
                return self.body(401, b"no", "text/plain")
            if mode == "old_plain":
                return self.body(400, b"Bad Request", "text/plain")
            if old:
                return self.failure(request, 400, -32600, "Missing session ID")
            return self.result(request, {
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "ttlMs": 0, "cacheScope": "public",
                "capabilities": {"tools": {}}})
        if method == "initialize":
            if mode == "unauthorised":
                return self.body(401, b"no", "text/plain")
            if mode == "old_loses_for_a_while" and lost and not refused:
                refused = True
                return self.body(503, b"busy", "text/plain")
            sessions += 1
            session = "bad session\t" if mode == "old_bad_session" else "session-%d" % sessions
            return self.result(request, {
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "h", "version": "1"}}, Mcp_Session_Id=session)
        if method == "tools/list":
            return self.result(request, {
                "resultType": "complete", "tools": [TOOL], "ttlMs": 0, "cacheScope": "private"})
        self.call(request)

    def call(self, request):
        global lost
        ok = {"jsonrpc": "2.0", "id": request["id"], "result": self.text("fine")}
        if mode == "status_500":
            self.body(500, b"broken", "text/plain")
        elif mode == "redirects":
            self.body(307, b"", Location="http://127.0.0.1:1/")
        elif mode == "html":
            self.body(200, b"<html>", "text/html")
        elif mode == "garbage":
            self.body(200, b"{{{")
        elif mode == "empty":
            self.body(200, b"")
        elif mode == "accepted":
            self.body(202, b"")
        elif mode == "wrong_id":
            self.result({"id": 4711}, self.text("x"))
        elif mode == "huge":
            self.body(200, b"[" + b"1," * (3 << 20) + b"1]")
        elif mode == "never":
            time.sleep(600)
        elif mode == "half":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"jsonrpc"')
            self.close_connection = True
        elif mode == "stream_ends":
            self.stream()
            self.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        elif mode == "stream_never":
            self.stream()
            while True:
                self.event({"jsonrpc": "2.0", "method": "notifications/progress",
                            "params": {"progressToken": request["id"], "progress": 1}})
                time.sleep(0.05)
        elif mode == "stream_floods":
            self.stream()
            while True:
                self.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
        elif mode == "stream_garbage":
            self.stream()
            self.wfile.write(b"data: nonsense\n\n")
        elif mode == "stream_request":
            self.stream()
            self.event({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}})
        elif mode == "stream_huge":
            self.stream()
            while True:
                self.wfile.write(b"data: " + b"x" * (1 << 20) + b"\n")
        elif mode == "stream_floods_comments":
            self.stream()
            while True:
                self.wfile.write(b": x\n\n" * 16384)
        elif mode == "stream_floods_empty":
            self.stream()
            while True:
                self.wfile.write(b"id: e\ndata:\n\n" * 4096)
        elif mode == "stream_comments":
            self.stream()
            self.wfile.write(b": hello\n\n: again\n\n")
            self.event(ok)
        elif mode == "unknown_tool":
            self.failure(request, 400, -32602, "Unknown tool")
        elif mode == "header_mismatch":
            self.failure(request, 400, -32020, "Header mismatch")
        elif mode == "headers":
            names = ["MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region", "Authorization", "Accept"]
            self.result(request, self.text(json.dumps([self.headers.get(name) for name in names])))
        elif mode in ("old_loses", "old_loses_for_a_while") and not lost:
            lost = True
            self.failure(request, 404, -32600, "Session not found")
        elif mode in ("old_loses", "old_loses_for_a_while"):
            self.result(request, self.text(self.headers.get("Mcp-Session-Id")))
        elif mode == "old_always_loses":
            self.failure(request, 404, -32600, "Session not found")
        elif mode == "old_resumes_torn":
            # The connection is lost in the midst of the second event.
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            Handler.waiting = request["id"]
            part = b"retry: 10\n\nid: e1\ndata: \n\nid: e2\ndata: {\"jsonrpc\""
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        elif mode == "old_resumes":
            self.stream()
            self.wfile.write(b"retry: 10\n\n")
            self.event({"jsonrpc": "2.0", "method": "notifications/message", "params": {}}, "e1")
            Handler.waiting = request["id"]
        else:
            self.wfile.write(b"")
            self.result(request, self.text("fine"))


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        pass


server = Server(("127.0.0.1", 0), Handler)
with open(port_file + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
