"""Providers and requests that are odd in ways that cost money: counts in odd places, bounds by two names, packed
answers, texts that are no texts."""
import gzip
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

from scripted import delta, message, said
from wild import CHAT, DONE, MESSAGES, PATHS, RESPONSES, ask, ended, put, raw, stream

USED = {"prompt_tokens": 700, "completion_tokens": 500, "total_tokens": 1200}


def booked(world, agent, attempts=1):
    """What the ledger has for a call, over all its attempts."""
    rows = world.recorded(attempts, agent=agent)
    return sum(row["input_tokens"] for row in rows), sum(row["output_tokens"] for row in rows)


def case_counts_behind_the_end_are_counted(world):
    provider = raw(world)
    counts = {"id": "c", "choices": [], "usage": USED}
    for number, pause in enumerate(([], [("wait", 0.1)])):
        for path in PATHS:
            provider.play({"events": [delta(content="hi"), delta("stop"), DONE, *pause, counts]})
            agent = f"behind-{number}-{path.replace('/', '-')}"
            answer = stream(world, "r-chat", path, headers={"x-cadre-agent": agent})
            assert answer.text == "hi" and ended(answer, path), answer
            assert answer.body.count(b"[DONE]") == (1 if path == CHAT else 0), answer
            assert booked(world, agent) == (700, 500), world.ledger(agent=agent)
    # Nobody waits for what does not come, and nothing that follows is passed on.
    provider.play({"events": [delta(content="hi"), delta("stop"), DONE, delta(content="more")], "hold": 20})
    answer = stream(world, "r-chat")
    assert answer.text == "hi" and ended(answer, CHAT), answer


def case_counts_beside_an_error_are_counted(world):
    provider = raw(world)
    put(world, "providers/rawopenai", kind="openai", base_url=f"http://127.0.0.1:{provider.port}/v1")
    put(world, "providers/rawopenai/models/r-openai", price={"input": 1, "output": 1})
    error = {"message": "boom", "code": "server_error"}
    failed = {"id": "r", "object": "response", "status": "failed", "output": [], "error": error,
              "usage": {"input_tokens": 700, "output_tokens": 500, "total_tokens": 1200}}
    choice = {"index": 0, "error": error, "message": {"role": "assistant", "content": ""}, "finish_reason": "error"}
    cases = [("r-openai", RESPONSES, {"json": failed}),
             ("r-openai", RESPONSES, {"events": [{"type": "response.failed", "sequence_number": 0, "response": failed}]}),
             ("r-chat", CHAT, {"json": {"id": "c", "choices": [choice], "usage": USED}}),
             ("r-chat", CHAT, {"json": {"error": error, "usage": USED}}),
             ("r-chat", CHAT, {"json": {"id": "c", "choices": None, "usage": USED}}),
             ("r-chat", CHAT, {"events": [{"id": "c", "choices": [choice], "usage": USED}, DONE]}),
             ("r-chat", CHAT, {"events": [{"error": error, "choices": [], "usage": USED}, DONE]})]
    for number, (model, path, plan) in enumerate(cases):
        world.call("DELETE", "/api/v1/providers/rawopenai/health", operator=True, router="quick")
        world.call("DELETE", "/api/v1/providers/rawchat/health", operator=True, router="quick")
        for way in (ask, stream):
            if way is ask and "events" in plan:
                continue
            provider.play(plan)
            agent = f"beside-{number}-{way.__name__}"
            answer = way(world, model, path, headers={"x-cadre-agent": agent})
            assert answer.status >= 400 or b"error" in answer.body, answer
            tries = provider.calls
            assert booked(world, agent, tries) == (700 * tries, 500 * tries), (number, tries, world.ledger(agent=agent))


def case_a_budget_holds_for_the_larger_of_two_bounds(world):
    provider = raw(world)
    key = world.virtual_key(router="quick", ttl_seconds=900, tokens=1000, models=["r-chat"])
    for fields in ({"max_tokens": 3000, "max_completion_tokens": 20}, {"max_completion_tokens": 20, "max_tokens": 3000},
                   {"max_output_tokens": 20}):
        provider.play({"json": said("x")})
        answer = ask(world, "r-chat", headers={"authorization": f"Bearer {key}"}, **fields)
        assert answer.status == 200, (fields, answer)
        sent = provider.last()
        bounds = [sent[name] for name in ("max_tokens", "max_completion_tokens") if name in sent]
        assert bounds and max(bounds) < 1000, (answer, sent)


def case_answers_that_are_generated_are_reserved(world):
    provider = raw(world)
    key = world.virtual_key(router="quick", ttl_seconds=900, tokens=1000, models=["r-chat"])
    for fields in ({"best_of": 20}, {"n": 20}):
        provider.play({"json": said("x")})
        answer = ask(world, "r-chat", headers={"authorization": f"Bearer {key}"}, max_tokens=100, **fields)
        assert answer.status == 200 and provider.last()["max_tokens"] * 20 < 1000, (answer, provider.last())
    for fields in ({"n": 0}, {"n": -3}, {"n": "5"}, {"n": 129}, {"n": 10 ** 12}, {"best_of": 1.5}):
        provider.play({"json": said("x")})
        answer = ask(world, "r-chat", **fields)
        assert answer.status == 400 and answer.json["error"]["param"] in fields and provider.calls == 0, answer


def case_packed_answers_are_unpacked(world):
    provider = raw(world)
    text = json.dumps(said("packed")).encode()
    sse = b"".join(f"data: {json.dumps(e)}\n\n".encode() for e in (delta(content="packed"), delta("stop"))) + b"data: [DONE]\n\n"
    for coding, pack in (("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress),
                         ("gzip", lambda plain: plain)):
        for path in PATHS:
            provider.play({"raw": pack(text), "headers": {"content-encoding": coding}})
            assert "packed" in json.dumps(ask(world, "r-chat", path).json)
            provider.play({"events": [pack(sse)], "headers": {"content-encoding": coding}})
            answer = stream(world, "r-chat", path)
            assert answer.text == "packed" and ended(answer, path), (coding, answer)
    provider.play({"status": 400, "headers": {"content-encoding": "gzip"},
                   "raw": gzip.compress(b'{"error":{"message":"prompt is too long"}}')})
    assert "prompt is too long" in ask(world, "r-chat").json["error"]["message"]
    bomb = gzip.compress(b" " * (200 << 20))
    provider.play({"raw": bomb, "headers": {"content-encoding": "gzip"}})
    answer = ask(world, "r-chat", timeout=60)
    assert answer.status == 502 and provider.calls == 1, (provider.calls, answer)


def case_halves_of_characters_reach_clients_as_they_came(world):
    provider = raw(world)
    provider.play({"raw": b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"a\\ud83d \xff"},"finish_reason":"stop"}]}'})
    answer = ask(world, "r-chat")
    assert answer.status == 200 and answer.json["choices"][0]["message"]["content"] == "a\ud83d \ufffd", answer


def case_counting_goes_on_without_the_provider(world):
    provider = raw(world)
    asked = {"model": "r-claude", "messages": [{"role": "user", "content": "hello"}]}

    def count():
        return world.call("POST", "/v1/messages/count_tokens", asked, router="quick")

    provider.play({"json": {"input_tokens": 33}})
    assert count().json == {"input_tokens": 33}
    for plan in ({"status": 404, "json": {"error": {"message": "no such address"}}}, {"raw": b"<html>"},
                 {"json": {"input_tokens": -4}}, {"json": {}}):
        provider.play(plan)
        answer = count()
        assert answer.status == 200 and 0 < answer.json["input_tokens"] < 100, answer


def case_a_provider_that_gave_up_is_no_fault_of_the_request(world):
    provider = raw(world)
    for status in (421, 424, 499):
        provider.play({"status": status, "json": {"error": {"message": "gave up"}}})
        answer = ask(world, "backed")
        assert answer.status == 200 and answer.headers["x-cadre-model"] == "beta-medium", answer


def case_a_call_that_follows_at_once_finds_what_the_last_one_left(world):
    provider = raw(world)
    provider.play({"json": said("x")})
    keys = [world.virtual_key(router="quick", ttl_seconds=900, tokens=1000, models=["r-chat"]) for _ in range(48)]

    def use(key):
        answers = [ask(world, "r-chat", headers={"authorization": f"Bearer {key}"}) for _ in range(8)]
        return [answer for answer in answers if answer.status != 200]

    with ThreadPoolExecutor(12) as pool:
        refused = [answer for answers in pool.map(use, keys) for answer in answers]
    assert not refused, (len(refused), refused[0])
