"""Providers, models, aliases, budgets and keys by their API: who may, what is refused, what is never shown."""
import json

from world import GATEWAY_KEYS, GATEWAY_SECRET, OTHER, PROVIDER_KEY, STEP_KEYS, STEP_SECRET, TENANT, assertions, request


def operator(world, method, path, body=None, **more):
    return world.call(method, path, body, operator=True, **more)


def case_a_provider_and_its_models_live_and_end(world):
    made = operator(world, "PUT", "/api/v1/providers/made", {
        "kind": "compatible", "base_url": world.url("beta") + "/v1", "keys": [{"env": "TEST_API_KEY"}]})
    assert made.status == 201 and made.headers["etag"] == '"1"' and made.json["source"] == "api", made
    model = operator(world, "PUT", "/api/v1/providers/made/models/made-model", {
        "provider_model": "m", "tier": "large", "capabilities": ["tools"], "context_tokens": 1000,
        "price": {"input": 1.25, "output": 10, "cache_read": 0.125, "as_of": "2026-11-01"}})
    assert model.status == 201 and model.json["price"] == {
        "input": 1.25, "output": 10, "cache_read": 0.125, "as_of": "2026-11-01"}, model
    assert world.ask("made-model", "hello").status == 200
    stale = operator(world, "PUT", "/api/v1/providers/made", {
        "kind": "compatible", "base_url": world.url("beta") + "/v1"}, headers={"if-match": '"7"'})
    assert stale.status == 412, stale
    off = operator(world, "PUT", "/api/v1/providers/made", {
        "kind": "compatible", "base_url": world.url("beta") + "/v1", "keys": [{"env": "TEST_API_KEY"}],
        "enabled": False}, headers={"if-match": '"1"'})
    assert off.status == 200 and off.json["version"] == 2, off
    assert world.until(lambda: world.ask("made-model", "hello").status == 404)
    assert operator(world, "DELETE", "/api/v1/providers/made").status == 204
    assert operator(world, "GET", "/api/v1/providers/made/models/made-model").status == 404
    assert operator(world, "DELETE", "/api/v1/providers/made").status == 404


def case_keys_are_references_and_never_shown(world):
    refused = operator(world, "PUT", "/api/v1/providers/leaky", {
        "kind": "compatible", "base_url": "http://127.0.0.1:1/v1", "keys": ["sk-secret-in-the-clear"]})
    assert refused.status in (400, 422) and b"sk-secret" not in refused.body, refused
    for reference in ({"env": "PATH"}, {"env": "CADRE_IDENTITY_GATEWAY_KEYS"}, {"file": "../../etc/passwd"}, {"file": "/etc/passwd"}):
        answer = operator(world, "PUT", "/api/v1/providers/leaky", {
            "kind": "compatible", "base_url": "http://127.0.0.1:1/v1", "keys": [reference]})
        assert answer.status in (400, 422), (reference, answer)
    shown = operator(world, "GET", "/api/v1/providers")
    assert PROVIDER_KEY.encode() not in shown.body and GATEWAY_SECRET.encode() not in shown.body
    missing = operator(world, "PUT", "/api/v1/providers/keyless", {
        "kind": "compatible", "base_url": world.url("beta") + "/v1", "keys": [{"file": "not-there"}]})
    assert missing.status == 201, missing
    operator(world, "PUT", "/api/v1/providers/keyless/models/keyless-model", {"price": {"input": 1, "output": 1}})
    assert operator(world, "GET", "/api/v1/providers/keyless").json["missing_keys"] == 1
    answer = world.ask("keyless-model", "hello")
    assert answer.status == 502 and answer.json["error"]["code"] == "provider_key_missing", answer
    operator(world, "DELETE", "/api/v1/providers/keyless")


def case_only_operators_change_what_all_share(world):
    for method, path, body in (
        ("GET", "/api/v1/providers", None), ("GET", "/api/v1/providers/alpha", None),
        ("PUT", "/api/v1/providers/evil", {"base_url": "http://127.0.0.1:1/v1"}),
        ("DELETE", "/api/v1/providers/alpha", None), ("DELETE", "/api/v1/providers/alpha/health", None),
        ("PUT", "/api/v1/providers/alpha/models/evil", {}),
        ("DELETE", "/api/v1/providers/alpha/models/alpha-small", None),
        ("PUT", "/api/v1/aliases/evil", {"models": ["alpha-small"]}), ("DELETE", "/api/v1/aliases/evil", None),
    ):
        answer = world.call(method, path, body)
        assert answer.status == 403 and answer.json["code"] == "operator_required", (method, path, answer)


def case_nobody_without_an_assertion(world):
    for method, path in (
        ("GET", "/api/v1/providers"), ("GET", "/api/v1/models"), ("GET", "/api/v1/aliases"), ("GET", "/api/v1/budgets"),
        ("GET", "/api/v1/usage"), ("GET", "/api/v1/calls"), ("POST", "/api/v1/budgets"),
        ("POST", "/api/v1/virtual-keys"), ("GET", "/v1/models"), ("POST", "/v1/chat/completions"),
        ("POST", "/v1/messages"), ("POST", "/v1/embeddings"), ("POST", "/v1/responses"),
    ):
        for headers in ({}, {"x-cadre-assertion": "wrong", "x-cadre-tenant": TENANT},
                        {"x-cadre-operator": "1", "x-cadre-tenant": TENANT, "x-cadre-principal": "key:test"},
                        # Made for another service, too old, and signed by somebody else.
                        {"x-cadre-assertion": assertions.caller(GATEWAY_KEYS, TENANT, "orchestrator", True)},
                        {"x-cadre-assertion": assertions.caller(GATEWAY_KEYS, TENANT, "llm-router", True, seconds=-10)},
                        {"x-cadre-assertion": assertions.caller(STEP_KEYS, TENANT, "llm-router", True)}):
            answer = request(method, world.url() + path, {} if method == "POST" else None, headers)
            assert answer.status == 401, (method, path, headers, answer)


def case_tenants_see_nothing_of_each_other(world):
    mine = world.call("POST", "/api/v1/budgets", {"scope": "agent", "subject": "mine", "period": "day", "tokens": 5})
    assert mine.status == 201, mine
    path = f"/api/v1/budgets/{mine.json['id']}"
    assert world.call("GET", path).status == 200
    assert world.call("GET", path, tenant=OTHER).status == 404
    assert world.call("PATCH", path, {"tokens": 500}, OTHER).status == 404
    assert world.call("DELETE", path, tenant=OTHER).status == 404
    assert mine.json["id"] not in json.dumps(world.call("GET", "/api/v1/budgets", tenant=OTHER).json)
    # Another tenant's agent of that name is not held by it.
    assert world.ask("alpha-small", "hello", OTHER, {"x-cadre-agent": "mine"}).status == 200
    refused = world.ask("alpha-small", "hello", TENANT, {"x-cadre-agent": "mine"})
    assert refused.status == 429, refused
    world.ask("alpha-small", "hello", OTHER, {"x-cadre-agent": "only-theirs"})
    assert world.recorded(tenant=OTHER, agent="only-theirs") and not world.ledger(TENANT, agent="only-theirs")
    usage = world.call("GET", "/api/v1/usage?group_by=agent").json["usage"]
    assert "only-theirs" not in [row["agent"] for row in usage]
    key = world.virtual_key(OTHER, agent="by-key")
    assert request("POST", world.url() + "/v1/chat/completions", {
        "model": "alpha-small", "messages": [{"role": "user", "content": "x"}]},
        {"authorization": f"Bearer {key}", "x-cadre-tenant": TENANT}).status == 200
    assert world.recorded(tenant=OTHER, agent="by-key") and not world.ledger(TENANT, agent="by-key")
    assert world.call("DELETE", path).status == 204


def case_virtual_keys_end_and_cannot_be_forged(world):
    def ask(key):
        return request("POST", world.url() + "/v1/chat/completions", {
            "model": "alpha-small", "messages": [{"role": "user", "content": "x"}]}, {"authorization": f"Bearer {key}"})

    made = world.call("POST", "/api/v1/virtual-keys", {"ttl_seconds": 3600})
    key = made.json["key"]
    assert ask(key).status == 200
    payload, mac = key.removeprefix("cadre_vk_").split(".")
    longer = bytes.fromhex(payload).replace(b'"exp":', b'"exp":9').hex()
    for forged in (f"cadre_vk_{longer}.{mac}", f"cadre_vk_{payload}.{'0' * 64}", f"cadre_vk_{payload}", "cadre_vk_",
                   f"cadre_vk_{payload}.{mac}0", f"cadre_vk_{payload}.{mac}.x", "cadre_vk_" + "f" * 20000):
        answer = ask(forged)
        assert answer.status in (401, 431), (forged[:60], answer)
    assert world.call("DELETE", f"/api/v1/virtual-keys/{made.json['id']}", tenant=OTHER).status in (204, 404)
    assert ask(key).status == 200, "another tenant has taken the key back"
    assert world.call("DELETE", f"/api/v1/virtual-keys/{made.json['id']}").status == 204
    answer = world.until(lambda: (lambda a: a if a.status == 401 else None)(ask(key)))
    assert answer and answer.json["error"]["code"] == "revoked_api_key", answer
    short = world.virtual_key(ttl_seconds=1)
    assert world.until(lambda: ask(short).json.get("error", {}).get("code") == "expired_api_key")
    # A key opens the model endpoints and nothing else.
    for path in ("/api/v1/budgets", "/api/v1/usage", "/api/v1/providers"):
        fresh = world.virtual_key()
        assert request("GET", world.url() + path, headers={"authorization": f"Bearer {fresh}"}).status == 401, path


def case_bad_documents_are_refused_and_change_nothing(world):
    before = operator(world, "GET", "/api/v1/providers").body
    for method, path, body in (
        ("PUT", "/api/v1/providers/bad", {"kind": "telepathy", "base_url": "http://x/v1"}),
        ("PUT", "/api/v1/providers/bad", {"base_url": "ftp://x/v1"}), ("PUT", "/api/v1/providers/bad", {"base_url": 7}),
        ("PUT", "/api/v1/providers/bad", b"{broken"), ("PUT", "/api/v1/providers/bad", b"[]"),
        ("PUT", "/api/v1/providers/bad", {"base_url": "http://x/v1", "surprise": 1}),
        ("PUT", "/api/v1/providers/bad", {"base_url": "http://x/v1", "weight": -1}),
        ("PUT", "/api/v1/aliases/bad", {"models": []}), ("PUT", "/api/v1/aliases/bad", {"models": ["nothing"]}),
        ("PUT", "/api/v1/aliases/bad", {"models": ["alpha-small"], "strategy": "dice"}),
        ("PUT", "/api/v1/aliases/alpha-small", {"models": ["beta-medium"]}),
        ("POST", "/api/v1/budgets", {"scope": "galaxy", "period": "day", "tokens": 1}),
        ("POST", "/api/v1/budgets", {"scope": "tenant", "period": "day"}),
        ("POST", "/api/v1/budgets", {"scope": "tenant", "period": "day", "tokens": -1}),
        ("POST", "/api/v1/budgets", {"scope": "tenant", "period": "day", "usd": "much"}),
        ("POST", "/api/v1/budgets", {"scope": "tenant", "subject": "x", "period": "day", "tokens": 1}),
        ("POST", "/api/v1/virtual-keys", {"ttl_seconds": 0}), ("POST", "/api/v1/virtual-keys", {"ttl_seconds": 10 ** 9}),
        ("POST", "/api/v1/virtual-keys", {"models": "all"}),
    ):
        answer = operator(world, method, path, body)
        assert answer.status in (400, 409, 422) and answer.json["detail"], (path, body, answer)
    assert operator(world, "GET", "/api/v1/providers").body == before
    assert world.call("GET", "/api/v1/budgets/budget_00000000000070008000000000000009").status == 404
    assert world.call("GET", "/api/v1/budgets/../../etc").status == 404


def case_a_second_budget_of_the_same_kind_is_a_conflict(world):
    terms = {"scope": "tool", "subject": "once", "period": "day", "tokens": 5}
    made = world.call("POST", "/api/v1/budgets", terms)
    assert made.status == 201, made
    assert world.call("POST", "/api/v1/budgets", terms).status == 409
    assert world.call("DELETE", f"/api/v1/budgets/{made.json['id']}").status == 204


def case_secrets_do_not_reach_logs_or_metrics(world):
    key = world.virtual_key()
    world.scripts("alpha", {"status": 500})
    request("POST", world.url() + "/v1/chat/completions", {
        "model": "alpha-small", "messages": [{"role": "user", "content": "the-private-question"}]},
        {"authorization": f"Bearer {key}"})
    world.call("POST", "/v1/chat/completions", b'{"broken": the-private-question')
    with open(f"{world.folder}/router.log", "rb") as file:
        log = file.read()
    metrics = world.admin("/metrics").body
    for secret in (PROVIDER_KEY, GATEWAY_SECRET, STEP_SECRET, key, "the-private-question", "router-tests"):
        assert secret.encode() not in log and secret.encode() not in metrics, secret
