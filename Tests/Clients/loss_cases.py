"""What Redis loses costs no budget anything, and no revocation is lost."""
import os
import threading

from budget_cases import budget, exceeded, settles, spent, tenant
from world import OTHER


def case_redis_that_goes_back_in_time_oversells_nothing(world):
    own = tenant()
    world.scripts("alpha", {"reply": "word " * 39})
    budget(world, own, "tenant", tokens=2000)
    while spent(world, own) < 500:
        assert world.ask("alpha-small", "hello", own, max_tokens=50).status == 200
    settles(world, own, lambda: spent(world, own))
    assert world.redis("SAVE") == "OK"
    while spent(world, own) < 1600:
        assert world.ask("alpha-small", "hello", own, max_tokens=50).status == 200
    settles(world, own, lambda: spent(world, own))
    # Everything in it, and the name by which a loss is known, is as old as the dump.
    world.kill("redis")
    try:
        world.start_redis()
        key = [k for k in world.redis("KEYS", f"budget:*{own}*").split() if not k.endswith(":wait")][0]
        assert int(world.redis("HGET", key, "v")) < 1000

        def ask():
            answer = world.ask("alpha-small", "hello", own, max_tokens=50)
            return answer if answer.status != 503 else None

        answers = []
        while (answer := world.until(ask)).status == 200:
            answers.append(answer)
            assert len(answers) < 20, spent(world, own)
        exceeded(answer)
        assert 1900 < spent(world, own) <= 2000, spent(world, own)
    finally:
        world.redis("CONFIG", "SET", "save", "")
        os.unlink(f"{world.folder}/dump.rdb")


def case_open_calls_of_other_replicas_are_in_a_counter_that_is_built_anew(world):
    own = tenant()
    budget(world, own, "tenant", tokens=1000)
    # Its call must still be open when the counter is built anew.
    world.start_router("second", CADRE_PROVIDER_TIMEOUT_MS="30000")
    world.scripts("alpha", {"match": "slow", "latency_ms": 6000, "reply": "word " * 10}, {"reply": "word " * 10})
    try:
        slow = threading.Thread(target=lambda: world.ask("alpha-small", "slow", own, router="second", max_tokens=700))
        slow.start()
        assert world.until(lambda: world.usage("alpha")["running"] == 1)
        world.redis("FLUSHALL")
        # 718 are reserved by the other one: what is left bounds this answer.
        answer = world.ask("alpha-small", "hello", own, max_tokens=500)
        assert answer.status == 200 and int(answer.headers["x-cadre-max-tokens"]) < 270, answer.headers
        slow.join()
        settles(world, own, lambda: spent(world, own))
    finally:
        world.kill("second")


def case_a_counter_that_has_lost_something_is_found_by_the_ledger(world):
    own = tenant()
    budget(world, own, "tenant", tokens=300)
    # A process of its own: how soon a counter is compared depends on how many others are in use.
    world.start_router("verifier")
    try:
        def ask():
            return world.ask("alpha-small", "hello", own, router="verifier", max_tokens=20).status

        for _ in range(5):
            assert ask() == 200
        settles(world, own, lambda: spent(world, own))
        key = world.redis("KEYS", f"budget:*{own}*").split()[0]
        world.redis("HSET", key, "v", "0")
        # Counters that were used lately are compared with the ledger every few seconds.
        assert world.until(lambda: world.metric("cadre_budget_losses_total", "verifier") >= 1)
        while ask() == 200:
            pass
        # The other process may have the last calls still to write.
        settles(world, own, lambda: spent(world, own))
        assert 200 < spent(world, own) <= 300, spent(world, own)
    finally:
        world.kill("verifier")


def case_revocations_have_no_end(world):
    own = tenant()

    def use(key):
        return world.call("POST", "/v1/chat/completions", {
            "model": "alpha-small", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]},
            headers={"authorization": f"Bearer {key}", "x-cadre-assertion": "", "x-cadre-tenant": OTHER})

    world.psql("insert into llm_router.revoked_key (id, tenant_id, expires_at) select gen_random_uuid(), "
               f"'{own[7:]}', now() + interval '1 day' from generate_series(1, 12000)")
    made = world.call("POST", "/api/v1/virtual-keys", {}, own).json
    assert use(made["key"]).status == 200
    assert world.call("DELETE", f"/api/v1/virtual-keys/{made['id']}", tenant=own).status == 204
    refused = use(made["key"])
    assert refused.status == 401 and refused.json["error"]["code"] == "revoked_api_key", refused
    # What cannot have been made is not found, and what has expired long ago is not kept.
    for id, status in (("key_" + "f" * 12 + "7" + "0" * 3 + "8" + "0" * 15, 404), ("key_nothing", 404),
                       ("key_000000000001" + "7" + "0" * 3 + "8" + "0" * 15, 204)):
        assert world.call("DELETE", f"/api/v1/virtual-keys/{id}", tenant=own).status == status, id
    assert int(world.psql(f"select count(*) from llm_router.revoked_key where tenant_id = '{own[7:]}'")) == 12001
