"""Answers and streams of servers with habits of their own, read by the official clients."""
import contextlib
import json
import random

import anthropic
import openai

from client_cases import TOOL, message_client, open_client, user
from wild_provider import WildProvider, chunk

CALLS = [{"place": "Oslo"}, {"place": "Rom \U0001F600"}]
OPEN_TOOLS = [{"type": "function", "function": TOOL}]
RESPONSE_TOOLS = [{"type": "function", **TOOL}]
MESSAGE_TOOLS = [{"name": "weather", "input_schema": TOOL["parameters"]}]


@contextlib.contextmanager
def wild(world, kind="compatible"):
    provider = WildProvider()
    try:
        yield provider, provider.provider(world, kind)
    finally:
        provider.close()


class Seen:
    """What a client has understood, in words that all three share."""

    def __init__(self):
        self.text, self.thoughts, self.refusal, self.calls, self.finish = "", "", "", [], None


def by_chat(world, model):
    client = open_client(world)
    with client.chat.completions.stream(model=model, messages=user("x"), tools=OPEN_TOOLS) as stream:
        final = stream.get_final_completion()
    seen, message = Seen(), final.choices[0].message
    seen.text, seen.refusal = message.content or "", message.refusal or ""
    seen.thoughts = getattr(message, "reasoning_content", None) or ""
    for call in message.tool_calls or []:
        seen.calls.append((call.id, call.function.name, json.loads(call.function.arguments)))
    seen.finish = final.choices[0].finish_reason
    return seen


def by_messages(world, model):
    client = message_client(world)
    with client.messages.stream(model=model, max_tokens=99, messages=user("x"), tools=MESSAGE_TOOLS) as stream:
        for _ in stream:
            pass
        final = stream.get_final_message()
    seen = Seen()
    for block in final.content:
        if block.type == "text":
            seen.text += block.text
        elif block.type == "thinking":
            seen.thoughts += block.thinking
        else:
            seen.calls.append((block.id, block.name, block.input))
    seen.finish = final.stop_reason
    return seen


def by_responses(world, model):
    client = open_client(world)
    with client.responses.stream(model=model, input="x", tools=RESPONSE_TOOLS) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    seen = Seen()
    for item in final.output:
        if item.type == "message":
            for part in item.content:
                if part.type == "refusal":
                    seen.refusal += part.refusal
                else:
                    seen.text += part.text
        elif item.type == "reasoning":
            seen.thoughts += "".join(part.text for part in item.summary)
        else:
            seen.calls.append((item.call_id, item.name, json.loads(item.arguments)))
    seen.finish = final.status
    return seen


# Chat completions of a chat backend are passed on as they come; everything else is written anew.
OTHERS = (by_messages, by_responses)


def fragment(call, **more):
    return {"tool_calls": [{**more, "function": call}]}


def shredded(text, seed):
    numbers = random.Random(seed)
    pieces = []
    while text:
        size = numbers.randint(1, 6)
        pieces.append(text[:size])
        text = text[size:]
    return pieces


def habits():
    """The same two calls as servers send them."""
    bodies = [json.dumps(call, ensure_ascii=False) for call in CALLS]
    yield "one index", [fragment({"name": "weather", "arguments": body}, index=0, id=f"i{n}")
                        for n, body in enumerate(bodies)]
    yield "no index", [fragment({"name": "weather", "arguments": body}, id=f"i{n}") for n, body in enumerate(bodies)]
    yield "no ids", [fragment({"name": "weather", "arguments": body}, index=n) for n, body in enumerate(bodies)]
    yield "nothing but names", [fragment({"name": "weather", "arguments": body}) for body in bodies]
    yield "in one chunk", [{"tool_calls": [{"function": {"name": "weather", "arguments": body}} for body in bodies]}]
    yield "the same id", [fragment({"name": "weather", "arguments": body}, index=n, id="call_0")
                          for n, body in enumerate(bodies)]
    yield "objects", [fragment({"name": "weather", "arguments": call}, index=n, id=f"i{n}")
                      for n, call in enumerate(CALLS)]
    late, mixed = [], []
    for n, body in enumerate(bodies):
        late += [fragment({"name": "", "arguments": ""}, index=n, id=f"i{n}"), fragment({"name": "weather"}, index=n)]
        late += [fragment({"arguments": piece}, index=n) for piece in shredded(body, n)]
        late.insert(len(late) - 2, {"content": "\n"})
    yield "late names, blanks between", late
    for n in range(len(bodies)):
        mixed.append(fragment({"name": "weather", "arguments": ""}, index=n, id=f"i{n}"))
    lists = [shredded(body, 7 + n) for n, body in enumerate(bodies)]
    while any(lists):
        for n, pieces in enumerate(lists):
            if pieces:
                mixed.append(fragment({"arguments": pieces.pop(0)}, index=n))
    yield "mixed", mixed


def case_calls_of_servers_with_habits(world):
    with wild(world) as (provider, model):
        for name, deltas in habits():
            for finish in ("tool_calls", "stop", None):
                provider.chunks(deltas, finish, pieces=29)
                for read in OTHERS:
                    seen = read(world, model)
                    assert [call[1:] for call in seen.calls] == [("weather", call) for call in CALLS], (name, seen.calls)
                    assert len({call[0] for call in seen.calls}) == 2 and all(call[0] for call in seen.calls), name
                    assert seen.finish in ("tool_use", "completed"), (name, seen.finish)


def case_calls_without_arguments_are_objects(world):
    with wild(world) as (provider, model):
        provider.chunks([fragment({"name": "weather", "arguments": ""}, index=0, id="a")], "tool_calls")
        for read in OTHERS:
            assert read(world, model).calls == [("a", "weather", {})]
    with wild(world, "anthropic") as (provider, model):
        provider.events(message([({"type": "tool_use", "id": "a", "name": "weather", "input": {}}, [])], "tool_use"))
        for read in (by_chat, by_responses, by_messages):
            assert read(world, model).calls == [("a", "weather", {})]


def message(blocks, reason):
    """The events of a message of an Anthropic provider."""
    yield {"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "w", "content": [], "stop_reason": None,
        "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 1}}}
    for index, (block, deltas) in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None},
           "usage": {"output_tokens": 9}}
    yield {"type": "message_stop"}


def case_thoughts_in_every_dialect(world):
    with wild(world) as (provider, model):
        for deltas in ([{"reasoning_content": "let me"}, {"reasoning_content": " see"}, {"content": "42"}],
                       [{"reasoning": "let me see"}, {"content": "42"}],
                       [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "let me see"}]}]},
                        {"content": [{"type": "text", "text": "42"}]}]):
            provider.chunks(deltas)
            for read in OTHERS:
                seen = read(world, model)
                assert (seen.thoughts, seen.text) == ("let me see", "42"), (deltas, seen.__dict__)
    with wild(world, "anthropic") as (provider, model):
        provider.events(message([
            ({"type": "thinking", "thinking": "", "signature": ""},
             [{"type": "thinking_delta", "thinking": "let me see"}, {"type": "signature_delta", "signature": "SIG"}]),
            ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "42"}])], "end_turn"))
        for read in (by_chat, by_responses, by_messages):
            seen = read(world, model)
            assert (seen.thoughts, seen.text) == ("let me see", "42"), seen.__dict__


def case_refusals_are_seen(world):
    with wild(world) as (provider, model):
        provider.chunks([{"refusal": "I cannot "}, {"refusal": "help."}])
        assert by_responses(world, model).refusal == "I cannot help."
        assert by_messages(world, model).text == "I cannot help."
        provider.whole({"id": "c", "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": None, "refusal": "I cannot help."}}]})
        answer = open_client(world).responses.create(model=model, input="x")
        assert answer.output[0].content[0].refusal == "I cannot help.", answer


def case_broken_arguments_break_no_client(world):
    with wild(world) as (provider, model):
        for text in ("{broken", '{"a":tru', '[1]', '{"a":"\\q"}', '{"a":1}{"b":2}'):
            provider.chunks([fragment({"name": "weather", "arguments": ""}, index=0, id="a")]
                            + [fragment({"arguments": piece}, index=0) for piece in shredded(text, 3)], "tool_calls")
            assert by_messages(world, model).calls == [("a", "weather", {**by_messages(world, model).calls[0][2],
                                                                        "_invalid_json": text})], text


def case_streams_that_break_look_broken(world):
    """Cut or with an error in the midst: every client raises, in every pair of dialects."""
    half = [chunk({"content": "half of "}), chunk({"content": "it"})]
    error = {"error": {"message": "It failed midway.", "type": "server_error", "code": None}}
    begun = list(message([({"type": "text", "text": ""}, [{"type": "text_delta", "text": "half"}])], "end_turn"))[:3]
    overload = {"type": "error", "error": {"type": "overloaded_error", "message": "It failed midway."}}
    created = {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1", "object": "response", "status": "in_progress", "output": []}}
    failed = {"type": "response.failed", "sequence_number": 1, "response": {
        "id": "resp_1", "status": "failed", "output": [], "error": {"code": "server_error", "message": "It failed midway."}}}
    added = {"type": "response.output_text.delta", "sequence_number": 1, "output_index": 0, "content_index": 0, "item_id": "m", "delta": "half"}
    streams = {"compatible": (half, half + [error]), "anthropic": (begun, begun + [overload]),
               "openai": ([created, added], [created, added, failed])}
    for kind, (cut, failing) in streams.items():
        with wild(world, kind) as (provider, model):
            for events, is_cut in ((cut, True), (failing, False)):
                for dialect in ("responses",) if kind == "openai" else ("chat", "messages", "responses"):
                    provider.events(events, is_cut)
                    fails_in(world, model, dialect)
                    world.call("DELETE", f"/api/v1/providers/{model}/health", operator=True)


def fails_in(world, model, dialect):
    seen = []
    try:
        if dialect == "chat":
            for event in open_client(world).chat.completions.create(model=model, messages=user("x"), stream=True):
                seen.append(event)
        elif dialect == "messages":
            for event in message_client(world).messages.create(model=model, max_tokens=9, messages=user("x"), stream=True):
                seen.append(event)
        else:
            for event in open_client(world).responses.create(model=model, input="x", stream=True):
                seen.append(event)
    except (openai.APIError, anthropic.APIError):
        assert seen, "nothing came before"
        return
    raise AssertionError(f"{model} {dialect}: it looks whole: {seen}")


def case_a_broken_response_says_failed(world):
    with wild(world) as (provider, model):
        provider.events([chunk({"content": "half"})], True)
        answer = world.call("POST", "/v1/responses", {"model": model, "input": "x", "stream": True})
        events = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        assert [event["sequence_number"] for event in events] == list(range(len(events))), events
        assert events[-1]["type"] == "response.failed" and events[-2]["type"] == "error", events[-2:]
        assert events[-1]["response"]["error"]["code"] and events[-1]["response"]["status"] == "failed", events[-1]
        assert events[-1]["response"]["id"] == events[0]["response"]["id"]


def case_usage_that_nobody_told_is_that_of_the_ledger(world):
    with wild(world) as (provider, model):
        provider.chunks([{"content": "hi there, it is a longer answer"}])
        with message_client(world, agent="uncounted").messages.stream(
                model=model, max_tokens=9, messages=user("x")) as stream:
            final = stream.get_final_message()
        call = world.recorded(agent="uncounted")[0]
        assert call["estimated"] and call["output_tokens"] == final.usage.output_tokens > 0, (call, final.usage)
        assert call["input_tokens"] == final.usage.input_tokens > 0, (call, final.usage)


def case_a_response_repeats_its_request(world):
    with wild(world) as (provider, model):
        provider.chunks([{"content": "hi"}])
        asked = {"instructions": "Be brief.", "metadata": {"a": "b"}, "tools": RESPONSE_TOOLS, "tool_choice": "required"}
        with open_client(world).responses.stream(model=model, input="x", **asked) as stream:
            final = stream.get_final_response()
        assert final.instructions == "Be brief." and final.metadata == {"a": "b"} and final.tool_choice == "required", final
        assert final.tools[0].name == "weather", final


def case_custom_and_nested_tools_come_back_as_they_were_asked(world):
    tools = [{"type": "custom", "name": "apply_patch", "format": {"type": "text"}},
             {"type": "namespace", "name": "agents", "description": "d", "tools": RESPONSE_TOOLS}]
    with wild(world) as (provider, model):
        for streaming in (True, False):
            provider.whole({"choices": []})
            world.call("POST", "/v1/responses", {"model": model, "input": "x", "tools": tools})
            names = [tool["function"]["name"] for tool in provider.bodies[-1]["tools"]]
            calls = [{"index": n, "id": f"i{n}", "type": "function", "function": {
                "name": name, "arguments": json.dumps({"input": "*** Begin\n"} if n == 0 else CALLS[0])}}
                for n, name in enumerate(names)]
            if streaming:
                provider.chunks([{"tool_calls": calls}], "tool_calls")
            else:
                provider.whole({"id": "c", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                    "role": "assistant", "content": None, "tool_calls": calls}}]})
            answer = world.call("POST", "/v1/responses", {"model": model, "input": "x", "tools": tools, "stream": streaming})
            text = answer.body.decode()
            if streaming:
                text = json.dumps(json.loads(text.rsplit("data: ", 1)[1])["response"])
            output = json.loads(text)["output"]
            assert output[0]["type"] == "custom_tool_call" and output[0]["name"] == "apply_patch", output
            assert output[0]["input"] == "*** Begin\n", output
            assert output[1]["type"] == "function_call" and output[1]["name"] == "weather", output
            assert output[1]["namespace"] == "agents" and json.loads(output[1]["arguments"]) == CALLS[0], output
