"""A whole installation of its own for the tests of the API, and what they ask it with."""
import copy
import functools
import json
import os
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "Tests", "Support"))
sys.path.insert(0, os.path.join(ROOT, "docs", "clients", "python"))
from ports import free_port  # noqa: E402

# What a test waits for may take as long as this on a busy machine.
PATIENCE = 90


class Skipped(Exception):
    """A case that needs something which is not installed."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body) if self.body else None

    def __repr__(self):
        return f"{self.status} {self.body[:800]!r}"


class Stack:
    """`cadre up` in a folder that is gone afterwards."""

    def __init__(self, bin_folder):
        self.bin = os.path.abspath(bin_folder)
        self.folder = tempfile.mkdtemp(prefix="cadre-api-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = f"{self.folder}/up.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [f"{self.bin}/cadre", "up", "--data", f"{self.folder}/data", "--port", str(self.port), "--no-example",
                 # Requests that are made up come with hundreds of bad credentials from this one address: how fast the
                 # machine is must not decide which of them are answered with 429.
                 "--set", "gateway.CADRE_LIMITS_ADDRESS=sign_in 2:50, refused 1000:100000"],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            self.until(lambda: "Ctrl-C" in self.said() or self.process.poll() is not None, "the stack is up")
            assert self.process.poll() is None, self.said()
            self.key = re.search(r"^Key:\s+(\S+)", self.said(), re.M).group(1)
        except BaseException:
            self.close()
            raise

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def until(condition, what, seconds=PATIENCE):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"not in {seconds} s: {what}"
            time.sleep(0.05)
        return found

    def call(self, method, path, body=None, headers=None, key=None):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        fields = {"authorization": f"Bearer {key or self.key}", **(headers or {})}
        if data is not None and not isinstance(body, bytes):
            fields["content-type"] = "application/json"
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=fields)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())

    @functools.cached_property
    def document(self):
        return Document(self.call("GET", "/openapi.json").json)


class Document:
    """The description of the API, against which answers are held."""

    def __init__(self, value):
        self.value = value
        # A member of an answer that is not described is a fault here, unless the schema says that there may be more.
        self.strict = copy.deepcopy(value)
        for schema in self.strict["components"]["schemas"].values():
            self._close(schema)
        for path in self.strict["paths"].values():
            self._close(path)

    def _close(self, schema):
        if isinstance(schema, dict):
            if isinstance(schema.get("properties"), dict) and "type" in schema:
                schema.setdefault("additionalProperties", False)
            for word, inner in schema.items():
                # Parts of a whole do not know each other's members.
                if word != "allOf":
                    self._close(inner)
        elif isinstance(schema, list):
            for inner in schema:
                self._close(inner)

    def operations(self):
        for path, methods in self.value["paths"].items():
            for method, operation in methods.items():
                yield method.upper(), path, operation

    def resolve(self, value, document=None):
        while "$ref" in value:
            place = document or self.value
            for part in value["$ref"][2:].split("/"):
                place = place[part]
            value = place
        return value

    def check(self, method, path, answer):
        """Holds an answer against the description of its operation."""
        operation = self.strict["paths"][path][method.lower()]
        where = f"{method} {path}: {answer}"
        described = operation["responses"].get(str(answer.status)) or operation["responses"].get(f"{answer.status // 100}XX")
        assert described, f"the status is not described: {where}"
        described = self.resolve(described, self.strict)
        content = described.get("content", {})
        if not content:
            assert not answer.body or "content" not in described and answer.status // 100 == 2, where
            return
        media = answer.headers.get("content-type", "").split(";")[0]
        assert media in content or "*/*" in content, f"the media type {media} is not described: {where}"
        if media not in content or "json" not in media or media.endswith("ndjson"):
            return
        schema = {"components": self.strict["components"], **content[media]["schema"]}
        errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(answer.json), key=str)
        assert not errors, f"{errors[0].json_path}: {errors[0].message[:400]}\n{where}"
        for name in described.get("headers", {}):
            if name in ("ETag", "Location"):
                assert name.lower() in answer.headers, f"{name} is missing: {where} {answer.headers}"
