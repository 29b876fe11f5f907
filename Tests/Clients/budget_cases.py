"""Budgets hold: under concurrency, after a crash of router or Redis, and for every scope."""
import concurrent.futures
import http.client
import json
import threading
import uuid

from world import OTHER, identity


def tenant():
    """Budgets of one case are no business of another."""
    return "tenant_" + uuid.uuid4().hex[:12] + "7" + uuid.uuid4().hex[:3] + "8" + uuid.uuid4().hex[:15]


def budget(world, own, scope, period="total", **terms):
    made = world.call("POST", "/api/v1/budgets", {"scope": scope, "period": period, **terms}, own)
    assert made.status == 201, made
    return made.json["id"]


def exceeded(answer, status=402):
    assert answer.status == status and answer.json["error"]["code"] == "budget_exceeded", answer
    return answer.headers


def spent(world, own):
    world.call("GET", "/api/v1/usage", tenant=own)  # What waits is written first.
    return int(world.psql(f"select sum(charged_tokens) from llm_router.call where tenant_id = '{own[7:]}'") or 0)


def settles(world, own, expected, unit="tokens"):
    """What a process holds beyond its calls it gives back soon."""
    def value():
        keys = [key for key in world.redis("KEYS", f"budget:*{own}*:{unit}:*").split() if not key.endswith(":wait")]
        return sum(int(world.redis("HGET", key, "v") or 0) for key in keys)

    assert world.until(lambda: value() == expected()), (value(), expected())


def storm(world, own, count, threads, routers=("router",), model="alpha-small", max_tokens=50):
    """`count` calls at once; the statuses."""
    barrier = threading.Barrier(threads)

    def work(number):
        connection = http.client.HTTPConnection("127.0.0.1", world.ports[routers[number % len(routers)]], timeout=120)
        body = json.dumps({"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": "hi"}]})
        headers = {"content-type": "application/json", **identity(own)}
        statuses = []
        barrier.wait()
        for _ in range(count // threads):
            connection.request("POST", "/v1/chat/completions", body, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()
        return statuses

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return [status for list_ in pool.map(work, range(threads)) for status in list_]


def case_a_thousand_concurrent_calls_oversell_nothing(world):
    own = tenant()
    world.scripts("alpha", {"reply": "word " * 39, "latency_ms": 300})
    limit = 1000
    budget(world, own, "tenant", tokens=limit)
    statuses = storm(world, own, 1000, 200)
    assert len(statuses) == 1000 and set(statuses) == {200, 402}, {s: statuses.count(s) for s in set(statuses)}
    used = spent(world, own)
    assert 0 < used <= limit, used
    counted = world.usage("alpha")
    assert used == counted["input_tokens"] + counted["output_tokens"], (used, counted)
    assert counted["calls"] == statuses.count(200)
    # Settled to the token: what is left can still be spent.
    settles(world, own, lambda: used)


def case_two_replicas_oversell_nothing(world):
    own = tenant()
    world.scripts("alpha", {"reply": "word " * 39, "latency_ms": 100})
    budget(world, own, "tenant", usd=0.0008)
    world.start_router("second")
    try:
        statuses = storm(world, own, 400, 100, ("router", "second"))
        assert set(statuses) == {200, 402}, set(statuses)
        calls = [call for call in world.ledger(own) if call["outcome"] == "ok"]
        calls += [c for c in world.call("GET", "/api/v1/calls?limit=500", tenant=own, router="second").json["calls"]
                  if c["outcome"] == "ok" and c["id"] not in {x["id"] for x in calls}]
        used = sum(call["charged_nano_usd"] for call in calls)
        assert 0 < used <= 800_000 and len(calls) == statuses.count(200), (used, len(calls), statuses.count(200))
    finally:
        world.kill("second")


def case_every_scope_has_its_own_budget(world):
    for scope, header in (("project", "x-cadre-project"), ("group", "x-cadre-group"), ("run", "x-cadre-run"),
                          ("agent", "x-cadre-agent"), ("tool", "x-cadre-tool")):
        own = tenant()
        # Without a subject each one has so much.
        budget(world, own, scope, tokens=45)
        first = world.ask("alpha-small", "hello", own, {header: "one"}, max_tokens=20)
        assert first.status == 200, (scope, first)
        headers = exceeded(world.ask("alpha-small", "hello", own, {header: "one"}, max_tokens=20))
        assert headers["x-cadre-budget-scope"] == scope and headers["x-cadre-budget-limit"] == "45", headers
        assert world.ask("alpha-small", "hello", own, {header: "two"}, max_tokens=20).status == 200
        assert world.ask("alpha-small", "hello", own, max_tokens=20).status == 200
    own = tenant()
    budget(world, own, "agent", subject="greedy", tokens=10)
    exceeded(world.ask("alpha-small", "hello", own, {"x-cadre-agent": "greedy"}, max_tokens=20))
    assert world.ask("alpha-small", "hello", own, {"x-cadre-agent": "modest"}, max_tokens=20).status == 200


def case_nested_budgets_all_hold_and_reserve_all_or_nothing(world):
    own = tenant()
    budget(world, own, "tenant", tokens=1000)
    budget(world, own, "run", tokens=45)
    assert world.ask("alpha-small", "hello", own, {"x-cadre-run": "r1"}, max_tokens=20).status == 200
    for _ in range(5):
        exceeded(world.ask("alpha-small", "hello", own, {"x-cadre-run": "r1"}, max_tokens=20))
    # Two counters, and no refused call has left anything in either.
    settles(world, own, lambda: 2 * spent(world, own))


def case_periods_answer_429_with_the_time_of_reset(world):
    for period in ("hour", "day", "month"):
        own = tenant()
        budget(world, own, "tenant", period, tokens=10)
        headers = exceeded(world.ask("alpha-small", "hello", own, max_tokens=20), 429)
        assert headers["x-cadre-budget-reset"].endswith("Z") and headers["x-should-retry"] == "false", headers


def case_money(world):
    own = tenant()
    budget(world, own, "tenant", usd=0.00005)
    assert world.ask("alpha-small", "hello", own, max_tokens=20).status == 200
    headers = exceeded(world.ask("alpha-small", "hello", own, max_tokens=1000))
    assert headers["x-cadre-budget-unit"] == "nano_usd" and int(headers["x-cadre-budget-spent"]) > 0, headers
    refused = world.ask("alpha-unpriced", "hello", own)
    assert refused.status == 402 and refused.json["error"]["code"] == "price_unknown", refused
    call = world.recorded(tenant=own)[-1]
    assert call["nano_usd"] == call["input_tokens"] * 500 + call["output_tokens"] * 1500, call


def case_an_answer_without_bound_is_bounded(world):
    own = tenant()
    budget(world, own, "tenant", tokens=100_000)
    assert world.ask("alpha-unpriced", "hello", own).status == 200
    _, body = world.last("alpha")
    assert body["max_completion_tokens"] == 8192, body


def case_failed_calls_give_everything_back(world):
    own = tenant()
    budget(world, own, "tenant", tokens=100)
    world.scripts("alpha", {"status": 400})
    for _ in range(10):
        assert world.ask("alpha-small", "hello", own, max_tokens=50).status == 400
    world.scripts("alpha")
    assert world.ask("alpha-small", "hello", own, max_tokens=50).status == 200


def case_a_fallback_is_reserved_at_its_own_price(world):
    own = tenant()
    world.call("PUT", "/api/v1/aliases/dear", {"models": ["alpha-small"], "fallbacks": ["gamma-large"]}, operator=True)
    # Enough for the cheap model, not for the dear one that may have to answer: the bound is lowered for both.
    budget(world, own, "tenant", usd=0.001)
    answer = world.ask("dear", "hello", own, max_tokens=500)
    assert answer.status == 200 and 16 <= int(answer.headers["x-cadre-max-tokens"]) < 100, answer.headers
    answer = world.ask("alpha-small", "hello", own, max_tokens=500)
    assert answer.status == 200 and "x-cadre-max-tokens" not in answer.headers, answer.headers
    other = tenant()
    budget(world, other, "tenant", usd=0.0002)
    exceeded(world.ask("dear", "hello", other, max_tokens=500))
    assert world.ask("alpha-small", "hello", other, max_tokens=60).status == 200


def case_counters_are_rebuilt_when_redis_has_lost_them(world):
    own = tenant()
    budget(world, own, "tenant", tokens=75)
    for _ in range(3):
        assert world.ask("alpha-small", "hello", own, max_tokens=20).status == 200
    used = spent(world, own)
    world.redis("FLUSHALL")
    headers = exceeded(world.ask("alpha-small", "hello", own, max_tokens=75 - used + 1))
    assert int(headers["x-cadre-budget-spent"]) == used, (headers, used)
    assert world.metric("cadre_budget_rebuilds_total") > 0


def case_without_redis_a_budget_is_not_overspent_and_others_go_on(world):
    own = tenant()
    budget(world, own, "tenant", tokens=1000)
    assert world.ask("alpha-small", "hello", own, max_tokens=20).status == 200
    world.kill("redis")
    try:
        # What was set aside before may be spent for a moment.
        answer = world.until(lambda: (lambda a: a if a.status != 200 else None)(
            world.ask("alpha-small", "hello", own, max_tokens=20)))
        assert answer.status == 503 and answer.json["error"]["code"] == "budget_store_unavailable", answer
        assert world.ask("alpha-small", "hello", tenant(), max_tokens=20).status == 200
    finally:
        world.start_redis()
    assert world.until(lambda: world.ask("alpha-small", "hello", own, max_tokens=20).status == 200)
    settles(world, own, lambda: spent(world, own))


def case_what_a_process_held_that_has_ended_is_found_again(world):
    own = tenant()
    budget(world, own, "tenant", tokens=1000)
    assert world.ask("alpha-small", "hello", own, max_tokens=20).status == 200
    settles(world, own, lambda: spent(world, own))
    key = world.redis("KEYS", f"budget:*{own}*").split()[0]
    # As if a process had set aside nearly all and had not been heard of since.
    world.redis("HINCRBY", key, "v", "960")
    exceeded(world.ask("alpha-small", "hello", own, max_tokens=50))
    world.redis("HSET", key, "h:gone", "1")
    assert world.ask("alpha-small", "hello", own, max_tokens=50).status == 200
    settles(world, own, lambda: spent(world, own))


def case_a_router_that_ends_gives_back_what_it_holds(world):
    own = tenant()
    budget(world, own, "tenant", tokens=100_000)
    world.start_router("second")
    for _ in range(3):
        assert world.ask("alpha-small", "hello", own, router="second", max_tokens=20).status == 200
    key = world.redis("KEYS", f"budget:*{own}*").split()[0]
    assert int(world.redis("HGET", key, "v")) > spent(world, own)
    world.kill("second", 15)
    assert int(world.redis("HGET", key, "v")) == spent(world, own)
    # Nothing of a process is left, only the amount, where it comes from and what Redis it stands in.
    assert world.redis("HKEYS", key).split() == ["v", "g", "m", "r"], world.redis("HKEYS", key)


def case_a_killed_router_loses_no_call_and_frees_what_it_held(world):
    own = tenant()
    budget(world, own, "tenant", tokens=10_000)
    world.start_router("second")
    world.scripts("alpha", {"match": "slow", "latency_ms": 20_000}, {"reply": "word " * 10})
    for _ in range(5):
        assert world.ask("alpha-small", "hello", own, router="second", max_tokens=20).status == 200

    def slow():
        try:
            world.ask("alpha-small", "slow", own, {"x-cadre-agent": "orphan"}, router="second", max_tokens=700)
        except OSError:
            pass

    threads = [threading.Thread(target=slow) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert world.until(lambda: world.usage("alpha")["running"] == 3)
    world.kill("second")
    for thread in threads:
        thread.join()
    # A new process finds what the old one has left.
    world.start_router("second")
    try:
        calls = world.recorded(8, own)
        assert len(calls) == 8, calls
        orphans = [call for call in calls if call["agent"] == "orphan"]
        assert len(orphans) == 3 and all(call["outcome"] == "interrupted" for call in orphans), orphans
        # Nobody knows what these have used: what was possible in their time is charged, at most what was reserved.
        assert all(18 < call["charged_tokens"] < 730 and call["estimated"] for call in orphans), orphans
        assert all(call["charged_tokens"] <= call["input_tokens"] + call["output_tokens"] for call in orphans), orphans
        assert world.ask("alpha-small", "hello", own, max_tokens=20).status == 200
        settles(world, own, lambda: spent(world, own))
    finally:
        world.kill("second")


def case_budgets_of_a_virtual_key(world):
    own = tenant()
    key = world.virtual_key(own, tokens=60, run="run-7", agent="coder", models=["alpha-small"])
    bearer = {"authorization": f"Bearer {key}", "x-cadre-assertion": "", "x-cadre-tenant": OTHER}

    def ask(model="alpha-small"):
        return world.call("POST", "/v1/chat/completions", {
            "model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}, headers=bearer)

    assert ask().status == 200
    refused = ask("gamma-large")
    assert refused.status == 403 and refused.json["error"]["code"] == "model_not_allowed", refused
    while (answer := ask()).status == 200:
        pass
    assert exceeded(answer)["x-cadre-budget-scope"] == "key"
    calls = [call for call in world.ledger(own) if call["outcome"] == "ok"]
    # The key's tenant, run and agent count, whatever its holder says.
    assert calls and all(c["run"] == "run-7" and c["agent"] == "coder" for c in calls), calls
    assert sum(c["charged_tokens"] for c in calls) <= 60


def case_alerts_are_counted(world):
    own = tenant()
    budget(world, own, "tenant", tokens=100, alert_percent=10)
    # A process of its own: budgets of other cases are looked at by the common one at any time.
    world.start_router("second")
    try:
        def count(name, **labels):
            return world.metric(name, "second", scope="tenant", **labels)

        assert count("cadre_budget_alerts_total") == 0
        assert world.ask("alpha-small", "hello", own, router="second", max_tokens=50).status == 200
        assert world.until(lambda: count("cadre_budget_alerts_total", period="total") == 1)
        assert count("cadre_budget_refusals_total") == 0
        exceeded(world.ask("alpha-small", "hello " * 100, own, router="second", max_tokens=5000))
        assert count("cadre_budget_refusals_total") == 1
    finally:
        world.kill("second")


def case_changes_of_a_budget_count_at_once(world):
    own = tenant()
    made = budget(world, own, "tenant", tokens=10)
    exceeded(world.ask("alpha-small", "hello", own, max_tokens=50))
    changed = world.call("PATCH", f"/api/v1/budgets/{made}", {"tokens": 1000}, own)
    assert changed.status == 200 and changed.json["tokens"] == 1000, changed
    assert world.ask("alpha-small", "hello", own, max_tokens=50).status == 200
    assert world.call("DELETE", f"/api/v1/budgets/{made}", tenant=own).status == 204
    assert world.ask("alpha-small", "hello", own, max_tokens=500).status == 200
