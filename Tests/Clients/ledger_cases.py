"""The ledger agrees with the providers to the token, survives crashes, and can be asked."""
import concurrent.futures
import contextlib
import csv
import io
import uuid

from budget_cases import storm, tenant


def sums(world, own, query=""):
    answer = world.call("GET", f"/api/v1/usage?{query}", tenant=own)
    assert answer.status == 200, answer
    return answer.json["usage"]


def case_ledger_equals_the_providers_to_the_token(world):
    own = tenant()
    texts = ["short", "a longer question with more words", "x" * 700]
    for name in ("alpha", "beta", "gamma"):
        world.scripts(name, {"match": "x", "reply": "word " * 30, "cache_read_tokens": 50}, {"reply": "{prompt}"})

    def work(number):
        model = ["alpha-small", "beta-medium", "gamma-large"][number % 3]
        text = texts[number % 7 % 3]
        path = "/v1/messages" if number % 2 else "/v1/chat/completions"
        body = {"model": model, "max_tokens": 40, "stream": number % 5 < 2,
                "messages": [{"role": "user", "content": text}]}
        answer = world.call("POST", path, body, own, {"x-cadre-run": f"run-{number % 4}"})
        assert answer.status == 200, answer

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(210)))
    for name, model in (("alpha", "alpha-small"), ("beta", "beta-medium"), ("gamma", "gamma-large")):
        counted = world.usage(name)
        row = sums(world, own, f"group_by=model&model={model}")[0]
        assert row["calls"] == counted["calls"] == 70, (row, counted)
        assert row["input_tokens"] + row["cache_read_tokens"] + row["cache_write_tokens"] == counted["input_tokens"]
        assert row["output_tokens"] == counted["output_tokens"], (row, counted)
        assert row["cache_read_tokens"] == counted["cache_read_tokens"] > 0, (row, counted)
        assert row["estimated_calls"] == 0 and row["unpriced_calls"] == 0, row
    total = sums(world, own)[0]
    by_run = sums(world, own, "group_by=run")
    assert len(by_run) == 4 and sum(row["calls"] for row in by_run) == total["calls"] == 210
    assert abs(sum(row["usd"] for row in by_run) - total["usd"]) < 1e-9


def case_cached_tokens_have_their_price(world):
    own = tenant()
    world.scripts("gamma", {"reply": "word " * 30, "cache_read_tokens": 100, "cache_write_tokens": 60})
    world.call("POST", "/v1/messages", {"model": "gamma-large", "max_tokens": 100, "messages": [
        {"role": "user", "content": "y" * 800}]}, own)
    call = world.recorded(tenant=own)[0]
    assert (call["input_tokens"], call["cache_read_tokens"], call["cache_write_tokens"]) == (44, 100, 60), call
    assert call["nano_usd"] == 44 * 3000 + 100 * 300 + 60 * 3750 + call["output_tokens"] * 15000, call


def case_an_unknown_price_is_visible(world):
    own = tenant()
    before = world.metric("cadre_model_unpriced_calls_total", model="alpha-unpriced")
    assert world.ask("alpha-unpriced", "hello", own).status == 200
    assert world.recorded(tenant=own)[0]["nano_usd"] is None
    row = sums(world, own)[0]
    assert row["unpriced_calls"] == 1 and row["usd"] == 0, row
    assert world.metric("cadre_model_unpriced_calls_total", model="alpha-unpriced") == before + 1
    assert world.metric("cadre_model_unpriced") >= 1


def case_no_answered_call_is_lost_by_a_kill(world):
    own = tenant()
    world.start_router("second")
    statuses = storm(world, own, 300, 20, ("second",))
    world.kill("second")
    assert statuses.count(200) == 300
    world.start_router("second")
    try:
        assert world.until(lambda: sums(world, own)[0]["calls"] == 300), sums(world, own)
        # With what they have used, also those that were answered at the last moment.
        rows = sums(world, own, "group_by=outcome")
        counted = world.usage("alpha")
        assert [row["outcome"] for row in rows] == ["ok"], rows
        assert rows[0]["output_tokens"] == counted["output_tokens"], (rows, counted)
    finally:
        world.kill("second")


def case_calls_wait_in_the_spool_while_the_database_is_away(world):
    import os
    import signal
    import threading
    own = tenant()
    assert world.ask("alpha-small", "hello", own).status == 200
    # The server process and all its children stand still, as a frozen disk makes them.
    group = [world.pid("postgres")] + [int(p) for p in os.popen(
        f"pgrep -P {world.pid('postgres')}").read().split()]
    try:
        for pid in group:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        for _ in range(20):
            assert world.ask("alpha-small", "hello", own).status == 200
        assert world.until(lambda: world.metric("cadre_ledger_backlog") >= 20)
    finally:
        # A child that was ending when it was stopped is collected by its parent, and is no more.
        for pid in group:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert world.until(lambda: sums(world, own)[0]["calls"] == 21), sums(world, own)
    assert world.until(lambda: world.metric("cadre_ledger_backlog") == 0)


def case_usage_by_time_as_csv(world):
    own = tenant()
    for name in ("=cmd()", "plain,comma"):
        world.ask("alpha-small", "hello", own, {"x-cadre-agent": name})
    assert {row["agent"] for row in sums(world, own, "group_by=agent&bucket=day")} == {"=cmd()", "plain,comma"}
    answer = world.call("GET", "/api/v1/usage?group_by=agent,model&bucket=hour&format=csv", tenant=own)
    assert answer.headers["content-type"].startswith("text/csv"), answer.headers
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    # A spreadsheet must not take a name for a formula.
    assert {row["agent"] for row in rows} == {"'=cmd()", "plain,comma"}, rows
    assert all(row["model"] == "alpha-small" and float(row["usd"]) > 0 for row in rows), rows


def case_calls_are_paged(world):
    own = tenant()
    for number in range(7):
        world.ask("alpha-small", f"hello {number}", own)
    seen, cursor = [], ""
    for _ in range(4):
        page = world.call("GET", f"/api/v1/calls?limit=2{cursor}", tenant=own).json
        seen += [call["id"] for call in page["calls"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 7 == len(set(seen)) and seen == sorted(seen, reverse=True), seen


def case_bad_questions_are_refused(world):
    for query in ("group_by=secrets", "bucket=second", "from=yesterday", "group_by=model,model",
                  "group_by=model,agent,run,step,tool,project"):
        answer = world.call("GET", f"/api/v1/usage?{query}")
        assert answer.status == 400 and answer.json["code"] == "invalid_parameter", (query, answer)
    for query in ("limit=0", "limit=many", "cursor=x"):
        assert world.call("GET", f"/api/v1/calls?{query}").status == 400, query
