"""Providers as they are met in the wild: silent, slow, broken, wordy, odd. Times are settings, so that the cases are quick;
everything else is as it is by default."""
import http.client
import json
import time

from scripted import Provider, delta, message, message_events, said
from world import TENANT, TOKEN

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
PATHS = (CHAT, MESSAGES, RESPONSES)
DONE = "[DONE]"
TEXT = [delta(content="hi"), delta("stop"), DONE]


def raw(world):
    """The scripted provider behind `r-chat` and `r-claude`, and a router with short times."""
    if not hasattr(world, "raw"):
        world.raw = Provider()
        world.start_router(
            "quick", CADRE_PROVIDER_TIMEOUT_MS="2500", CADRE_PROVIDER_FIRST_TOKEN_MS="500", CADRE_PROVIDER_STALL_MS="700",
            CADRE_CALL_TIMEOUT_MS="4000", CADRE_STREAM_HEARTBEAT_MS="250", CADRE_BREAKER_COOL_MS="300")
        for name, kind in (("rawchat", "compatible"), ("rawclaude", "anthropic"), ("rawgemini", "gemini")):
            put(world, f"providers/{name}", kind=kind, base_url=f"http://127.0.0.1:{world.raw.port}/v1")
        for name in ("rawchat/models/r-chat", "rawclaude/models/r-claude", "rawgemini/models/r-gemini"):
            put(world, f"providers/{name}", price={"input": 1, "output": 1})
        put(world, "aliases/backed", models=["r-chat"], fallbacks=["beta-medium"])
        put(world, "aliases/claude-backed", models=["r-claude"], fallbacks=["beta-medium"])
    for name in ("rawchat", "rawclaude", "rawgemini"):
        for router in ("router", "quick"):
            world.call("DELETE", f"/api/v1/providers/{name}/health", operator=True, router=router)
    world.scripts("beta", {"reply": "rescued"})
    return world.raw


def put(world, path, **fields):
    made = world.call("PUT", f"/api/v1/{path}", fields, operator=True, router="quick")
    assert made.status in (200, 201), made


def body(path, model, **more):
    content = {"input": "hello"} if path == RESPONSES else {"messages": [{"role": "user", "content": "hello"}]}
    return {"model": model, **({"max_tokens": 100} if path == MESSAGES else {}), **content, **more}


def ask(world, model, path=CHAT, router="quick", headers=None, timeout=30, **more):
    return world.call("POST", path, body(path, model, **more), router=router, headers=headers, timeout=timeout)


def stream(world, model, path=CHAT, router="quick", headers=None, **more):
    answer = ask(world, model, path, router, headers, stream=True, **more)
    answer.text = words(answer.body, path)
    return answer


def events(data):
    return [json.loads(line[6:]) for line in data.decode().splitlines()
            if line.startswith("data: ") and line != "data: [DONE]"]


def words(data, path):
    text = ""
    for event in events(data):
        if path == CHAT:
            for choice in event.get("choices", []):
                text += choice["delta"].get("content") or ""
        elif path == MESSAGES:
            text += event.get("delta", {}).get("text", "")
        elif event["type"] == "response.output_text.delta":
            text += event["delta"]
    return text


def ended(answer, path):
    return {CHAT: b"[DONE]", MESSAGES: b"event: message_stop", RESPONSES: b"event: response.completed"}[path] in answer.body


def alive(world, router="quick"):
    assert world.processes[router].poll() is None and ask(world, "beta-medium", router=router).status == 200


# Silence, slowness, stalls


def case_what_is_no_token_does_not_count_as_the_first(world):
    provider = raw(world)
    for silent in ([b": wait\n\n", ("wait", 0.3), b": wait\n\n", ("wait", 3)],
                   [delta(role="assistant", content=""), ("wait", 3)], [("wait", 3)]):
        provider.play({"events": silent + TEXT})
        answer = stream(world, "backed")
        assert answer.status == 200 and answer.text == "rescued" and provider.calls == 1, answer
    provider.play({"before": 3, "events": TEXT})
    assert stream(world, "backed").text == "rescued" and provider.calls == 1
    begin = list(message_events())[0]
    provider.play({"events": [begin, {"type": "ping"}, ("wait", 0.3), {"type": "ping"}, ("wait", 3)]})
    assert stream(world, "claude-backed", MESSAGES).text == "rescued" and provider.calls == 1


def case_thoughts_and_arguments_are_tokens(world):
    provider = raw(world)
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    for first in (delta(reasoning_content="hm"), delta(reasoning="hm"), delta(tool_calls=[call])):
        provider.play({"events": [first, ("wait", 0.6), *TEXT]})
        answer = stream(world, "backed")
        assert answer.headers["x-cadre-model"] == "r-chat" and ended(answer, CHAT), answer


def case_a_time_out_is_not_asked_for_again(world):
    provider = raw(world)
    for plan, streams in (({"before": 5, "json": said("late")}, False), ({"events": [("wait", 5)]}, True)):
        provider.play(plan)
        answer = (stream if streams else ask)(world, "r-chat", headers={"x-cadre-agent": f"late{streams}"})
        assert b"provider_timeout" in answer.body and provider.calls == 1, (answer, provider.calls)
        call = world.until(lambda: world.ledger(agent=f"late{streams}"))[0]
        assert call["attempts"] == 1 and call["input_tokens"] > 0, call


def case_a_stream_that_stands_still_is_left_or_told(world):
    provider = raw(world)
    provider.play({"events": [delta(content="one "), ("wait", 0.4), delta(content="two "), ("wait", 5)], "beats": True})
    answer = stream(world, "backed")
    assert answer.text == "one two " and events(answer.body)[-1]["error"]["code"] == "provider_timeout", answer
    put(world, "aliases/checked", models=["r-chat"], fallbacks=["beta-medium"], check={"non_empty": True})
    put(world, "aliases/buffered", models=["r-chat"], fallbacks=["beta-medium"], rescue="buffer")
    for name in ("checked", "buffered"):
        provider.play({"events": [delta(content="one "), ("wait", 5)]})
        answer = stream(world, name)
        assert answer.text == "rescued" and ended(answer, CHAT) and provider.calls == 1, answer
        provider.play({"events": [delta(content="one ")], "end": "cut"})
        answer = stream(world, name)
        assert answer.text == "rescued" and ended(answer, CHAT), answer


def case_the_time_of_the_call_holds_for_streams_and_for_blanks(world):
    provider = raw(world)
    provider.play({"events": [part for _ in range(40) for part in (delta(content="x"), ("wait", 0.3))]})
    start = time.time()
    answer = stream(world, "r-chat")
    assert events(answer.body)[-1]["error"]["code"] == "call_timeout" and time.time() - start < 10, answer
    provider.play({"headers": {"content-type": "application/json"},
                   "events": [part for _ in range(60) for part in (b" ", ("wait", 0.2))]})
    start = time.time()
    answer = ask(world, "r-chat")
    assert answer.status == 504 and time.time() - start < 10 and provider.calls == 1, answer


# Repetition


def case_a_failure_that_passes_is_repeated_at_the_same_model(world):
    provider = raw(world)
    for status in (500, 502, 503):
        provider.play({"status": status, "json": {"error": {"message": "oops"}}}, {"json": said("again")})
        answer = ask(world, "backed")
        assert answer.headers["x-cadre-model"] == "r-chat" and answer.headers["x-cadre-attempts"] == "2", answer
    provider.play({"accept": "reset"}, {"json": said("again")})
    assert ask(world, "backed").headers["x-cadre-model"] == "r-chat" and provider.calls == 2
    provider.play({"status": 500, "json": {}})
    answer = ask(world, "backed")
    assert answer.headers["x-cadre-model"] == "beta-medium" and provider.calls == 2, answer


def case_a_short_pause_is_waited_for_a_long_one_is_not(world):
    provider = raw(world)
    provider.play({"status": 429, "headers": {"retry-after-ms": "300"}, "json": {}}, {"json": said("again")})
    assert ask(world, "backed").headers["x-cadre-model"] == "r-chat" and provider.calls == 2
    provider.play({"status": 429, "headers": {"retry-after": "30"}, "json": {}})
    assert ask(world, "backed").headers["x-cadre-model"] == "beta-medium" and provider.calls == 1


def case_no_number_of_a_provider_ends_the_router(world):
    provider = raw(world)
    for name in ("retry-after-ms", "retry-after"):
        for text in ("inf", "nan", "1e30", "0x1p70", "-1", "9" * 400, "Fri, 31 Dec 9999 23:59:60 GMT", "٣"):
            world.call("DELETE", "/api/v1/providers/rawchat/health", operator=True, router="quick")
            provider.play({"status": 429, "headers": {name: text.encode().decode("latin-1")}, "json": {}})
            assert ask(world, "backed").status == 200, (name, text)
    alive(world)


def case_a_flapping_provider_is_used_as_far_as_it_goes(world):
    provider = raw(world)
    bad = [{"accept": "reset"}, {"status": 500, "json": {}}, {"events": [delta(content="")], "end": "cut"}]
    for plan in bad:
        provider.play(plan, {"events": TEXT})
        assert stream(world, "r-chat").text == "hi" and provider.calls == 2, plan
    # A breaker that was opened is closed by the first good answer.
    provider.play({"status": 500, "json": {}})
    for _ in range(5):
        ask(world, "backed")
    shown = world.call("GET", "/api/v1/providers/rawchat", operator=True, router="quick").json
    assert shown["unhealthy"], shown
    provider.play({"events": [delta(content="hi"), ("wait", 0.5), *TEXT[1:]]})
    assert world.until(lambda: stream(world, "backed").headers["x-cadre-model"] == "r-chat")
    assert not world.call("GET", "/api/v1/providers/rawchat", operator=True, router="quick").json["unhealthy"]


# Oddities


def case_garbage_is_asked_for_once(world):
    provider = raw(world)
    for plan in ({"raw": b"<html>login</html>"}, {"raw": b'{"choices": [{"mess'}, {"json": {"no": "choices"}}, {"raw": b""}):
        provider.play(plan)
        answer = ask(world, "r-chat")
        assert answer.status == 502 and answer.json["error"]["code"] == "provider_garbage", answer
        assert provider.calls == 1, provider.calls
        assert ask(world, "backed").headers["x-cadre-model"] == "beta-medium"


def case_odd_json_is_passed_on_or_understood(world):
    provider = raw(world)
    text = json.dumps(said("odd"))
    odd = [text.replace('"id": "c"', '"id": "c", "id": "c"'), "\ufeff" + text, text.replace('"index": 0', '"index": 0, "score": NaN'),
           text.replace("odd", "o\tdd")]
    for variant in odd:
        provider.play({"raw": variant.encode()})
        answer = ask(world, "r-chat", headers={"x-cadre-agent": "odd"})
        assert answer.status == 200 and answer.body == variant.encode() and provider.calls == 1, answer
        for path in (MESSAGES, RESPONSES):
            answer = ask(world, "r-chat", path, headers={"x-cadre-agent": "odd"} if path == MESSAGES else None)
            assert answer.status == 200 and "dd" in json.dumps(answer.json), answer
    for call in world.until(lambda: (lambda r: r if len(r) == 8 else None)(world.ledger(agent="odd"))):
        assert call["input_tokens"] == 7 and call["output_tokens"] == 5, call


def case_malformed_events_are_left_out(world):
    provider = raw(world)
    provider.play({"events": [delta(content="a"), b"data: {broken\n\n", b"data: \n\n", delta(content="b"), *TEXT[1:]]})
    for path in PATHS:
        answer = stream(world, "r-chat", path)
        assert answer.text == "ab" and ended(answer, path), answer


def case_a_whole_answer_where_a_stream_was_asked_for(world):
    provider = raw(world)
    for model, whole in (("r-chat", said("whole")), ("r-claude", message("whole"))):
        for path in PATHS:
            provider.play({"json": whole})
            agent = f"whole {model} {path}"
            answer = stream(world, model, path, headers={"x-cadre-agent": agent})
            assert answer.text == "whole" and ended(answer, path) and provider.calls == 1, (model, path, answer)
            call = world.until(lambda: world.ledger(agent=agent.replace(" ", "%20")))[0]
            assert call["outcome"] == "ok" and (call["input_tokens"], call["output_tokens"]) == (7, 5), call
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    provider.play({"json": said(None, "tool_calls", tool_calls=[call])})
    assert b'"tool_use"' in stream(world, "r-chat", MESSAGES).body


def case_a_stream_where_a_whole_answer_was_asked_for(world):
    provider = raw(world)
    usage = {"id": "c", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}
    chat = [delta(role="assistant", content="who"), delta(content="le"), delta("stop"), usage, DONE]
    for model, plan in (("r-chat", chat), ("r-claude", list(message_events("who", "le")))):
        for path in PATHS:
            provider.play({"events": plan})
            answer = ask(world, model, path)
            assert answer.status == 200 and "whole" in json.dumps(answer.json) and provider.calls == 1, (path, answer)


def case_a_complete_answer_ends_whatever_its_connection_does(world):
    provider = raw(world)
    plans = (("r-chat", TEXT), ("r-chat", TEXT[:-1]), ("r-claude", list(message_events("hi"))),
             ("r-claude", list(message_events("hi"))[:-1]))
    for model, plan in plans:
        for path in PATHS:
            for more in ({}, {"beats": True}):
                provider.play({"events": plan, "hold": 20, **more})
                start = time.time()
                answer = stream(world, model, path)
                assert time.time() - start < 8 and answer.text == "hi" and ended(answer, path), (model, path, answer)
                assert not any(event.get("error") or event.get("type") == "error" for event in events(answer.body)), answer
    for end in ("cut", "reset"):
        for _ in range(5):
            provider.play({"events": TEXT, "end": end})
            assert ended(stream(world, "r-chat", MESSAGES), MESSAGES)
    shown = world.call("GET", "/api/v1/providers/rawchat", operator=True, router="quick").json
    assert not shown["unhealthy"], shown


# Words


def refusal(text, status=400, **more):
    return {"status": status, "json": {"error": {"message": text, "type": "invalid_request_error", **more}}}


def case_prompts_that_are_too_long_in_any_words(world):
    provider = raw(world)
    put(world, "aliases/ctx", models=["r-chat"], context_fallbacks=["beta-medium"])
    for text in ("input length and max_tokens exceed context limit: 190000 + 20000 > 200000",
                 "The input (9001 tokens) is longer than the model's context length (8192 tokens).",
                 "Input is too long for requested model."):
        for name in ("ctx", "backed"):
            for path in PATHS:
                provider.play(refusal(text))
                answer = stream(world, name, path)
                assert answer.text == "rescued" and provider.calls == 1, (text, answer)
    provider.play(refusal("Input is too long for requested model."))
    answer = ask(world, "r-chat", MESSAGES)
    assert answer.status == 400 and answer.json["error"]["message"].startswith("prompt is too long"), answer
    own = ask(world, "alpha-small", MESSAGES, messages=[{"role": "user", "content": "word " * 20000}])
    assert own.status == 400 and own.json["error"]["message"].startswith("prompt is too long"), own


def case_an_empty_account_is_left_alone(world):
    provider = raw(world)
    provider.play(refusal("Your credit balance is too low to access the Anthropic API. Please purchase credits."))
    answer = ask(world, "claude-backed", MESSAGES)
    assert answer.headers["x-cadre-model"] == "beta-medium", answer
    assert world.call("GET", "/api/v1/providers/rawclaude", operator=True, router="quick").json["unhealthy"]
    assert ask(world, "claude-backed", MESSAGES).headers["x-cadre-model"] == "beta-medium" and provider.calls == 1


def case_filters_in_words_and_as_a_success(world):
    provider = raw(world)
    put(world, "aliases/cf", models=["r-chat"], content_fallbacks=["beta-medium"])
    filtered = said(None, "content_filter")
    for name in ("cf", "backed"):
        provider.play(refusal("Output blocked by content filtering policy"))
        assert ask(world, name).headers["x-cadre-model"] == "beta-medium"
        provider.play({"json": filtered})
        assert ask(world, name).headers["x-cadre-model"] == "beta-medium"
        provider.play({"events": [delta(role="assistant", content=""), delta("content_filter"), DONE]})
        assert stream(world, name).text == "rescued"
    provider.play({"json": {**message(""), "content": [], "stop_reason": "refusal"}})
    assert ask(world, "claude-backed", MESSAGES).headers["x-cadre-model"] == "beta-medium"
    # Without a way out it is told as the provider told it, and not kept.
    for _ in range(2):
        provider.play({"json": filtered})
        answer = ask(world, "r-chat", temperature=0, messages=[{"role": "user", "content": "filtered"}])
        assert answer.json["choices"][0]["finish_reason"] == "content_filter", answer
        assert answer.headers["x-cadre-cache"] == "miss", answer.headers


def case_an_overload_stays_one(world):
    provider = raw(world)
    provider.play({"status": 529, "json": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}})
    answer = ask(world, "r-claude", MESSAGES)
    assert answer.status == 529 and answer.json["error"]["type"] == "overloaded_error", answer
    assert answer.headers["x-should-retry"] == "true" and answer.headers["request-id"], answer.headers
    raw(world)
    provider.play({"status": 529, "json": {"error": {"message": "Overloaded"}}})
    assert ask(world, "r-chat").status == 503


def case_lists_of_errors_are_read(world):
    provider = raw(world)
    provider.play({"status": 429, "json": [{"error": {"code": 429, "message": "Quota exceeded", "details": [{"retryDelay": "34s"}]}}]})
    answer = ask(world, "r-gemini")
    assert answer.status == 429 and "Quota exceeded" in answer.json["error"]["message"], answer
    assert answer.headers["retry-after"] == "34" and provider.calls == 1, answer.headers


# Towards the caller


def case_signs_of_life_while_nothing_comes(world):
    provider = raw(world)
    put(world, "providers/rawslow", kind="compatible", base_url=f"http://127.0.0.1:{provider.port}/v1", first_token_ms=2400,
        stall_ms=3000)
    put(world, "providers/rawslow/models/r-slow", price={"input": 1, "output": 1})
    for path in PATHS:
        beat = b"event: ping" if path == MESSAGES else b": keep-alive"
        provider.play({"before": 1.2, "events": [delta(content="a"), ("wait", 1.2), delta(content="b"), *TEXT[1:]]})
        answer = stream(world, "r-slow", path)
        first, _, rest = answer.body.partition(b'"a"')
        assert first.count(beat) >= 2 and rest.partition(b'"b"')[0].count(beat) >= 2, answer.body
        assert answer.text == "ab" and ended(answer, path), answer
        assert answer.headers["x-accel-buffering"] == "no", answer.headers
        # What goes wrong after them is told in the stream.
        provider.play({"before": 1, "status": 400, "json": {"error": {"message": "bad"}}})
        answer = stream(world, "r-slow", path)
        assert answer.status == 200 and b"provider_refused" in answer.body or b"invalid_request_error" in answer.body, answer
    world.until(lambda: world.ledger(limit=1)[0]["outcome"] == "provider_refused")


def case_streams_are_not_gathered_by_proxies(world):
    provider = raw(world)
    provider.play({"events": [*TEXT[:2], {"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, DONE]})
    for cache in ("miss", "hit"):
        answer = world.until(lambda: (lambda a: a if a.headers["x-cadre-cache"] == cache else None)(
            stream(world, "r-chat", headers={"cache-control": "max-age=60"})))
        assert answer and answer.headers["x-accel-buffering"] == "no", answer


def case_a_client_that_leaves_between_two_attempts_pays_nothing(world):
    provider = raw(world)
    provider.play({"status": 429, "headers": {"retry-after": "2"}, "json": {}})
    try:
        ask(world, "r-chat", headers={"x-cadre-agent": "waiter"}, timeout=0.8)
    except OSError:
        pass
    call = world.until(lambda: world.ledger(agent="waiter"))[0]
    assert call["outcome"] == "client_gone" and call["charged_tokens"] == 0, call


# Rescue


def case_another_model_goes_on_with_the_words_so_far(world):
    provider = raw(world)
    put(world, "aliases/goes-on", models=["r-chat"], fallbacks=["gamma-large"], rescue="continue")
    world.scripts("gamma", {"reply": "the end."})
    for path in PATHS:
        provider.play({"events": [delta(role="assistant", content="This is "), delta(content="not ")], "end": "cut"})
        answer = stream(world, "goes-on", path, headers={"x-cadre-agent": "rescued"})
        assert answer.text == "This is not the end." and ended(answer, path), answer
        assert b"continued by gamma-large" in answer.body and b"error" not in answer.body.replace(b'"error":null', b""), answer
        _, sent = world.last("gamma")
        assert sent["messages"][-1]["role"] == "assistant" and "This is not" in json.dumps(sent["messages"][-1]), sent
    rows = world.until(lambda: (lambda r: r if len(r) >= 6 else None)(world.ledger(agent="rescued")))
    assert any("continued after provider_failed at gamma-large" in row["route"] for row in rows), rows
    assert {"ok", "provider_failed"} <= {row["outcome"] for row in rows}, rows
    # Calls of tools cannot be gone on with.
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
    provider.play({"events": [delta(content="x"), delta(tool_calls=[call])], "end": "cut"})
    assert b"provider_failed" in stream(world, "goes-on").body


# What models can do


def case_tools_that_may_be_left_out(world):
    provider = raw(world)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    no = {"status": 400, "json": {"error": {"message": "library/x does not support tools"}}}
    provider.play(no)
    answer = ask(world, "r-chat", tools=tools)
    assert answer.status == 400 and answer.json["error"]["code"] == "tools_not_supported" and provider.calls == 1, answer
    provider.play(no, {"json": said("plain")})
    answer = ask(world, "r-chat", tools=tools, headers={"x-cadre-optional-tools": "1"})
    assert answer.status == 200 and "tools" in answer.headers["x-cadre-dropped"] and "tools" not in provider.last(), answer
    put(world, "providers/rawchat/models/r-plain", capabilities=[], price={"input": 1, "output": 1})
    provider.play({"json": said("plain")})
    assert ask(world, "r-plain", tools=tools).json["error"]["code"] == "capability_missing"
    answer = ask(world, "r-plain", tools=tools, headers={"x-cadre-optional-tools": "1"})
    assert answer.status == 200 and "tools" in answer.headers["x-cadre-dropped"] and "tools" not in provider.last(), answer


def case_pictures_wherever_they_stand_need_eyes(world):
    provider = raw(world)
    put(world, "providers/rawchat/models/r-blind", capabilities=["tools"], priority=0)
    put(world, "providers/rawchat/models/r-eyes", capabilities=["tools", "vision"], priority=1)
    put(world, "aliases/see", models=["r-blind", "r-eyes"])
    provider.play({"json": said("seen")})
    source = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "shot", "input": {}}]}
    for block in ({"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "image", "source": source}]},
                  {"type": "document", "source": pdf}):
        answer = ask(world, "see", MESSAGES, messages=[{"role": "user", "content": "q"}, use, {"role": "user", "content": [block]}])
        assert answer.headers["x-cadre-model"] == "r-eyes", answer
    answer = ask(world, "see", RESPONSES, input=[
        {"role": "user", "content": "q"}, {"type": "function_call", "call_id": "c", "name": "shot", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [
            {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]}])
    assert answer.headers["x-cadre-model"] == "r-eyes", answer
    assert ask(world, "see").headers["x-cadre-model"] == "r-blind"


def case_an_estimate_refuses_only_what_is_surely_too_long(world):
    provider = raw(world)
    put(world, "providers/rawchat/models/r-8k", context_tokens=8000, price={"input": 1, "output": 1})
    provider.play({"json": said("fits")})
    text = ("The quick brown fox jumps over the lazy dog and goes home. " * 500)[:24500]
    assert ask(world, "r-8k", max_tokens=100, messages=[{"role": "user", "content": text}]).status == 200
    assert ask(world, "r-8k", messages=[{"role": "user", "content": text * 3}]).status == 400


# The list of models


def case_models_are_listed_with_their_windows_page_by_page(world):
    raw(world)
    put(world, "providers/rawchat/models/meta-llama%2Fx", context_tokens=9000, output_tokens_max=500)
    listed = world.call("GET", "/v1/models", router="quick").json["data"]
    shown = {model["id"]: model for model in listed}
    assert shown["meta-llama/x"]["context_window"] == 9000 and shown["meta-llama/x"]["created"] > 1_600_000_000, shown
    for path in ("/v1/models/meta-llama/x", "/v1/models/meta-llama%2Fx"):
        assert world.call("GET", path, router="quick").json["id"] == "meta-llama/x"
    version = {"anthropic-version": "2023-06-01"}
    names, after = [], ""
    while True:
        page = world.call("GET", f"/v1/models?limit=2{after}", headers=version, router="quick").json
        assert len(page["data"]) <= 2 and page["last_id"] == page["data"][-1]["id"], page
        names += [model["id"] for model in page["data"]]
        if not page["has_more"]:
            break
        after = "&after_id=" + page["last_id"].replace("/", "%2F")
    assert names == [model["id"] for model in listed], names
    page = world.call("GET", f"/v1/models?limit=2&before_id={names[3]}", headers=version, router="quick").json
    assert [model["id"] for model in page["data"]] == names[1:3] and page["has_more"], page
    assert page["data"][0]["created_at"] > "2020" and world.call(
        "GET", "/v1/models/gamma-large", headers=version, router="quick").json["max_input_tokens"] == 200000
    for query in ("limit=0", "limit=x", "after_id=nothing"):
        refused = world.call("GET", f"/v1/models?{query}", headers=version, router="quick")
        assert refused.status == 400 and refused.headers["request-id"] and refused.headers["x-should-retry"] == "false"
    key = {"authorization": "Bearer " + world.virtual_key(ttl_seconds=60, models=["r-chat"])}
    own = world.call("GET", "/v1/models", headers={**key, "x-cadre-internal-token": ""}, router="quick").json["data"]
    assert [model["id"] for model in own] == ["r-chat"], own
    missing = world.call("GET", "/v1/models/nope", headers={**key, "x-cadre-internal-token": ""}, router="quick")
    assert missing.status == 404 and "gamma" not in missing.json["error"]["message"], missing
