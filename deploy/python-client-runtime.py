"""Client of the Cadre API. Generated from its description by deploy/python-client.py; do not edit.

    from cadre_client import Client

    client = Client("http://127.0.0.1:8080", "cadre_...")
    task = client.submit_task({"prompt": "What is 6 times 7?"}, wait=30)
    print(task["run"]["result"])

It needs Python 3.11 and nothing else. Every method is one request; `iterate_...` methods read a list page by page.
"""
from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
import uuid
from typing import Any, Iterator, Literal, NotRequired, Optional, TypedDict, Union

# TYPES


class APIError(Exception):
    """An answer that is a problem (RFC 9457). `code` is stable: decide by it."""

    def __init__(self, status: int, document: dict[str, Any], retry_after: Optional[float] = None):
        self.status = status
        self.code: str = document.get("code", "")
        self.detail: str = document.get("detail", "")
        self.errors: list[dict[str, str]] = document.get("errors", [])
        self.trace_id: Optional[str] = document.get("trace_id")
        self.document = document
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {self.detail}")


class Lagged(Exception):
    """A stream was ended because it was read too slowly; go on behind the event `after`."""

    def __init__(self, after: int):
        self.after = after
        super().__init__(f"read too slowly; go on behind event {after}")


def _segment(value: Any) -> str:
    return urllib.parse.quote(str(value), safe="")


def _etag(version: Union[int, str, None]) -> Optional[str]:
    return f'"{version}"' if isinstance(version, int) else version


def _item(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Client:
    """The API of one installation, with one credential. Not for several threads at a time."""

    # Statuses after which the same request may succeed, and nothing was done.
    _RETRIED = (429, 503)
    _ENDS = ("run.succeeded", "run.failed", "run.cancelled")

    def __init__(self, base_url: str, key: str, *, timeout: float = 90, retries: int = 2, retry_seconds_max: float = 30):
        """`retries`: how often a request is repeated that was refused for now, or whose connection broke and that is
        safe to repeat. Every POST that takes an Idempotency-Key has one, so that it is."""
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must be a URL with http or https")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
        self._timeout, self._retries, self._retry_seconds_max = timeout, retries, retry_seconds_max
        self._connection: Optional[http.client.HTTPConnection] = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def _call(
        self, method: str, path: str, *, query: Optional[dict[str, Any]] = None,
        headers: Optional[dict[str, Optional[str]]] = None, body: Any = None, has_key: bool = False,
    ) -> Any:
        target = self._target(path, query)
        fields = self._headers | {name: value for name, value in (headers or {}).items() if value is not None}
        if has_key and "Idempotency-Key" not in fields:
            fields["Idempotency-Key"] = uuid.uuid4().hex
        content: Optional[bytes] = body
        if body is not None and not isinstance(body, (bytes, bytearray)):
            content = json.dumps(body).encode()
            fields["Content-Type"] = "application/json"
        elif body is not None:
            fields["Content-Type"] = "application/octet-stream"
        is_safe = has_key or (method in ("GET", "PUT", "DELETE") and "If-Match" not in fields)
        tries = 0
        while True:
            try:
                return self._once(method, target, fields, content)
            except APIError as error:
                pause = error.retry_after if error.retry_after is not None else 2.0**tries
                if error.status not in self._RETRIED or tries >= self._retries or pause > self._retry_seconds_max:
                    raise
            except (OSError, http.client.HTTPException):
                self.close()
                pause = 0.2 * 2**tries
                if not is_safe or tries >= self._retries:
                    raise
            tries += 1
            time.sleep(pause)

    def _target(self, path: str, query: Optional[dict[str, Any]]) -> str:
        pairs = []
        for name, value in (query or {}).items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                if one is not None:
                    pairs.append((name, _item(one)))
        return self._prefix + path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")

    def _once(self, method: str, target: str, fields: dict[str, str], content: Optional[bytes]) -> Any:
        connection = self._connection = self._connection or self._connect()
        connection.request(method, target, body=content, headers=fields)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status >= 400:
            raise self._problem(answer, body)
        if not body:
            return None
        return json.loads(body) if "json" in answer.headers.get("Content-Type", "") else body

    @staticmethod
    def _problem(answer: http.client.HTTPResponse, body: bytes) -> APIError:
        try:
            document = json.loads(body)
        except ValueError:
            document = {}
        after = answer.headers.get("Retry-After", "")
        return APIError(
            answer.status, document if isinstance(document, dict) else {}, float(after) if after.isdigit() else None)

    def stream_run_events(
        self, id: str, *, after: int = 0, type: Optional[list[str]] = None, step: Optional[list[str]] = None,
    ) -> Iterator[RunEvent]:
        """The events of a run as they come, until it has ended. A stream that breaks goes on behind the last event;
        one that is read too slowly raises `Lagged`."""
        failures = 0
        while True:
            before = after
            try:
                for name, data in self._events(id, after, type, step):
                    if name == "lagged":
                        raise Lagged(data["after"])
                    after = data["seq"]
                    yield data
                    if name in self._ENDS:
                        return
                if after == before and self.get_run(id)["ended_at"] is not None:
                    return
            except (OSError, http.client.HTTPException):
                if failures >= self._retries:
                    raise
            except APIError as error:
                if error.status < 500 or failures >= self._retries:
                    raise
            failures = failures + 1 if after == before else 0
            time.sleep(min(0.2 * 2**failures, self._retry_seconds_max))

    def _events(
        self, id: str, after: int, type: Optional[list[str]], step: Optional[list[str]],
    ) -> Iterator[tuple[str, Any]]:
        connection = self._connect()
        try:
            target = self._target(f"/api/v1/runs/{_segment(id)}/events", {"type": type, "step": step})
            fields = self._headers | {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            connection.request("GET", target, headers=fields)
            answer = connection.getresponse()
            if answer.status != 200:
                raise self._problem(answer, answer.read())
            name, lines = "", []
            while line := answer.readline():
                line = line.rstrip(b"\r\n")
                if line.startswith(b"event:"):
                    name = line[6:].strip().decode()
                elif line.startswith(b"data:"):
                    lines.append(line[5:].removeprefix(b" "))
                elif not line and lines:
                    yield name, json.loads(b"\n".join(lines))
                    name, lines = "", []
        finally:
            connection.close()

    def wait_for_run(self, id: str) -> Run:
        """Waits for the end of a run, and returns it."""
        for _ in self.stream_run_events(id):
            pass
        return self.get_run(id)

# OPERATIONS
