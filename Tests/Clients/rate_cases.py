"""Rate limits: requests, tokens and calls at once, of tenants and of models, with a queue."""
import concurrent.futures
import contextlib
import json
import random
import socket
import time

from budget_cases import tenant
from fault_cases import raw
from world import OTHER, TENANT, assertion


def limit(world, own, scope, operator=False, **terms):
    made = world.call("POST", "/api/v1/rate-limits", {"scope": scope, **terms}, own, operator=operator)
    assert made.status == 201, made
    return made.json["id"]


def remove(world, own, id_):
    assert world.call("DELETE", f"/api/v1/rate-limits/{id_}", tenant=own, operator=True).status == 204


def burst(world, own, count, model="alpha-small", headers=None, **more):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda n: world.ask(model, "hi", own, headers, **more), range(count)))


@contextlib.contextmanager
def patient(world):
    """A router at which calls may wait for as long as they must; the count of those that have waited."""
    world.start_router("patient", CADRE_RATE_QUEUE_TIME_MS="60000")
    try:
        yield lambda: world.metric("cadre_rate_limited_total", "patient", scope="tenant", result="delayed")
    finally:
        world.kill("patient")


def case_requests_per_minute(world):
    own = tenant()
    limit(world, own, "tenant", requests_per_minute=12)
    # The bucket holds twelve; one drops into it each five seconds.
    with patient(world) as delayed:
        answers = burst(world, own, 13, router="patient")
        assert [a.status for a in answers] == [200] * 13 and delayed() == 1, (answers, delayed())
    # Elsewhere a call waits for three seconds at most.
    refused = [a for a in burst(world, own, 10) if a.status != 200]
    assert len(refused) >= 5 and all(a.status == 429 for a in refused), [a.status for a in refused]
    assert refused[0].json["error"]["code"] == "rate_limited" and int(refused[0].headers["retry-after"]) >= 1
    assert refused[0].headers["x-cadre-rate-limit-scope"] == "tenant" and "12 requests" in str(refused[0])
    assert world.ask("alpha-small", "hi", OTHER).status == 200


def case_tokens_per_minute_are_settled_by_what_was_used(world):
    own = tenant()
    limit(world, own, "tenant", tokens_per_minute=1000)
    with patient(world) as delayed:
        # Each sets aside more than three hundred and uses some fifteen.
        for _ in range(12):
            assert world.ask("alpha-small", "hi", own, router="patient", max_tokens=300).status == 200
        assert delayed() == 0
        # Five seconds' worth is missing.
        assert world.ask("alpha-small", "hi", own, router="patient", max_tokens=890).status == 200
        assert delayed() == 1, delayed()


def case_calls_at_once(world):
    own = tenant()
    world.scripts("alpha", {"latency_ms": 200})
    limit(world, own, "agent", concurrency=3)
    seen = []

    def watch():
        while not done:
            seen.append(world.usage("alpha")["running"])
            time.sleep(0.01)

    done = False
    with concurrent.futures.ThreadPoolExecutor(1) as pool, patient(world):
        watcher = pool.submit(watch)
        answers = burst(world, own, 12, headers={"x-cadre-agent": "one"}, router="patient")
        done = True
        watcher.result()
    assert all(a.status == 200 for a in answers), [a.status for a in answers]
    assert 1 <= max(seen) <= 3, max(seen)


def case_a_model_that_is_full_is_left_for_the_next(world):
    id_ = limit(world, TENANT, "model", operator=True, subject="alpha-small", requests_per_minute=2)
    try:
        world.call("PUT", "/api/v1/aliases/roomy", {
            "models": ["alpha-small"], "fallbacks": ["beta-medium"]}, operator=True)
        models = [world.ask("roomy", "hi").headers["x-cadre-model"] for _ in range(5)]
        assert models == ["alpha-small"] * 2 + ["beta-medium"] * 3, models
        # All tenants share what a provider allows.
        answer = world.ask("alpha-small", "hi", OTHER)
        assert answer.status == 429 and int(answer.headers["retry-after"]) > 3, answer
    finally:
        remove(world, TENANT, id_)


def case_failed_and_left_calls_free_their_place(world):
    own = tenant()
    limit(world, own, "tenant", concurrency=1)
    world.scripts("alpha", {"status": 400, "times": 3}, {"fault": "cut", "times": 2}, {"reply": "x"})
    for _ in range(5):
        world.ask("alpha-small", "hi", own)
    world.scripts("alpha", {"latency_ms": 20_000, "times": 1}, {"reply": "x"})
    left = raw(world, {"model": "alpha-small", "messages": [{"role": "user", "content": "hi"}]}, tenant=own)
    assert world.until(lambda: world.usage("alpha")["running"] == 1)
    left.close()
    assert world.until(lambda: world.ask("alpha-small", "hi", own).status == 200)
    assert world.recorded(7, own)[-1] and "client_gone" in [row["outcome"] for row in world.ledger(own)]


def case_limits_belong_to_their_tenant(world):
    own, other = tenant(), tenant()
    id_ = limit(world, own, "tenant", requests_per_minute=5)
    path = f"/api/v1/rate-limits/{id_}"
    assert world.call("GET", path, tenant=own).json["requests_per_minute"] == 5
    assert world.call("GET", path, tenant=other).status == 404
    assert world.call("GET", path, tenant=other, operator=True).status == 404
    assert world.call("DELETE", path, tenant=other, operator=True).status == 404
    assert world.call("GET", "/api/v1/rate-limits", tenant=other).json["rate_limits"] == []
    assert world.call("POST", "/api/v1/rate-limits", {"scope": "tenant", "concurrency": 1}, own).status == 409
    assert world.call("POST", "/api/v1/rate-limits", {"scope": "model", "concurrency": 1}, own).status == 403
    for terms in ({"scope": "galaxy", "concurrency": 1}, {"scope": "tenant"}, {"scope": "run", "concurrency": 0},
                  {"scope": "run", "requests_per_minute": "many"}, {"scope": "run", "concurrency": 1, "more": 1}):
        assert world.call("POST", "/api/v1/rate-limits", terms, own).status in (400, 422), terms
    assert world.call("DELETE", path, tenant=own).status == 204


def case_without_redis_a_limited_call_is_refused(world):
    own = tenant()
    limit(world, own, "tenant", requests_per_minute=100)
    world.kill("redis")
    try:
        answer = world.ask("alpha-small", "hi", own)
        assert answer.status == 503 and answer.json["error"]["code"] == "rate_limit_store_unavailable", answer
    finally:
        world.start_redis()
    assert world.until(lambda: world.ask("alpha-small", "hi", own).status == 200)


def case_clients_that_leave_at_any_moment_hold_nothing(world):
    own = tenant()
    limit(world, own, "tenant", concurrency=2)
    made = world.call("POST", "/api/v1/budgets", {"scope": "run", "period": "total", "tokens": 1000}, own)
    assert made.status == 201, made
    body = json.dumps({"model": "alpha-small", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}).encode()
    random.seed(3)
    # A process of its own: counters of other cases are rebuilt by the common one at any time.
    world.start_router("second")
    for number in range(400):
        connection = socket.create_connection(("127.0.0.1", world.ports["second"]))
        connection.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-cadre-assertion: "
            f"{assertion(own, run=f'r{number}')}\r\n\r\n".encode() + body)
        time.sleep(random.random() * 0.0015)
        connection.close()
    # Nobody is inside any more, and no counter was thrown away: each run's was built once at most.
    assert world.until(lambda: world.redis("KEYS", f"rate:*{own}*:calls") == ""), [
        world.redis("ZRANGE", key, "0", "-1") for key in world.redis("KEYS", f"rate:*{own}*:calls").split()]
    assert world.until(lambda: world.redis("KEYS", f"budget:*{own}*:wait") == ""), world.redis("KEYS", f"budget:*{own}*:wait")
    assert world.metric("cadre_budget_rebuilds_total", "second") <= 400
    assert all(a.status == 200 for a in burst(world, own, 2))
    world.kill("second")
