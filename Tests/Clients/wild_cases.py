"""Providers as they are met in the wild: silent, slow, broken, odd. Times are settings, so that the cases are quick;
everything else is as it is by default."""
import json

from scripted import delta, message, message_events, said
from wild import CHAT, MESSAGES, RESPONSES, PATHS, DONE, TEXT, alive, ask, ended, events, put, raw, stream


# Silence, slowness, stalls


def case_what_is_no_token_does_not_count_as_the_first(world):
    provider = raw(world)
    for silent in ([b": wait\n\n", ("wait", 0.3), b": wait\n\n", ("wait", 6)],
                   [delta(role="assistant", content=""), ("wait", 6)], [("wait", 6)]):
        provider.play({"events": silent + TEXT})
        answer = stream(world, "backed")
        assert answer.status == 200 and answer.text == "rescued" and provider.calls == 1, answer
    provider.play({"before": 6, "events": TEXT})
    assert stream(world, "backed").text == "rescued" and provider.calls == 1
    begin = list(message_events())[0]
    provider.play({"events": [begin, {"type": "ping"}, ("wait", 0.3), {"type": "ping"}, ("wait", 6)]})
    assert stream(world, "claude-backed", MESSAGES).text == "rescued" and provider.calls == 1


def case_thoughts_and_arguments_are_tokens(world):
    provider = raw(world)
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    for first in (delta(reasoning_content="hm"), delta(reasoning="hm"), delta(tool_calls=[call])):
        # Longer than may be waited for a first token, shorter than between two.
        provider.play({"events": [first, ("wait", 1.7), *TEXT]})
        answer = stream(world, "backed")
        assert answer.headers["x-cadre-model"] == "r-chat" and ended(answer, CHAT), answer


def case_a_time_out_is_not_asked_for_again(world):
    provider = raw(world)
    for plan, streams in (({"before": 8, "json": said("late")}, False), ({"events": [("wait", 8)]}, True)):
        provider.play(plan)
        answer = (stream if streams else ask)(world, "r-chat", headers={"x-cadre-agent": f"late{streams}"})
        assert b"provider_timeout" in answer.body and provider.calls == 1, (answer, provider.calls)
        call = world.recorded(agent=f"late{streams}")[0]
        assert call["attempts"] == 1 and call["input_tokens"] > 0, call


def case_a_stream_that_stands_still_is_left_or_told(world):
    provider = raw(world)
    provider.play({"events": [delta(content="one "), ("wait", 0.4), delta(content="two "), ("wait", 8)], "beats": True})
    answer = stream(world, "backed")
    assert answer.text == "one two " and events(answer.body)[-1]["error"]["code"] == "provider_timeout", answer
    put(world, "aliases/checked", models=["r-chat"], fallbacks=["beta-medium"], check={"non_empty": True})
    put(world, "aliases/buffered", models=["r-chat"], fallbacks=["beta-medium"], rescue="buffer")
    for name in ("checked", "buffered"):
        provider.play({"events": [delta(content="one "), ("wait", 8)]})
        answer = stream(world, name)
        assert answer.text == "rescued" and ended(answer, CHAT) and provider.calls == 1, answer
        provider.play({"events": [delta(content="one ")], "end": "cut"})
        answer = stream(world, name)
        assert answer.text == "rescued" and ended(answer, CHAT), answer


def case_the_time_of_the_call_holds_for_streams_and_for_blanks(world):
    provider = raw(world)
    provider.play({"events": [part for _ in range(1000) for part in (delta(content="x"), ("wait", 0.3))]})
    answer = stream(world, "r-chat")
    assert events(answer.body)[-1]["error"]["code"] == "call_timeout", answer
    provider.play({"headers": {"content-type": "application/json"},
                   "events": [part for _ in range(1000) for part in (b" ", ("wait", 0.3))]})
    answer = ask(world, "r-chat")
    assert answer.status == 504 and provider.calls == 1, answer


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
    for call in world.recorded(8, agent="odd"):
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
            call = world.recorded(agent=agent.replace(" ", "%20"))[0]
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
                # Nobody would wait so long for the end of the connection.
                provider.play({"events": plan, "hold": 300, **more})
                answer = stream(world, model, path)
                assert answer.text == "hi" and ended(answer, path), (model, path, answer)
                assert not any(event.get("error") or event.get("type") == "error" for event in events(answer.body)), answer
    for end in ("cut", "reset"):
        for _ in range(5):
            provider.play({"events": TEXT, "end": end})
            assert ended(stream(world, "r-chat", MESSAGES), MESSAGES)
    shown = world.call("GET", "/api/v1/providers/rawchat", operator=True, router="quick").json
    assert not shown["unhealthy"], shown
