"""Deny-lists, limits of answers, hidden words, probes of health and the price table."""
import json


def second(world, **settings):
    """A router with settings of its own."""
    with open(world.config) as file:
        config = json.load(file)
    path = f"{world.folder}/second.yaml"
    with open(path, "w") as file:
        json.dump({**config, **settings}, file)
    world.start_router("second", CADRE_CONFIG=path)


def case_denied_texts_and_models(world):
    second(world, guard={"denied_texts": ["Project Zebra"], "denied_models": ["gamma-large"]})
    try:
        for text in ("tell me of project ZEBRA", "x" * 10000 + "Project Zebra"):
            answer = world.ask("alpha-small", text, router="second")
            assert answer.status == 400 and answer.json["error"]["code"] == "content_denied", answer
            assert "ebra" not in answer.json["error"]["message"].lower()
        hidden = world.call("POST", "/v1/messages", {"model": "alpha-small", "max_tokens": 5, "messages": [
            {"role": "user", "content": [{"type": "text", "text": "project zebra"}]}]}, router="second")
        assert hidden.status == 400, hidden
        assert world.usage("alpha")["calls"] == 0
        assert world.ask("alpha-small", "project zeb", router="second").status == 200
        assert world.ask("gamma-large", "hi", router="second").status == 403
        assert world.ask("tier:large", "hi", router="second").headers.get("x-cadre-model") != "gamma-large"
        assert world.usage("gamma")["calls"] == 0
    finally:
        world.kill("second")


def case_answers_are_bounded(world):
    second(world, answer={"max_bytes": 2000})
    try:
        world.scripts("alpha", {"reply": "word " * 1000, "piece_delay_ms": 1})
        answer = world.ask("alpha-small", "hi", router="second")
        assert answer.status == 502, answer
        answer = world.ask("alpha-small", "hi", router="second", stream=True)
        assert answer.status == 200 and b"larger than 2000 bytes" in answer.body, answer.body[-300:]
        assert world.until(lambda: world.usage("alpha")["cancelled"] >= 1)
    finally:
        world.kill("second")


def case_words_of_providers_are_redacted(world):
    second(world, guard={"redacted_patterns": ["[A-Za-z]+@[a-z.]+", "acct-[0-9]+", "middle"]})
    try:
        world.scripts("alpha", {"status": 400, "error_message": "no for ann@example.com of acct-42, bob@example.org"})
        message = world.ask("alpha-small", "hi", router="second").json["error"]["message"]
        assert "[redacted] of [redacted], [redacted]" in message and "example" not in message, message
        # In the middle of a stream too.
        world.scripts("gamma", {"fault": "error_event", "reply": "word " * 40})
        answer = world.ask("gamma-large", "hi", router="second", stream=True)
        assert b"[redacted]" in answer.body and b"middle" not in answer.body, answer.body[-300:]
    finally:
        world.kill("second")


def case_a_bad_setting_stops_the_start(world):
    for settings, word in (({"guard": {"redacted_patterns": ["("]}}, "expression"),
                           ({"prices": {"file": "/does/not/exist"}}, "prices.file")):
        try:
            second(world, **settings)
            raise AssertionError("it started")
        except RuntimeError as error:
            assert word in str(error), error
        finally:
            world.processes.pop("second", None)


def case_a_provider_that_is_away_is_passed_over_before_a_call(world):
    world.start_router("second", CADRE_HEALTH_PROBE_INTERVAL_MS="50")
    url = "/api/v1/providers/alpha"
    try:
        def up():
            return world.call("GET", url, operator=True, router="second").json.get("probe", {}).get("up")

        assert world.until(lambda: up() is True)
        world.kill("alpha")
        assert world.until(lambda: up() is False)
        assert world.until(lambda: world.metric("cadre_provider_up", "second", provider="alpha") == 0)
        assert world.until(lambda: world.ask("shared", "hi", router="second").headers["x-cadre-attempts"] == "1")
        world.start_mock("alpha")
        assert world.until(lambda: up() is True)
        assert world.until(lambda: world.ask("alpha-small", "hi", router="second").status == 200)
    finally:
        if "alpha" not in world.processes:
            world.start_mock("alpha")
        world.kill("second")


def case_published_prices_stand_in_for_declared_ones(world):
    made = world.call("PUT", "/api/v1/providers/listed", {
        "kind": "openai", "base_url": world.url("alpha") + "/v1", "keys": [{"env": "TEST_API_KEY"}]}, operator=True)
    assert made.status in (200, 201), made
    path = "/api/v1/providers/listed/models/"
    shown = world.call("PUT", path + "gpt-4o-2024-11-20", {}, operator=True).json
    assert shown["price_source"] == "table" and shown["price_known"], shown
    assert shown["price"]["input"] == 2.5 and shown["price"]["as_of"] >= "2026-11-01", shown
    assert shown["context_tokens"] == 128000 and "tools" in shown["capabilities"], shown
    own = world.call("PUT", path + "gpt-4o", {"price": {"input": 1, "output": 1}}, operator=True).json
    assert own["price_source"] == "declared" and own["price"]["input"] == 1, own
    strange = world.call("PUT", path + "never-heard-of", {}, operator=True).json
    assert strange["price_source"] == "unknown" and not strange["price_known"] and "price" not in strange, strange
    assert world.ask("gpt-4o-2024-11-20", "hi", headers={"x-cadre-agent": "listed"}).status == 200
    call = world.recorded(agent="listed")[0]
    assert call["nano_usd"] == call["input_tokens"] * 2500 + call["output_tokens"] * 10000, call
    assert world.call("DELETE", "/api/v1/providers/listed", operator=True).status == 204
