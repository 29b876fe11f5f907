"""Providers that misbehave, and clients that go away."""
import http.client
import json
import socket

from budget_cases import tenant
from world import TENANT, assertion, identity


def stream(world, model, text, path="/v1/chat/completions", agent="streamer", **more):
    """A stream as raw events, with the error that ended it."""
    connection = http.client.HTTPConnection("127.0.0.1", world.ports["router"], timeout=90)
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}], **more}
    connection.request("POST", path, json.dumps(body), {
        "content-type": "application/json", **identity(TENANT),
        "x-cadre-agent": agent})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    events = [json.loads(line[6:]) for line in data.decode().splitlines()
              if line.startswith("data: ") and line != "data: [DONE]"]
    return answer.status, events, data


def text_of(events):
    return "".join(e["choices"][0]["delta"].get("content") or "" for e in events if e.get("choices"))


def refused(answer, status, code):
    assert answer.status == status and answer.json["error"]["code"] == code, answer


def case_a_provider_that_hangs_is_left_for_the_next(world):
    world.scripts("alpha", {"fault": "hang"})
    answer = world.ask("shared", "hello")
    assert answer.status == 200 and answer.headers["x-cadre-provider"] == "beta", answer
    assert world.until(lambda: world.usage("alpha")["cancelled"] == 1), world.usage("alpha")


def case_a_stream_without_words_is_left_for_the_next(world):
    world.scripts("alpha", {"fault": "hang"})
    status, events, _ = stream(world, "shared", "hello")
    assert status == 200 and "hello" in text_of(events)


def case_a_cut_before_the_first_words_is_not_seen(world):
    world.scripts("alpha", {"fault": "cut", "reply": ""})
    world.scripts("beta", {"reply": "from beta"})
    status, events, _ = stream(world, "shared", "hello")
    assert status == 200 and text_of(events) == "from beta", events
    answer = world.ask("shared", "hello")
    assert answer.status == 200 and answer.headers["x-cadre-provider"] == "beta"


def case_a_cut_in_the_midst_is_told_in_the_stream(world):
    world.scripts("alpha", {"fault": "cut", "reply": "word " * 40})
    status, events, data = stream(world, "alpha-small", "hello", agent="cut-midway")
    assert status == 200 and 20 < len(text_of(events)) < 180, events
    assert events[-1]["error"]["code"] == "provider_failed" and b"[DONE]" not in data, data[-300:]
    call = world.recorded(agent="cut-midway")[0]
    assert call["outcome"] == "provider_failed" and call["estimated"] and call["output_tokens"] > 5, call


def case_an_error_event_in_the_midst_is_told_in_the_words_of_the_client(world):
    world.scripts("gamma", {"fault": "error_event", "reply": "word " * 40, "piece_delay_ms": 20})
    status, events, data = stream(world, "gamma-large", "hello")
    assert status == 200 and events[-1]["error"]["code"] == "provider_error", data[-300:]
    status, events, data = stream(world, "gamma-large", "hello", "/v1/messages", max_tokens=100)
    assert b"event: error" in data and events[-1]["type"] == "error", data[-300:]


def case_a_stream_that_stands_still_ends(world):
    world.scripts("alpha", {"fault": "stall", "reply": "word " * 40})
    status, events, _ = stream(world, "alpha-small", "hello")
    assert status == 200 and events[-1]["error"]["code"] == "provider_timeout", events[-1]


def case_a_provider_that_trickles_is_waited_for(world):
    world.scripts("alpha", {"piece_delay_ms": 120, "reply": "word " * 40})
    status, events, data = stream(world, "alpha-small", "hello")
    assert status == 200 and text_of(events) == "word " * 40 and b"[DONE]" in data


def case_garbage_is_no_answer(world):
    world.scripts("alpha", {"fault": "garbage"})
    refused(world.ask("alpha-small", "hello"), 502, "provider_garbage")
    answer = world.ask("shared", "hello")
    assert answer.status == 200 and answer.headers["x-cadre-provider"] == "beta", answer
    status, events, _ = stream(world, "shared", "hello")
    assert status == 200 and "hello" in text_of(events)


def case_an_error_in_a_success_is_an_error(world):
    world.scripts("alpha", {"fault": "error_body"})
    answer = world.ask("alpha-small", "hello")
    refused(answer, 502, "provider_error")
    assert "said that all is well" in answer.json["error"]["message"]
    answer = world.ask("shared", "hello")
    assert answer.status == 200 and answer.headers["x-cadre-provider"] == "beta", answer
    status, events, _ = stream(world, "shared", "hello")
    assert status == 200 and "hello" in text_of(events)
    world.scripts("gamma", {"fault": "error_body"})
    refused(world.ask("gamma-large", "hello"), 502, "provider_error")


def case_wrong_and_missing_usage_is_estimated_and_marked(world):
    for fault in ("wrong_usage", "no_usage"):
        for name, model in (("alpha", "alpha-small"), ("gamma", "gamma-large")):
            world.scripts(name, {"fault": fault, "reply": "word " * 40})
            agent = f"{fault}-{name}"
            answer = world.ask(model, "hello", headers={"x-cadre-agent": agent})
            assert answer.status == 200, answer
            call = world.recorded(agent=agent)[0]
            assert call["estimated"] and 0 < call["output_tokens"] < 1000 and call["input_tokens"] > 0, call
            assert call["nano_usd"] > 0, call


def case_a_rejected_key_is_not_shown(world):
    world.scripts("alpha", {"status": 401, "error_message": "bad key provider-key-that"})
    answer = world.ask("alpha-small", "hello")
    refused(answer, 502, "provider_rejected_key")
    assert b"provider-key" not in answer.body, answer


def case_an_unreachable_provider_is_told(world):
    world.kill("gamma")
    try:
        refused(world.ask("gamma-large", "hello"), 502, "provider_unreachable")
    finally:
        world.start_mock("gamma")


def raw(world, body, headers="", tenant=TENANT):
    made = socket.create_connection(("127.0.0.1", world.ports["router"]))
    data = json.dumps(body).encode()
    made.sendall(
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(data)}"
        f"\r\nx-cadre-assertion: {assertion(tenant)}\r\n{headers}\r\n".encode() + data)
    return made


def case_a_client_that_leaves_a_stream_ends_the_call_and_is_charged(world):
    world.scripts("alpha", {"piece_delay_ms": 50, "reply": "word " * 2000})
    made = raw(world, {"model": "alpha-small", "stream": True, "messages": [{"role": "user", "content": "hello"}]},
               "x-cadre-agent: leaver\r\n")
    seen = b""
    while seen.count(b"data: ") < 5:
        seen += made.recv(4096)
    made.close()
    assert world.until(lambda: world.usage("alpha")["cancelled"] == 1), world.usage("alpha")
    call = world.recorded(agent="leaver")[0]
    assert call["outcome"] == "client_gone" and call["output_tokens"] > 5 and call["nano_usd"] > 0, call
    assert call["charged_tokens"] == call["input_tokens"] + call["output_tokens"], call


def case_a_client_that_leaves_before_the_answer_ends_the_call_and_is_charged(world):
    world.scripts("alpha", {"latency_ms": 20_000})
    made = raw(world, {"model": "alpha-small", "messages": [{"role": "user", "content": "hello there you"}]},
               "x-cadre-agent: impatient\r\n")
    assert world.until(lambda: world.usage("alpha")["running"] == 1)
    made.close()
    assert world.until(lambda: world.usage("alpha")["cancelled"] == 1), world.usage("alpha")
    call = world.recorded(agent="impatient")[0]
    assert call["outcome"] == "client_gone" and call["estimated"] and call["charged_tokens"] > 0, call


def case_bad_requests_change_nothing(world):
    own = tenant()
    for path, body, code in (
        ("/v1/chat/completions", b"{broken", 400), ("/v1/chat/completions", b"[1]", 400),
        ("/v1/chat/completions", {"model": "alpha-small"}, 400),
        ("/v1/chat/completions", {"model": "alpha-small", "messages": []}, 400),
        ("/v1/chat/completions", {"model": 7, "messages": [{"role": "user", "content": "x"}]}, 400),
        ("/v1/chat/completions", {"model": "alpha-small", "max_tokens": -1,
                                  "messages": [{"role": "user", "content": "x"}]}, 400),
        ("/v1/messages", {"model": "gamma-large", "messages": [{"role": "user", "content": "x"}]}, 400),
        ("/v1/messages", b"\xff\xfe", 400), ("/v1/responses", {"model": "alpha-small"}, 400),
        ("/v1/embeddings", {"model": "alpha-embed"}, 400),
        ("/v1/chat/completions", {"model": "nothing", "messages": [{"role": "user", "content": "x"}]}, 404),
        ("/v1/chat/completions", b'{"a":' * 20000, 400),
    ):
        answer = world.call("POST", path, body, own)
        assert answer.status == code and "message" in answer.json["error"], (path, body, answer)
        if path == "/v1/messages":
            assert answer.json["type"] == "error", answer
    assert sum(world.usage(name)["calls"] for name in ("alpha", "beta", "gamma")) == 0
    assert world.ledger(own) == []


def case_too_large_a_request_is_refused(world):
    made = socket.create_connection(("127.0.0.1", world.ports["router"]))
    made.sendall(f"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {33 << 20}\r\n"
                 f"x-cadre-assertion: {assertion(TENANT)}\r\n\r\n".encode())
    said = made.recv(65536)
    assert b" 413 " in said and b'"request_too_large"' in said, said
