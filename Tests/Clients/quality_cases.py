"""Answers that have to pass a check, and second providers asked at the same time."""
import http.client
import json

from budget_cases import budget, settles, tenant
from fault_cases import raw
from world import TENANT, identity


def alias(world, name, **rule):
    made = world.call("PUT", f"/api/v1/aliases/{name}", rule, operator=True)
    assert made.status in (200, 201), made
    return made.json


def case_a_bad_answer_is_escalated_and_paid(world):
    own = tenant()
    schema = {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}
    alias(world, "checked", models=["alpha-small"], escalation=["beta-medium", "gamma-large"],
          check={"json_schema": schema})
    world.scripts("alpha", {"reply": "I do not know."})
    world.scripts("beta", {"reply": '{"city": 7}'})
    world.scripts("gamma", {"reply": '{"city": "Oslo"}'})
    budget(world, own, "tenant", usd=1)
    answer = world.ask("checked", "hello", own)
    assert answer.status == 200 and answer.headers["x-cadre-model"] == "gamma-large", answer
    assert "escalated to gamma-large because the answer breaks the schema: /city must be a string" in (
        answer.headers["x-cadre-route"]), answer.headers
    rows = world.recorded(3, own)
    outcomes = {row["model"]: row["outcome"] for row in rows}
    assert outcomes == {"alpha-small": "check_failed", "beta-medium": "check_failed", "gamma-large": "ok"}, rows
    # What was paid for and not used counts too.
    settles(world, own, lambda: sum(row["charged_nano_usd"] for row in rows), "nano_usd")
    assert all(row["charged_nano_usd"] > 0 for row in rows), rows


def case_a_good_answer_is_not_escalated(world):
    alias(world, "checked", models=["alpha-small"], escalation=["gamma-large"], check={"pattern": "^[0-9]+$"})
    world.scripts("alpha", {"reply": "42"})
    answer = world.ask("checked", "hello")
    assert answer.headers["x-cadre-model"] == "alpha-small" and answer.headers["x-cadre-attempts"] == "1", answer.headers


def case_an_answer_cannot_write_headers(world):
    alias(world, "closed", models=["alpha-small"], escalation=["gamma-large"], check={
        "json_schema": {"properties": {}, "additionalProperties": False}})
    world.scripts("alpha", {"reply": json.dumps({"a\r\nset-cookie: x=1\r\n\"(),\\": 1})})
    world.scripts("gamma", {"reply": "{}"})
    own = tenant()
    answer = world.ask("closed", "hello", own, headers={"x-cadre-agent": 'quo"te,(d)\\'})
    assert answer.status == 200 and "set-cookie" not in answer.headers, answer.headers
    rows = world.recorded(2, own)
    assert {row["outcome"] for row in rows} == {"check_failed", "ok"}, rows
    assert all(row["agent"] == 'quo"te,(d)\\' for row in rows), rows


def case_when_no_answer_passes_that_is_told(world):
    alias(world, "strict", models=["alpha-small"], escalation=["beta-medium"], check={"non_empty": True})
    for name in ("alpha", "beta"):
        world.scripts(name, {"reply": " "})
    answer = world.ask("strict", "hello")
    assert answer.status == 502 and answer.json["error"]["code"] == "answer_check_failed", answer
    assert "the answer is empty" in answer.json["error"]["message"]


def case_streams_and_both_dialects_are_checked(world):
    alias(world, "checked", models=["alpha-small"], escalation=["gamma-large"], check={"json": True})
    world.scripts("alpha", {"reply": "no " * 40})
    world.scripts("gamma", {"reply": json.dumps({"words": ["yes"] * 40})})
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
        connection = http.client.HTTPConnection("127.0.0.1", world.ports["router"], timeout=90)
        connection.request("POST", path, json.dumps({
            "model": "checked", "stream": True, "max_tokens": 500, "input": "hello",
            "messages": [{"role": "user", "content": "hello"}]}), {
                "content-type": "application/json", **identity(TENANT)})
        answer = connection.getresponse()
        data = answer.read()
        assert answer.status == 200 and answer.getheader("x-cadre-model") == "gamma-large", (path, data[:300])
        assert b"yes" in data and b"no no" not in data, (path, data[:300])


def case_calls_of_tools_pass(world):
    alias(world, "checked", models=["alpha-small"], escalation=["gamma-large"], check={"json": True})
    world.scripts("alpha", {"tool_calls": [{"name": "f", "arguments": "{}"}]})
    answer = world.ask("checked", "hello", tools=[{"type": "function", "function": {"name": "f"}}])
    assert answer.headers["x-cadre-model"] == "alpha-small", answer


def case_a_tier_is_left_upwards_when_the_caller_asks_for_it(world):
    world.scripts("alpha", {"reply": "not json"})
    world.scripts("beta", {"reply": "{}"})
    answer = world.ask("tier:small", "hello", headers={"x-cadre-check": "json"})
    assert answer.headers["x-cadre-model"] == "beta-medium", answer
    assert world.ask("tier:small", "hello").headers["x-cadre-model"] == "alpha-small"


def case_bad_checks_are_refused(world):
    for rule in ({"models": ["alpha-small"], "check": {"pattern": "("}}, {"models": ["alpha-small"], "check": {}},
                 {"models": ["alpha-small"], "escalation": ["gamma-large"]},
                 {"models": ["alpha-small"], "check": {"json": True}, "escalation": ["nothing"]},
                 {"models": ["alpha-small"], "hedge_after_ms": 0}):
        answer = world.call("PUT", "/api/v1/aliases/bad", rule, operator=True)
        assert answer.status in (400, 422), (rule, answer)


def case_a_slow_provider_is_overtaken(world):
    own = tenant()
    alias(world, "hedged", models=["alpha-small"], fallbacks=["beta-medium"], hedge_after_ms=150)
    world.scripts("alpha", {"latency_ms": 5000})
    world.scripts("beta", {"reply": "from beta"})
    budget(world, own, "tenant", usd=1)
    answer = world.ask("hedged", "hello", own)
    assert answer.status == 200 and answer.headers["x-cadre-model"] == "beta-medium", answer
    assert answer.headers["x-cadre-attempts"] == "2"
    assert world.until(lambda: world.usage("alpha")["cancelled"] == 1), world.usage("alpha")
    rows = world.recorded(2, own)
    outcomes = {row["model"]: row["outcome"] for row in rows}
    assert outcomes == {"alpha-small": "hedge_lost", "beta-medium": "ok"}, rows
    settles(world, own, lambda: sum(row["charged_nano_usd"] for row in rows), "nano_usd")
    assert world.metric("cadre_model_hedges_total") >= 1


def case_a_fast_provider_is_asked_alone(world):
    alias(world, "hedged", models=["alpha-small"], fallbacks=["beta-medium"], hedge_after_ms=120_000)
    for _ in range(5):
        assert world.ask("hedged", "hello").headers["x-cadre-model"] == "alpha-small"
    assert world.usage("beta")["calls"] == 0
    world.scripts("alpha", {"status": 500})
    # A failure is no slowness: the fallback follows at once, not when a slow one would be overtaken.
    assert world.ask("hedged", "hello", timeout=60).headers["x-cadre-model"] == "beta-medium"


def case_a_client_that_leaves_ends_both(world):
    own = tenant()
    alias(world, "hedged", models=["alpha-small"], fallbacks=["beta-medium"], hedge_after_ms=50)
    for name in ("alpha", "beta"):
        world.scripts(name, {"latency_ms": 20_000})
    left = raw(world, {"model": "hedged", "messages": [{"role": "user", "content": "hello"}]}, tenant=own)
    assert world.until(lambda: all(world.usage(name)["running"] == 1 for name in ("alpha", "beta")))
    left.close()
    assert "client_gone" in [row["outcome"] for row in world.recorded(tenant=own)], world.ledger(own)
    assert world.until(lambda: world.usage("alpha")["cancelled"] == 1 and world.usage("beta")["cancelled"] == 1), (
        world.usage("alpha"), world.usage("beta"))
