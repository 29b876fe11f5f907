"""Refusals of providers in any words, and what models can and cannot do."""
from scripted import delta, message, said
from wild import MESSAGES, RESPONSES, PATHS, DONE, ask, events, put, raw, stream


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
