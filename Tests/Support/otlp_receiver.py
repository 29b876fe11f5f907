#!/usr/bin/env python3
"""A receiver of OTLP over HTTP for tests. It decodes with the published schema (opentelemetry-proto), in protobuf or JSON,
and refuses what a strict collector would refuse: unknown fields, ids of a wrong length, spans without names or that end
before they begin, histograms whose buckets are not their count.

Usage: otlp_receiver.py [PORT]    prints its port.

POST /v1/traces, /v1/logs, /v1/metrics   as a collector
GET /received                            {"spans": [...], "logs": [...], "metrics": [...], "refused": [...], "requests": N}
POST /behave {"status": 503, "times": N, "retry_after": S, "seconds": S}
                                         how the next N requests are answered, and how late
POST /forget                             forgets what was received
"""
import base64
import gzip
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {"/v1/traces": ExportTraceServiceRequest, "/v1/logs": ExportLogsServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}
KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]
ID_FIELDS = re.compile(r'"(traceId|spanId|parentSpanId)":\s*"([0-9a-fA-F]*)"')


class Refused(Exception):
    pass


def demand(condition, what):
    if not condition:
        raise Refused(what)


def no_unknown_fields(message):
    demand(len(UnknownFieldSet(message)) == 0, f"unknown fields in {message.DESCRIPTOR.name}")
    for field, value in message.ListFields():
        if field.message_type is not None:
            for one in (value if field.is_repeated else [value]):
                no_unknown_fields(one)


def decode(path, kind, body):
    message = REQUESTS[path]()
    if kind == "application/x-protobuf":
        message.ParseFromString(body)
        no_unknown_fields(message)
    elif kind == "application/json":
        # OTLP writes ids in hexadecimal, the JSON mapping of protobuf bytes in Base64.
        text = ID_FIELDS.sub(lambda found: f'"{found[1]}": "{base64.b64encode(bytes.fromhex(found[2])).decode()}"', body.decode())
        json_format.Parse(text, message)
    else:
        raise Refused(f"content type {kind}")
    return message


def value(any_value):
    which = any_value.WhichOneof("value")
    demand(which is not None, "an attribute without a value")
    return getattr(any_value, which)


def attributes(pairs):
    made = {pair.key: value(pair.value) for pair in pairs}
    demand(len(made) == len(pairs), f"attributes are repeated: {[pair.key for pair in pairs]}")
    demand(all(made), "an attribute without a name")
    return made


def an_id(data, length):
    demand(len(data) == length and any(data), f"an id of {len(data)} bytes: {data.hex()}")
    return data.hex()


def traces(message):
    for resource in message.resource_spans:
        of = attributes(resource.resource.attributes)
        demand(of.get("service.name"), "a resource without service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                demand(span.name, "a span without a name")
                demand(0 < span.start_time_unix_nano <= span.end_time_unix_nano, f"the times of {span.name}")
                demand(span.kind != 0, f"the kind of {span.name}")
                yield {
                    "service": of["service.name"], "instance": of["service.instance.id"], "name": span.name,
                    "trace": an_id(span.trace_id, 16), "id": an_id(span.span_id, 8),
                    "parent": an_id(span.parent_span_id, 8) if span.parent_span_id else "", "kind": KINDS[span.kind],
                    "start": span.start_time_unix_nano, "end": span.end_time_unix_nano, "state": span.trace_state,
                    "attributes": attributes(span.attributes), "is_error": span.status.code == 2, "error": span.status.message,
                    "links": [{"trace": an_id(link.trace_id, 16), "id": an_id(link.span_id, 8), "attributes": attributes(link.attributes)}
                              for link in span.links]}


def logs(message):
    for resource in message.resource_logs:
        of = attributes(resource.resource.attributes)
        for scope in resource.scope_logs:
            for record in scope.log_records:
                demand(record.time_unix_nano > 0 and record.severity_number > 0, "a record without time or severity")
                yield {"service": of["service.name"], "level": record.severity_text, "severity": record.severity_number,
                       "message": value(record.body), "attributes": attributes(record.attributes),
                       "trace": record.trace_id.hex(), "span": record.span_id.hex()}


def metrics(message):
    for resource in message.resource_metrics:
        of = attributes(resource.resource.attributes)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                data = metric.WhichOneof("data")
                demand(metric.name and data, "a metric without name or data")
                points = []
                seen = set()
                for point in getattr(metric, data).data_points:
                    labels = attributes(point.attributes)
                    key = json.dumps(labels, sort_keys=True)
                    demand(key not in seen, f"{metric.name} has {key} twice")
                    seen.add(key)
                    demand(point.time_unix_nano > 0, f"the time of {metric.name}")
                    made = {"labels": labels}
                    if data == "histogram":
                        demand(len(point.bucket_counts) == len(point.explicit_bounds) + 1, f"buckets of {metric.name}")
                        demand(sum(point.bucket_counts) == point.count, f"the count of {metric.name}")
                        demand(list(point.explicit_bounds) == sorted(point.explicit_bounds), f"bounds of {metric.name}")
                        made |= {"count": point.count, "sum": point.sum, "exemplars": [an_id(e.trace_id, 16) for e in point.exemplars]}
                    else:
                        made["value"] = getattr(point, point.WhichOneof("value"))
                    points.append(made)
                if data in ("sum", "histogram"):
                    demand(getattr(metric, data).aggregation_temporality == 2, f"the temporality of {metric.name}")
                yield {"service": of["service.name"], "instance": of["service.instance.id"], "name": metric.name, "kind": data, "unit": metric.unit, "points": points}


READERS = {"/v1/traces": ("spans", traces), "/v1/logs": ("logs", logs), "/v1/metrics": ("metrics", metrics)}


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    received = {"spans": [], "logs": [], "metrics": [], "refused": [], "requests": 0}
    behaviour = {}

    def answer(self, status, document, headers=None):
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        with self.lock:
            self.answer(200, self.received)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/behave":
            with self.lock:
                Receiver.behaviour = json.loads(body)
            return self.answer(200, {})
        if self.path == "/forget":
            with self.lock:
                Receiver.received = {**{key: [] for key in self.received}, "requests": 0}
            return self.answer(200, {})
        with self.lock:
            self.received["requests"] += 1
            behaviour = dict(self.behaviour) if self.behaviour.get("times", 0) > 0 else {}
            if behaviour:
                self.behaviour["times"] -= 1
        time.sleep(behaviour.get("seconds", 0))
        if behaviour.get("status", 200) != 200:
            more = {"retry-after": str(behaviour["retry_after"])} if "retry_after" in behaviour else {}
            return self.answer(behaviour["status"], {}, more)
        try:
            demand(self.path in READERS, f"the path {self.path}")
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            name, read = READERS[self.path]
            items = list(read(decode(self.path, self.headers.get("content-type"), body)))
        except Exception as error:  # noqa: BLE001 whatever is wrong with it is reported
            with self.lock:
                self.received["refused"].append(f"{self.path}: {type(error).__name__}: {error}")
            return self.answer(400, {"message": str(error)})
        with self.lock:
            if name == "metrics":
                # Cumulative: the last values of each process count.
                newest = {(one["instance"], one["name"]) for one in items}
                self.received[name] = [one for one in self.received[name] if (one["instance"], one["name"]) not in newest]
            self.received[name] += items
        self.answer(200, {})

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    # A client that goes away before its answer is none of our business.
    ThreadingHTTPServer.handle_error = lambda *arguments: None
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Receiver)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
