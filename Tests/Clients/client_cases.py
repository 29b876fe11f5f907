"""The official clients of OpenAI and Anthropic against the router, in every combination of dialects."""
import base64
import json

import anthropic
import openai

from world import PROVIDER_KEY

TOOL = {"name": "weather", "description": "Weather of a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}}
CALL = {"tool_calls": [{"name": "weather", "arguments": '{"place":"Oslo"}'}]}
LONG = "one two three four five six seven eight nine ten eleven twelve"
PIXEL = base64.b64encode(b"not really a picture").decode()


def open_client(world, **terms):
    return openai.OpenAI(base_url=world.url() + "/v1", api_key=world.virtual_key(**terms), max_retries=0)


def message_client(world, **terms):
    return anthropic.Anthropic(base_url=world.url(), api_key=world.virtual_key(**terms), max_retries=0)


def user(text):
    return [{"role": "user", "content": text}]


def case_chat_of_openai_by_an_openai_model(world):
    world.scripts("alpha", {"reply": LONG})
    answer = open_client(world).chat.completions.create(model="alpha-small", messages=user("hello"))
    assert answer.choices[0].message.content == LONG
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens == 5 and answer.usage.completion_tokens == len(LONG) // 4 + 1, answer.usage
    headers, body = world.last("alpha")
    assert headers["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert body["model"] == "alpha-small"


def case_chat_of_openai_by_an_anthropic_model(world):
    world.scripts("gamma", {"reply": LONG})
    answer = open_client(world).chat.completions.create(
        model="gamma-large", temperature=0.5, stop=["END"],
        messages=[{"role": "system", "content": "Be brief."}] + user("hello"))
    assert answer.choices[0].message.content == LONG
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    headers, body = world.last("gamma")
    assert headers["x-api-key"] == PROVIDER_KEY and "authorization" not in headers, headers
    system = body["system"]
    assert (system if isinstance(system, str) else system[0]["text"]) == "Be brief.", body
    assert body["max_tokens"] == 8000 and body["stop_sequences"] == ["END"] and body["temperature"] == 0.5, body


def stream_of_chat(world, model):
    chunks = list(open_client(world).chat.completions.create(
        model=model, messages=user("hello"), stream=True, stream_options={"include_usage": True}))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == LONG, text
    finish = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    assert finish == ["stop"], finish
    assert chunks[-1].usage.completion_tokens == len(LONG) // 4 + 1, chunks[-1]
    assert len({c.id for c in chunks}) == 1


def case_chat_stream_of_openai_by_an_openai_model(world):
    world.scripts("alpha", {"reply": LONG})
    stream_of_chat(world, "alpha-small")


def case_chat_stream_of_openai_by_an_anthropic_model(world):
    world.scripts("gamma", {"reply": LONG})
    stream_of_chat(world, "gamma-large")


def case_usage_is_not_sent_to_who_did_not_ask_but_is_accounted(world):
    world.scripts("alpha", {"reply": LONG})
    chunks = list(open_client(world, agent="quiet").chat.completions.create(
        model="alpha-small", messages=user("hello"), stream=True))
    assert chunks and all(c.usage is None for c in chunks) and all(c.choices for c in chunks)
    call = world.recorded(agent="quiet")[0]
    assert call["output_tokens"] == len(LONG) // 4 + 1 and not call["estimated"], call


def tools_of_chat(world, name, model):
    world.scripts(name, {"reply": "It is cold.", **CALL})
    client = open_client(world)
    tools = [{"type": "function", "function": TOOL}]
    messages = user("How is the weather in Oslo?")
    for streaming in (False, True):
        if streaming:
            with client.chat.completions.stream(model=model, messages=messages, tools=tools) as stream:
                first = stream.get_final_completion()
        else:
            first = client.chat.completions.create(model=model, messages=messages, tools=tools)
        choice = first.choices[0]
        assert choice.finish_reason == "tool_calls", choice
        call = choice.message.tool_calls[0]
        assert call.function.name == "weather" and json.loads(call.function.arguments) == {"place": "Oslo"}, call
        follow = messages + [choice.message.model_dump(exclude_none=True), {
            "role": "tool", "tool_call_id": call.id, "content": "-5 degrees"}]
        second = client.chat.completions.create(model=model, messages=follow, tools=tools)
        assert second.choices[0].message.content == "It is cold."
        _, body = world.last(name)
        assert call.id in json.dumps(body) and "-5 degrees" in json.dumps(body), body
    return body


def case_tools_of_openai_by_an_openai_model(world):
    tools_of_chat(world, "alpha", "alpha-small")


def case_tools_of_openai_by_an_anthropic_model(world):
    body = tools_of_chat(world, "gamma", "gamma-large")
    assert body["tools"][0]["input_schema"]["required"] == ["place"], body
    assert body["messages"][-1]["content"][0]["type"] == "tool_result", body


def case_message_of_anthropic_by_an_anthropic_model(world):
    world.scripts("gamma", {"reply": LONG, "cache_read_tokens": 2})
    answer = message_client(world).messages.create(
        model="gamma-large", max_tokens=100, messages=user("hello there"), extra_body={"made_up_field": {"a": 1}},
        extra_headers={"anthropic-beta": "context-1m-2025-08-07"},
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}])
    assert answer.content[0].text == LONG and answer.stop_reason == "end_turn"
    assert answer.usage.cache_read_input_tokens == 2, answer.usage
    headers, body = world.last("gamma")
    assert body["made_up_field"] == {"a": 1} and body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert headers["anthropic-beta"] == "context-1m-2025-08-07" and headers["anthropic-version"]


def case_message_of_anthropic_by_an_openai_model(world):
    world.scripts("alpha", {"reply": LONG})
    answer = message_client(world).messages.create(
        model="alpha-small", max_tokens=100, system="Be brief.", messages=user("hello"))
    assert answer.content[0].text == LONG and answer.stop_reason == "end_turn" and answer.type == "message"
    assert answer.usage.output_tokens == len(LONG) // 4 + 1
    _, body = world.last("alpha")
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}, body
    assert body["max_completion_tokens"] == 100, body
    cut = message_client(world).messages.create(model="alpha-small", max_tokens=3, messages=user("hello"))
    assert cut.stop_reason == "max_tokens", cut


def stream_of_messages(world, model):
    with message_client(world).messages.stream(model=model, max_tokens=100, messages=user("hello")) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    assert final.content[0].text == LONG and final.stop_reason == "end_turn", final
    assert final.usage.output_tokens == len(LONG) // 4 + 1, final.usage
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop" and kinds.count("message_start") == 1, kinds


def case_message_stream_of_anthropic_by_an_anthropic_model(world):
    world.scripts("gamma", {"reply": LONG})
    stream_of_messages(world, "gamma-large")


def case_message_stream_of_anthropic_by_an_openai_model(world):
    world.scripts("alpha", {"reply": LONG})
    stream_of_messages(world, "alpha-small")


def tools_of_messages(world, name, model):
    world.scripts(name, {"reply": "It is cold.", **CALL})
    client = message_client(world)
    tools = [{"name": "weather", "description": TOOL["description"], "input_schema": TOOL["parameters"]}]
    messages = user("How is the weather in Oslo?")
    for streaming in (False, True):
        if streaming:
            with client.messages.stream(model=model, max_tokens=99, messages=messages, tools=tools) as stream:
                first = stream.get_final_message()
        else:
            first = client.messages.create(model=model, max_tokens=99, messages=messages, tools=tools)
        assert first.stop_reason == "tool_use", first
        call = next(block for block in first.content if block.type == "tool_use")
        assert call.name == "weather" and call.input == {"place": "Oslo"}, call
        second = client.messages.create(
            model=model, max_tokens=99, tools=tools, messages=messages + [
                {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": call.id, "content": "-5 degrees"}]}])
        assert second.content[0].text == "It is cold."
        _, body = world.last(name)
        assert call.id in json.dumps(body) and "-5 degrees" in json.dumps(body), body


def case_tools_of_anthropic_by_an_anthropic_model(world):
    tools_of_messages(world, "gamma", "gamma-large")


def case_tools_of_anthropic_by_an_openai_model(world):
    tools_of_messages(world, "alpha", "alpha-small")


def case_images_reach_the_other_dialect(world):
    open_client(world).chat.completions.create(model="gamma-large", messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}]}])
    _, body = world.last("gamma")
    image = body["messages"][0]["content"][1]
    assert image == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}, image
    message_client(world).messages.create(model="alpha-small", max_tokens=9, messages=[{"role": "user", "content": [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "text", "text": "What is it?"}]}])
    _, body = world.last("alpha")
    assert body["messages"][0]["content"][0]["image_url"]["url"] == f"data:image/png;base64,{PIXEL}", body


def responses_of(world, name, model):
    world.scripts(name, {"match": "hello", "reply": LONG}, {"match": "weather", "reply": "It is cold.", **CALL})
    client = open_client(world)
    answer = client.responses.create(model=model, input="hello", instructions="Be brief.")
    assert answer.output_text == LONG and answer.status == "completed", answer
    assert answer.usage.output_tokens == len(LONG) // 4 + 1, answer.usage
    with client.responses.stream(model=model, input="hello") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert final.output_text == LONG, final
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    tools = [{"type": "function", **TOOL}]
    first = client.responses.create(model=model, input="weather in Oslo?", tools=tools)
    call = next(item for item in first.output if item.type == "function_call")
    assert call.name == "weather" and json.loads(call.arguments) == {"place": "Oslo"}
    second = client.responses.create(model=model, tools=tools, input=user("weather in Oslo?") + [
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "-5 degrees"}])
    assert second.output_text == "It is cold.", second


def case_responses_by_an_openai_model(world):
    responses_of(world, "alpha", "alpha-small")


def case_responses_by_a_compatible_model(world):
    responses_of(world, "beta", "beta-medium")


def case_responses_by_an_anthropic_model(world):
    responses_of(world, "gamma", "gamma-large")


def case_embeddings(world):
    client = open_client(world, agent="embedder")
    answer = client.embeddings.create(model="alpha-embed", input=["first", "second"])
    assert len(answer.data) == 2 and len(answer.data[0].embedding) == 8 and answer.data[0] != answer.data[1]
    again = client.embeddings.create(model="alpha-embed", input=["first"], encoding_format="float")
    assert again.data[0].embedding == answer.data[0].embedding
    call = world.recorded(agent="embedder")[0]
    assert call["dialect"] == "embeddings" and call["output_tokens"] == 0 and call["input_tokens"] > 0, call


def case_models_in_both_shapes(world):
    names = [model.id for model in open_client(world).models.list()]
    assert {"alpha-small", "beta-medium", "gamma-large"} <= set(names), names
    assert [model.id for model in message_client(world).models.list()] == names
    assert open_client(world).models.retrieve("gamma-large").owned_by == "gamma"
    only = [model.id for model in open_client(world, models=["shared"]).models.list()]
    assert only == ["shared"], only


def case_tokens_are_counted(world):
    client = message_client(world)
    exact = client.messages.count_tokens(model="gamma-large", messages=user("hello there, friend"))
    assert exact.input_tokens == 19 // 4 + 4, exact
    near = client.messages.count_tokens(model="alpha-small", messages=user("hello there, friend"))
    assert 4 <= near.input_tokens <= 40, near


def case_unknown_fields_pass_through(world):
    open_client(world).chat.completions.create(
        model="alpha-small", messages=user("hello"), seed=7, extra_body={"made_up_field": [1, {"b": None}]})
    _, body = world.last("alpha")
    assert body["made_up_field"] == [1, {"b": None}] and body["seed"] == 7, body


def case_structured_output(world):
    world.scripts("alpha", {"reply": '{"city":"Oslo","degrees":-5}'})
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}}}
    answer = open_client(world).chat.completions.create(
        model="alpha-small", messages=user("weather"),
        response_format={"type": "json_schema", "json_schema": {"name": "w", "schema": schema}})
    assert json.loads(answer.choices[0].message.content) == {"city": "Oslo", "degrees": -5}
    _, body = world.last("alpha")
    assert body["response_format"]["json_schema"]["schema"] == schema


def case_errors_have_the_shape_of_each_client(world):
    try:
        open_client(world).chat.completions.create(model="no-such-model", messages=user("hello"))
        raise AssertionError("no error")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found" and error.param == "model" and "alpha-small" in error.message, error
    try:
        message_client(world).messages.create(model="no-such-model", max_tokens=9, messages=user("hello"))
        raise AssertionError("no error")
    except anthropic.NotFoundError as error:
        assert error.body["type"] == "error" and error.body["error"]["type"] == "not_found_error", error.body
        assert error.body["request_id"].startswith("call_"), error.body
    for client, call in (
        (openai.OpenAI(base_url=world.url() + "/v1", api_key="sk-wrong", max_retries=0),
         lambda c: c.chat.completions.create(model="alpha-small", messages=user("hello"))),
        (anthropic.Anthropic(base_url=world.url(), api_key="sk-wrong", max_retries=0),
         lambda c: c.messages.create(model="alpha-small", max_tokens=9, messages=user("hello"))),
    ):
        try:
            call(client)
            raise AssertionError("no error")
        except (openai.AuthenticationError, anthropic.AuthenticationError):
            pass
    try:
        world.scripts("alpha", {"match": "bad", "status": 400, "error_message": "temperature is too high"})
        open_client(world).chat.completions.create(model="alpha-small", messages=user("bad"))
        raise AssertionError("no error")
    except openai.BadRequestError as error:
        assert "temperature is too high" in error.message
