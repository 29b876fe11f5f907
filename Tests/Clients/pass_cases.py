"""Addresses that go on to a provider: moderations, files, kept responses, counts of tokens."""
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai

from world import PROVIDER_KEY


class Keeper:
    """A provider that keeps one file and one response, and remembers what it was asked."""

    def __init__(self, kept):
        self.seen = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                path = self.path.split("?")[0].removeprefix("/v1")
                found = kept.get(path)
                status = 200 if found else 404
                self.send_response(status)
                data = json.dumps(found or {"error": {"message": "no such thing"}}).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@contextlib.contextmanager
def keepers(world, **kinds):
    made = {}
    for name, (kind, kept) in kinds.items():
        keeper = made[name] = Keeper(kept)
        address = f"http://127.0.0.1:{keeper.server.server_port}/v1"
        done = world.call("PUT", f"/api/v1/providers/{name}", {
            "kind": kind, "base_url": address, "keys": [{"env": "TEST_API_KEY"}], "priority": len(made)}, operator=True)
        assert done.status in (200, 201), done
        done = world.call("PUT", f"/api/v1/providers/{name}/models/{name}-m", {"price": {"input": 1, "output": 1}},
                          operator=True)
        assert done.status in (200, 201), done
    try:
        yield made
    finally:
        for name, keeper in made.items():
            world.call("DELETE", f"/api/v1/providers/{name}", operator=True)
            keeper.server.shutdown()
            keeper.server.server_close()


def case_what_a_provider_keeps_is_reached_by_operators_only(world):
    kept = {"/responses/resp_1": {"id": "resp_1"}, "/files": {"data": []}, "/files/file-1/content": {"a": 1}}
    with keepers(world, other=("openai", {}), keeper=("openai", kept)) as made:
        for path in ("/v1/responses/resp_1", "/v1/files", "/v1/files/file-1/content", "/v1/files?limit=3"):
            done = world.call("GET", path, operator=True)
            assert done.status == 200 and done.headers["x-cadre-provider"] == "keeper", (path, done)
            refused = world.call("GET", path)
            assert refused.status == 403 and refused.json["error"]["code"] == "operator_required", refused
            keyed = world.call("GET", path, headers={"authorization": f"Bearer {world.virtual_key()}"}, operator=False)
            assert keyed.status == 403, keyed
        assert made["keeper"].seen[-1][1].endswith("/files?limit=3")
        headers = {name.lower(): text for name, text in made["keeper"].seen[-1][2].items()}
        assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"
        missing = world.call("GET", "/v1/responses/resp_2", operator=True)
        assert missing.status == 404 and missing.json["error"]["message"], missing
        for odd in ("..%2Ffiles", "a%2Fb", "a%3Fb"):
            assert world.call("GET", f"/v1/responses/{odd}", operator=True).status in (400, 404)
        gone = world.call("DELETE", "/v1/files/file-1/content", operator=True)
        assert gone.status in (404, 405), gone


def case_moderations_go_to_a_provider_that_has_them(world):
    verdict = {"id": "modr-1", "model": "omni", "results": [{"flagged": False}]}
    with keepers(world, judge=("openai", {"/moderations": verdict})) as made:
        client = openai.OpenAI(base_url=world.url() + "/v1", api_key=world.virtual_key(), max_retries=0)
        assert client.moderations.create(input="hello").results[0].flagged is False
        assert client.moderations.create(input="hello", model="judge-m").id == "modr-1"
        assert json.loads(made["judge"].seen[-1][3]) == {"model": "judge-m", "input": "hello"}
        narrow = openai.OpenAI(base_url=world.url() + "/v1", api_key=world.virtual_key(models=["alpha-small"]), max_retries=0)
        try:
            narrow.moderations.create(input="hello")
            raise AssertionError("a key for other models was taken")
        except openai.PermissionDeniedError:
            pass


def case_tokens_of_responses_are_counted_where_the_provider_can(world):
    counts = {"/responses/input_tokens": {"object": "response.input_tokens", "input_tokens": 41},
              "/messages/count_tokens": {"input_tokens": 42}}
    with keepers(world, one=("openai", counts), two=("anthropic", counts), three=("compatible", {}),
                 four=("openai", {})) as made:
        client = openai.OpenAI(base_url=world.url() + "/v1", api_key=world.virtual_key(), max_retries=0)
        assert client.responses.input_tokens.count(model="one-m", input="hello").input_tokens == 41
        done = world.call("POST", "/v1/responses/input_tokens", {"model": "two-m", "input": "hello", "temperature": 0.1})
        assert done.json == {"object": "response.input_tokens", "input_tokens": 42}, done
        body = json.loads(made["two"].seen[-1][3])
        assert set(body) <= {"model", "messages", "system"} and body["messages"], body
        for model in ("three-m", "four-m"):
            done = world.call("POST", "/v1/responses/input_tokens", {"model": model, "input": "hello"})
            assert done.status == 200 and done.json["input_tokens"] > 0, (model, done)
