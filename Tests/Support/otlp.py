"""A receiver of OTLP as a process, and how tests look at the spans that it has received."""
import http.client
import json
import os
import subprocess
import sys

from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))


class Receiver:
    """otlp_receiver.py as a process of its own. It may end and begin again on its port."""

    def __init__(self):
        self.port = free_port()
        self.process = None

    def start(self):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "otlp_receiver.py"), str(self.port)], stdout=subprocess.PIPE)
        assert self.process.stdout.readline().strip() == str(self.port).encode()

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, None if body is None else json.dumps(body))
        return json.loads(connection.getresponse().read())

    def received(self):
        return self.call("GET", "/received")

    def spans(self, trace):
        return [span for span in self.received()["spans"] if span["trace"] == trace]


def named(spans, name):
    return [span for span in spans if span["name"] == name]


def expect(span, attributes):
    found = {name: span["attributes"].get(name) for name in attributes}
    assert found == attributes, (span["name"], found, attributes)


def path(spans, service):
    """Names from the root to the span of a service."""
    by_id = {span["id"]: span for span in spans}
    span = next(span for span in spans if span["service"] == service)
    names = []
    while span:
        names.insert(0, span["name"])
        span = by_id.get(span["parent"])
    return names


def tree(spans):
    lines = []

    def add(parent, depth):
        for span in sorted((one for one in spans if one["parent"] == parent), key=lambda one: one["start"]):
            lines.append("  " * depth + f"{span['service']}: {span['name']}{' ERROR ' + span['error'] if span['is_error'] else ''} {span['attributes']} {span['links'] or ''}")
            add(span["id"], depth + 1)
    known = {span["id"] for span in spans}
    for parent in {span["parent"] for span in spans} - known:
        lines.append(f"below {parent or 'nothing'}:")
        add(parent, 1)
    return "\n".join(lines)
