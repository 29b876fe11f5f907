"""Which model answers, and why."""


def put_alias(world, name, **rule):
    made = world.call("PUT", f"/api/v1/aliases/{name}", rule, operator=True)
    assert made.status in (200, 201), made


def put_model(world, provider, name, **fields):
    made = world.call("PUT", f"/api/v1/providers/{provider}/models/{name}", fields, operator=True)
    assert made.status in (200, 201), made


def asked(world, answer):
    assert answer.status == 200, answer
    return answer.headers["x-cadre-model"], answer.headers["x-cadre-provider"]


def case_no_name_takes_the_standard_model(world):
    assert asked(world, world.ask("", "hello")) == ("alpha-small", "alpha")
    assert asked(world, world.ask("default", "hello")) == ("alpha-small", "alpha")


def case_tiers(world):
    assert asked(world, world.ask("tier:small", "hello"))[0] == "alpha-small"
    assert asked(world, world.ask("tier:medium", "hello"))[0] == "beta-medium"
    assert asked(world, world.ask("tier:large", "hello"))[0] == "gamma-large"
    refused = world.ask("tier:enormous", "hello")
    assert refused.status == 400 and refused.json["error"]["code"] == "unknown_tier", refused


def case_auto_follows_complexity_and_size(world):
    assert asked(world, world.ask("auto", "hello"))[0] == "alpha-small"
    hard = world.ask("auto", "hello", headers={"x-cadre-complexity": "high"})
    assert asked(world, hard)[0] == "gamma-large"
    assert hard.headers["x-cadre-route"].startswith("auto, complexity high"), hard.headers
    long = world.ask("auto", "word " * 30000)
    assert asked(world, long)[0] == "gamma-large"


def case_a_tier_without_room_is_left_upwards(world):
    answer = world.ask("tier:small", "word " * 10000)
    assert asked(world, answer)[0] == "beta-medium", answer.headers
    assert "no fitting model in small" in answer.headers["x-cadre-route"]


def case_decision_stands_in_headers_trace_and_ledger(world):
    answer = world.ask("tier:medium", "hello", headers={"x-cadre-agent": "decider"})
    call = world.recorded(agent="decider")[0]
    assert call["id"] == answer.headers["x-cadre-call"]
    assert call["model_asked"] == "tier:medium" and call["model"] == "beta-medium" and call["provider"] == "beta"
    assert call["route"] == answer.headers["x-cadre-route"] == "tier, medium", call
    assert call["attempts"] == 1 and answer.headers["x-cadre-attempts"] == "1"


def case_fallback_to_the_next_provider_of_a_model(world):
    world.scripts("alpha", {"status": 500})
    world.scripts("beta", {"reply": "from beta"})
    answer = world.ask("shared", "hello")
    assert asked(world, answer) == ("shared", "beta") and answer.headers["x-cadre-attempts"] == "2", answer.headers
    assert answer.json["choices"][0]["message"]["content"] == "from beta"


def case_fallback_chain_of_an_alias(world):
    put_alias(world, "chain", models=["alpha-small"], fallbacks=["beta-medium", "gamma-large"])
    world.scripts("alpha", {"status": 503})
    world.scripts("beta", {"fault": "garbage"})
    world.scripts("gamma", {"reply": "rescued"})
    answer = world.ask("chain", "hello")
    # The first one is asked twice, because what it said may pass.
    assert asked(world, answer) == ("gamma-large", "gamma") and answer.headers["x-cadre-attempts"] == "4"
    assert world.usage("alpha")["refused"] == 2 and world.usage("beta")["calls"] == 1


def case_a_prompt_that_is_too_long_goes_to_the_long_model(world):
    put_alias(world, "long", models=["alpha-small"], context_fallbacks=["gamma-large"])
    # The router knows the limit itself.
    assert asked(world, world.ask("long", "word " * 10000))[0] == "gamma-large"
    # The provider says it.
    world.scripts("alpha", {"status": 400, "error_code": "context_length_exceeded"})
    assert asked(world, world.ask("long", "hello"))[0] == "gamma-large"
    refused = world.ask("alpha-small", "word " * 10000)
    assert refused.status == 400 and refused.json["error"]["code"] == "context_length_exceeded", refused


def case_what_a_content_filter_refuses_goes_to_its_fallback(world):
    put_alias(world, "filtered", models=["alpha-small"], content_fallbacks=["gamma-large"])
    world.scripts("alpha", {"status": 400, "error_code": "content_filter", "error_message": "no"})
    assert asked(world, world.ask("filtered", "hello"))[0] == "gamma-large"
    assert world.ask("alpha-small", "hello").json["error"]["code"] == "content_filter"


def case_weights_share_the_calls(world):
    put_alias(world, "lottery", models=["alpha-small", "beta-medium"], strategy="weighted")
    seen = {asked(world, world.ask("lottery", "hello"))[0] for _ in range(30)}
    assert seen == {"alpha-small", "beta-medium"}, seen


def case_cheapest_and_fastest(world):
    put_alias(world, "cheap", models=["gamma-large", "beta-medium", "alpha-small"], strategy="cheapest")
    assert asked(world, world.ask("cheap", "hello"))[0] == "alpha-small"
    put_alias(world, "fast", models=["alpha-small", "beta-medium"], strategy="fastest")
    world.scripts("alpha", {"latency_ms": 500})
    for _ in range(6):
        world.ask("alpha-small", "hello")
        world.ask("beta-medium", "hello")
    assert asked(world, world.ask("fast", "hello"))[0] == "beta-medium"


def case_429_with_retry_after_is_waited_for(world):
    world.scripts("gamma", {"status": 429, "times": 1, "retry_after_seconds": 1}, {"reply": "now"})
    answer = world.ask("gamma-large", "hello")
    assert answer.status == 200 and answer.headers["x-cadre-attempts"] == "2", answer


def case_429_beyond_the_deadline_is_told_with_its_time(world):
    world.scripts("gamma", {"status": 429, "retry_after_seconds": 3000})
    answer = world.ask("gamma-large", "hello")
    assert answer.status == 429 and answer.headers["retry-after"] == "3000", answer
    assert world.usage("gamma")["calls"] == 1


def case_a_storm_of_429_opens_the_breaker(world):
    world.scripts("gamma", {"status": 429, "retry_after_seconds": 3000})
    put_alias(world, "storm", models=["gamma-large"], fallbacks=["beta-medium"])
    for _ in range(20):
        assert asked(world, world.ask("storm", "hello"))[0] == "beta-medium"
    # Once it has said how long to stay away it is not asked again.
    assert world.usage("gamma")["calls"] == 1, world.usage("gamma")
    shown = world.call("GET", "/api/v1/providers/gamma", operator=True).json
    assert shown["unhealthy"][0]["breaker"] == "open", shown


def case_breaker_opens_and_one_probe_closes_it(world):
    world.scripts("beta", {"status": 500, "times": 5}, {"reply": "well again"})
    put_alias(world, "probe", models=["beta-medium"], fallbacks=["alpha-small"])


    def is_open():
        shown = world.call("GET", "/api/v1/providers/beta", operator=True).json
        return any(model["breaker"] == "open" for model in shown["unhealthy"])

    # It is asked at most twice for each call.
    for _ in range(6):
        if not is_open():
            asked(world, world.ask("probe", "hello"))
    assert world.usage("beta")["calls"] == 5, world.usage("beta")
    assert world.until(lambda: asked(world, world.ask("probe", "hello"))[0] == "beta-medium")
    assert world.usage("beta")["refused"] == 5


def case_a_second_key_takes_over(world):
    with open(f"{world.folder}/keys/bad", "w") as file:
        file.write("a-key-that-is-not-accepted")
    made = world.call("PUT", "/api/v1/providers/twokeys", {
        "kind": "compatible", "base_url": world.url("beta") + "/v1", "keys": [{"file": "bad"}, {"env": "TEST_API_KEY"}],
    }, operator=True)
    assert made.status in (200, 201), made
    put_model(world, "twokeys", "two-keys", price={"input": 1, "output": 1})
    for _ in range(6):
        assert asked(world, world.ask("two-keys", "hello")) == ("two-keys", "twokeys")
    # The bad key is left alone for a while.
    assert world.usage("beta")["refused"] == 1, world.usage("beta")


def case_capabilities_are_respected(world):
    put_model(world, "twokeys", "no-tools", capabilities=[], price={"input": 1, "output": 1}, provider_model="x")
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    refused = world.ask("no-tools", "hello", tools=tools)
    assert refused.status == 400 and refused.json["error"]["code"] == "capability_missing", refused
    assert "tools" in refused.json["error"]["message"]
    put_alias(world, "able", models=["no-tools"], fallbacks=["beta-medium"])
    assert asked(world, world.ask("able", "hello", tools=tools))[0] == "beta-medium"
    assert asked(world, world.ask("able", "hello"))[0] == "no-tools"


def case_changes_are_taken_over_without_a_restart_by_all_replicas(world):
    world.start_router("second")
    try:
        put_model(world, "twokeys", "hot", provider_model="one", price={"input": 1, "output": 1})
        assert world.until(lambda: world.ask("hot", "hello", router="second").status == 200)
        removed = world.call("DELETE", "/api/v1/providers/twokeys/models/hot", operator=True)
        assert removed.status == 204, removed
        assert world.until(lambda: world.ask("hot", "hello", router="second").status == 404)
        assert world.ask("hot", "hello").status == 404
    finally:
        world.kill("second")
