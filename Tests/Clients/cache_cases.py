"""The prompt cache: exact, of one tenant, shared in flight, and never in the way."""
import concurrent.futures
import http.client
import json
import uuid

from budget_cases import tenant
from world import OTHER, TENANT, identity


def fresh():
    return f"question {uuid.uuid4()}"


def ask(world, text, tenant=TENANT, control=None, agent=None, **more):
    headers = {"cache-control": control} if control else {}
    if agent:
        headers["x-cadre-agent"] = agent
    return world.ask("alpha-small", text, tenant, headers, **({"temperature": 0} | more))


def state(answer):
    assert answer.status == 200, answer
    return answer.headers["x-cadre-cache"]


def stream(world, text, tenant=TENANT, model="alpha-small"):
    connection = http.client.HTTPConnection("127.0.0.1", world.ports["router"], timeout=90)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": model, "stream": True, "temperature": 0, "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": text}]}), {
            "content-type": "application/json", **identity(tenant)})
    answer = connection.getresponse()
    return answer.status, answer.getheader("x-cadre-cache"), answer.read()


def calls(world):
    return world.usage("alpha")["calls"]


def case_the_same_question_is_answered_from_the_cache(world):
    text = fresh()
    first = ask(world, text)
    assert state(first) == "miss"
    settled(world, text)
    before = calls(world)
    second = ask(world, text, agent=text[-36:])
    assert state(second) == "hit" and calls(world) == before, second
    assert second.body == first.body and second.headers["x-cadre-cost-microusd"] == "0", second
    saved = world.metric("cadre_prompt_cache_saved_nanousd_total")
    assert saved > 0 and world.metric("cadre_prompt_cache_lookups_total", result="hit") > 0
    hit = world.recorded(agent=text[-36:])[0]
    assert hit["cache"] == "hit", hit
    assert hit["nano_usd"] == 0 and hit["saved_nano_usd"] > 0 and hit["charged_tokens"] == 0, hit


def settled(world, text, **more):
    """Asks until the answer is kept."""
    assert world.until(lambda: state(ask(world, text, **more)) == "hit")


def case_order_of_members_and_white_space_do_not_matter(world):
    text = fresh()
    settled(world, text)
    body = f'{{ "temperature" : 0 ,\n "messages":[{{"content":"{text}","role":"user"}}], "model":"alpha-small", "user":"x"}}'
    answer = world.call("POST", "/v1/chat/completions", body.encode())
    assert state(answer) == "hit", answer.headers


def case_what_changes_the_answer_changes_the_key(world):
    text = fresh()
    settled(world, text)
    before = calls(world)
    for more in ({"max_tokens": 5}, {"seed": 2}, {"tools": [{"type": "function", "function": {"name": "f"}}]},
                 {"made_up": 1}, {"top_p": 0.5}):
        assert state(ask(world, text, **more)) == "miss", more
    assert state(ask(world, text + ".")) == "miss"
    assert calls(world) == before + 6


def case_tenants_do_not_share(world):
    text = fresh()
    settled(world, text)
    assert state(ask(world, text, OTHER)) == "miss"


def case_switches_of_the_caller(world):
    text = fresh()
    refused = ask(world, text, control="only-if-cached")
    assert refused.status == 504 and refused.json["error"]["code"] == "not_cached", refused
    assert state(ask(world, text, control="no-store")) == "off"
    assert state(ask(world, text)) == "miss"
    settled(world, text)
    before = calls(world)
    assert state(ask(world, text, control="no-cache")) == "miss" and calls(world) == before + 1
    assert state(ask(world, text, control="only-if-cached")) == "hit"
    # An answer that is not expected to be the same again is kept on demand only.
    text = fresh()
    assert state(ask(world, text, temperature=1)) == "off"
    assert state(ask(world, text, control="max-age=60", temperature=1)) == "miss"
    assert world.until(lambda: state(ask(world, text, control="max-age=60", temperature=1)) == "hit")
    keys = [key for key in world.redis("KEYS", "cache:*").split()]
    assert keys and all(0 < int(world.redis("TTL", key)) <= 3600 for key in keys), keys


def case_streams_are_kept_and_replayed_as_streams(world):
    text = fresh()
    world.scripts("alpha", {"reply": "word " * 40})
    _, word, first = stream(world, text)
    assert word == "miss" and first.endswith(b"data: [DONE]\n\n")
    again = world.until(lambda: (lambda r: r if r[1] == "hit" else None)(stream(world, text)))
    assert again[2] == first
    # A whole answer is another kind of answer.
    assert state(ask(world, text)) == "miss"


def case_a_stream_that_broke_is_not_kept(world):
    text = fresh()
    world.scripts("alpha", {"fault": "cut", "reply": "word " * 40, "times": 1}, {"reply": "whole"})
    _, _, first = stream(world, text)
    assert b'"error"' in first
    _, word, second = stream(world, text)
    assert word == "miss" and b"whole" in second


def case_errors_are_not_kept(world):
    text = fresh()
    world.scripts("alpha", {"status": 400, "times": 1})
    assert ask(world, text).status == 400
    assert state(ask(world, text)) == "miss"


def case_identical_calls_in_flight_share_one(world):
    for streaming in (False, True):
        text, own = fresh(), tenant()
        world.scripts("alpha", {"reply": "word " * 40, "latency_ms": 1200, "piece_delay_ms": 5})
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(
                lambda _: stream(world, text, own) if streaming else ask(world, text, own), range(50)))
        assert calls(world) == 1, calls(world)
        bodies = {answer[2] if streaming else answer.body for answer in answers}
        words = [answer[1] if streaming else state(answer) for answer in answers]
        # Who comes when the call has ended finds its answer in the cache.
        assert len(bodies) == 1 and words.count("miss") == 1 and words.count("shared") > 1, set(words)
        assert words.count("shared") + words.count("hit") == 49, set(words)
        # One pays.
        rows = world.recorded(50, own)
        assert sorted(row["nano_usd"] > 0 for row in rows) == [False] * 49 + [True], rows


def case_who_leaves_a_shared_call_does_not_end_it(world):
    text = fresh()
    world.scripts("alpha", {"reply": "word " * 400, "piece_delay_ms": 20})

    def lookups():
        return world.metric("cadre_prompt_cache_lookups_total", result="miss")

    before = lookups()
    pilot = http.client.HTTPConnection("127.0.0.1", world.ports["router"], timeout=90)
    body = json.dumps({"model": "alpha-small", "stream": True, "temperature": 0, "stream_options": {
        "include_usage": True}, "messages": [{"role": "user", "content": text}]})
    headers = {"content-type": "application/json", **identity(TENANT)}
    pilot.request("POST", "/v1/chat/completions", body, headers)
    answer = pilot.getresponse()
    answer.read(200)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(stream, world, text)
        # Who has not found it in the cache joins the call.
        assert world.until(lambda: lookups() == before + 2)
        answer.close()
        pilot.close()
        _, word, data = other.result()
    assert word == "shared" and data.endswith(b"data: [DONE]\n\n"), (word, data[-200:])
    assert calls(world) == 1 and world.usage("alpha")["cancelled"] == 0


def case_the_failure_of_a_shared_call_is_told_to_all(world):
    text = fresh()
    world.scripts("alpha", {"status": 400, "latency_ms": 2000})
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(world, text), range(20)))
    assert {answer.status for answer in answers} == {400} and calls(world) == 1, calls(world)


def case_without_redis_calls_go_on(world):
    text = fresh()
    settled(world, text)
    world.kill("redis")
    try:
        # Who asks the same while the vain attempt to keep the answer goes on gets that answer.
        kept = state(ask(world, text))
        assert kept in ("miss", "shared"), kept
        for _ in range(3):
            other = state(ask(world, fresh()))
            assert other == "miss", other
        assert world.metric("cadre_prompt_cache_errors_total") > 0
    finally:
        world.start_redis()
    assert world.until(lambda: state(ask(world, text)) == "hit")


def case_a_damaged_entry_is_a_miss(world):
    text = fresh()
    settled(world, text)
    for key in world.redis("KEYS", "cache:*").split():
        world.redis("SET", key, "{broken")
    assert state(ask(world, text)) == "miss"


def case_hit_ratio_reaches_the_optimum_of_the_trace(world):
    """Requests by Zipf's law, as people repeat themselves: every question costs one call."""
    import random
    random.seed(7)
    questions = [fresh() for _ in range(100)]
    weights = [1 / (rank + 1) for rank in range(100)]
    trace = random.choices(questions, weights, k=600)
    world.scripts("alpha", {"latency_ms": 5})
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        states = list(pool.map(lambda text: state(ask(world, text)), trace))
    unique = len(set(trace))
    assert calls(world) == unique, (calls(world), unique)
    ratio = sum(word != "miss" for word in states) / len(trace)
    assert ratio == 1 - unique / len(trace) and ratio >= 0.6, ratio
