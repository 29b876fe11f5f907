"""What callers see while and after a provider fails: signs of life, rescue, the list of models, a router that starts."""
import http.client
import json

import anthropic
import openai

from scripted import delta
from wild import CHAT, DONE, MESSAGES, PATHS, TEXT, ask, ended, events, put, raw, stream
from world import KEYS, TENANT, free_port, identity


# Towards the caller


def case_signs_of_life_while_nothing_comes(world):
    provider = slow(world)
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
        agent = "told-" + path.rpartition("/")[2]
        answer = stream(world, "r-slow", path, headers={"x-cadre-agent": agent})
        assert answer.status == 200 and b"provider_refused" in answer.body or b"invalid_request_error" in answer.body, answer
        assert world.recorded(agent=agent)[0]["outcome"] == "provider_refused", world.ledger(agent=agent)


def slow(world):
    """A model that may let wait for its first token for longer than the signs of life."""
    provider = raw(world)
    put(world, "providers/rawslow", kind="compatible", base_url=f"http://127.0.0.1:{provider.port}/v1", first_token_ms=5000,
        stall_ms=5000)
    put(world, "providers/rawslow/models/r-slow", price={"input": 1, "output": 1})
    return provider


def case_official_clients_overlook_signs_of_life_and_raise_what_follows(world):
    provider = slow(world)
    own = identity(TENANT)
    chats = openai.OpenAI(base_url=world.url("quick") + "/v1", api_key="x", max_retries=0,
                          default_headers={**own, "Authorization": ""})
    claude = anthropic.Anthropic(base_url=world.url("quick"), api_key="x", max_retries=0,
                                 default_headers={**own, "x-api-key": ""})
    said = [{"role": "user", "content": "hello"}]

    def by_chat():
        parts = chats.chat.completions.create(model="r-slow", stream=True, messages=said)
        return "".join(part.choices[0].delta.content or "" for part in parts)

    def by_responses():
        with chats.responses.stream(model="r-slow", input="hello") as events_:
            for _ in events_:
                pass
            return events_.get_final_response().output_text

    def by_messages():
        with claude.messages.stream(model="r-slow", max_tokens=9, messages=said) as events_:
            return events_.get_final_message().content[0].text

    for way in (by_chat, by_responses, by_messages):
        provider.play({"before": 0.8, "events": [delta(content="a"), ("wait", 0.8), delta(content="b"), delta("stop"), DONE]})
        assert way() == "ab", way
        provider.play({"before": 0.8, "status": 400, "json": {"error": {"message": "Input is too long for requested model."}}})
        try:
            assert way() is None, way
        except (openai.APIError, anthropic.APIError) as error:
            assert "prompt is too long" in str(error), error


def case_a_client_that_leaves_a_stream_without_a_token_ends_the_call(world):
    provider = slow(world)
    provider.play({"before": 4.5, "events": TEXT})
    connection = http.client.HTTPConnection("127.0.0.1", world.ports["quick"], timeout=90)
    connection.request("POST", CHAT, json.dumps({"model": "r-slow", "stream": True, "messages": [
        {"role": "user", "content": "hello there"}]}), {
            "content-type": "application/json", **identity(TENANT),
            "x-cadre-agent": "left-late"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.read(13) == b": keep-alive\n"
    connection.close()
    answer.close()
    call = world.recorded(agent="left-late")[0]
    assert call["outcome"] == "client_gone" and call["input_tokens"] > 0 and call["output_tokens"] == 0, call


def case_streams_are_not_gathered_by_proxies(world):
    provider = raw(world)
    provider.play({"events": [*TEXT[:2], {"id": "c", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}, DONE]})
    for cache in ("miss", "hit"):
        answer = world.until(lambda: (lambda a: a if a.headers["x-cadre-cache"] == cache else None)(
            stream(world, "r-chat", headers={"cache-control": "max-age=60"})))
        assert answer and answer.headers["x-accel-buffering"] == "no", answer


def case_a_client_that_leaves_between_two_attempts_pays_nothing(world):
    provider = raw(world)
    provider.play({"status": 429, "headers": {"retry-after": "4"}, "json": {}})
    try:
        # By then it has been refused, and waits to be asked again.
        ask(world, "r-chat", headers={"x-cadre-agent": "waiter"}, timeout=2)
        raise AssertionError("it did not wait")
    except OSError:
        pass
    call = world.recorded(agent="waiter")[0]
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
    rows = world.recorded(6, agent="rescued")
    assert any("continued after provider_failed at gamma-large" in row["route"] for row in rows), rows
    assert {"ok", "provider_failed"} <= {row["outcome"] for row in rows}, rows
    # Calls of tools cannot be gone on with.
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{"}}
    provider.play({"events": [delta(content="x"), delta(tool_calls=[call])], "end": "cut"})
    assert b"provider_failed" in stream(world, "goes-on").body


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
    own = world.call("GET", "/v1/models", headers={**key, "x-cadre-assertion": ""}, router="quick").json["data"]
    assert [model["id"] for model in own] == ["r-chat"], own
    missing = world.call("GET", "/v1/models/nope", headers={**key, "x-cadre-assertion": ""}, router="quick")
    assert missing.status == 404 and "gamma" not in missing.json["error"]["message"], missing


# Starting


def case_a_router_that_starts_says_that_it_may_be_asked_again(world):
    raw(world)
    name = "starting"
    world.ports[name] = free_port()
    world._start(name, [f"{world.bin}/llm-router"], {
        **world.listeners(name), **KEYS, "CADRE_CONFIG": world.config,
        "CADRE_POSTGRES_URL": f"host={world.folder}/nowhere user=router dbname=postgres",
        "CADRE_REDIS_URL": f"unix:{world.redis_socket}"})
    try:
        def refused():
            try:
                return ask(world, "beta-medium", router=name)
            except OSError:
                return None
        answer = world.until(refused)
        assert answer.status == 503 and answer.headers["x-should-retry"] == "true", answer
        assert int(answer.headers["retry-after"]) >= 1, answer.headers
    finally:
        world.kill(name)
