"""A strict receiver of OTLP where Jaeger has one, with what is asked of Jaeger: its health, services and traces."""
import http.server
import json
import re
import threading

from otlp_receiver import Receiver

LIMIT = 20_000


class Query(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with Receiver.lock:
            spans = list(Receiver.received["spans"])
            refused = list(Receiver.received["refused"])
        one = re.fullmatch(r"/api/traces/([0-9a-f]{32})", self.path)
        if self.path == "/api/services":
            document = {"data": sorted({span["service"] for span in spans}), "errors": [{"msg": text} for text in refused] or None}
        elif one:
            found = [span for span in spans if span["trace"] == one[1]]
            document = {"data": [{
                "traceID": one[1],
                "spans": [{"spanID": span["id"], "operationName": span["name"], "processID": span["service"],
                           "references": [{"refType": "CHILD_OF", "spanID": span["parent"]}] if span["parent"] else []} for span in found],
                "processes": {span["service"]: {"serviceName": span["service"]} for span in found}}] if found else []}
        else:
            document = {}
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Bounded(Receiver):
    """Keeps the newest spans only."""

    def do_POST(self):
        super().do_POST()
        with self.lock:
            del self.received["spans"][:-LIMIT]


def serve(port, handler):
    http.server.ThreadingHTTPServer(("0.0.0.0", port), handler).serve_forever()


for port in (14269, 16686):
    threading.Thread(target=serve, args=(port, Query), daemon=True).start()
serve(4318, Bounded)
