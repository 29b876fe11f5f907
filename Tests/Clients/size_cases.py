"""What a person waits for does not grow with the ledger: lists by indexes, usage by sums."""
from budget_cases import tenant
from ledger_cases import sums

ROWS = 60_000


def fill(world, own):
    """Calls of a month, with names that many have and names that few have."""
    world.psql(f"""
      insert into llm_router.call (id, tenant_id, started_at, ended_at, dialect, principal, project, "group", run, step,
        agent, tool, key, model_asked, model, provider, route, outcome, cache, attempts, input_tokens,
        cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, estimated, nano_usd, saved_nano_usd,
        charged_tokens, charged_nano_usd, latency_us)
      select gen_random_uuid(), '{own[7:]}', at, at, case when n % 997 = 0 then 'messages' else 'chat' end,
        'person-' || n % 31, 'project-' || n % 23, 'group-' || n % 7, 'run-' || n / 10, 'step-' || n / 5,
        'agent-' || n % 11, case when n % 499 = 0 then 'rare-tool' end, 'key-' || n % 29, 'asked-' || n % 5,
        'model-' || n % 13, 'provider-' || n % 3, 'model', case when n % 911 = 0 then 'provider_timeout' else 'ok' end,
        case when n % 503 = 0 then 'hit' else 'off' end, 1, 100, 0, 0, 20, 0, false, 1000, 0, 120, 1000, 5
      from generate_series(1, {ROWS}) n,
        lateral (select now() - interval '29 days' * n / {ROWS} as at) t""")
    world.psql("analyze llm_router.call")


def reads(world):
    """Rows of calls that were read by scans of the whole table, and by indexes."""
    return [int(value) for value in world.psql(
        "select coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) from pg_stat_user_tables "
        "where schemaname = 'llm_router' and relname = 'call'").split("|")]


def settled(world):
    """The counts of Postgres with everything that was read so far: a session reports what it has read when it ends, or up
    to ten seconds later."""
    world.psql("select pg_terminate_backend(pid, 60000) from pg_stat_activity "
               "where pid <> pg_backend_pid() and backend_type = 'client backend'")
    seen = reads(world)
    assert world.until(lambda: world._ready("router") and world.call("GET", "/api/v1/calls?limit=1").status == 200)
    return seen


def case_lists_and_filters_of_calls_read_what_they_show(world):
    own = tenant()
    fill(world, own)
    before = settled(world)
    asked = 0
    for query in ("", "project=project-3", "group=group-2", "run=run-77", "step=step-99", "agent=agent-4",
                  "tool=rare-tool", "key=key-8", "principal=person-9", "model=model-5", "model_asked=asked-2",
                  "provider=provider-1", "outcome=ok", "outcome=provider_timeout", "cache=off", "cache=hit",
                  "dialect=chat", "dialect=messages", "model=model-5&project=project-3"):
        seen, cursor = [], ""
        for _ in range(3):
            page = world.call("GET", f"/api/v1/calls?limit=20&{query}{cursor}", tenant=own)
            assert page.status == 200, page
            asked += 1
            seen += [call["id"] for call in page.json["calls"]]
            if not page.json["next_cursor"]:
                break
            cursor = f"&cursor={page.json['next_cursor']}"
        assert seen and len(seen) == len(set(seen)), query
    after = settled(world)
    assert after[0] == before[0], ("a whole table was read", before, after)
    # Each row of a page, for two names at once those of one of them, and what others read meanwhile (budgets of earlier
    # cases are compared with the ledger): far less than the ledger for each request.
    assert after[1] - before[1] < asked * ROWS // 30, (before, after, asked)


def case_usage_reads_sums_and_not_calls(world):
    own = tenant()
    fill(world, own)
    before = settled(world)
    total = sums(world, own)[0]
    assert total["calls"] == ROWS and total["input_tokens"] == 100 * ROWS, total
    for name, count in (("project", 23), ("group", 7), ("agent", 11), ("key", 29), ("principal", 31), ("model", 13),
                        ("model_asked", 5), ("provider", 3), ("outcome", 2), ("cache", 2), ("dialect", 2)):
        rows = sums(world, own, f"group_by={name}")
        assert len(rows) == count and sum(row["calls"] for row in rows) == ROWS, (name, rows)
        days = sums(world, own, f"group_by={name}&bucket=day")
        assert sum(row["output_tokens"] for row in days) == 20 * ROWS, name
    assert sums(world, own, "model=model-5")[0]["calls"] in (ROWS // 13, ROWS // 13 + 1)
    pairs = sums(world, own, "group_by=model,project")
    assert len(pairs) == 13 * 23 and sum(row["calls"] for row in pairs) == ROWS, len(pairs)
    assert len(sums(world, own, "bucket=hour")) >= 29 * 24
    after = settled(world)
    # Others read a little meanwhile; one look at all calls would be all of them.
    assert after[0] == before[0] and after[1] - before[1] < ROWS // 2, (before, after)


def case_usage_of_a_part_of_an_hour_is_exact(world):
    own = tenant()
    fill(world, own)
    for from_, to in (("26 days 7 hours 13 minutes", "3 days 2 hours 41 minutes"), ("50 minutes", "20 minutes"),
                      ("5 hours 1 minute", "1 minute"), ("49 hours", "0")):
        first, last, calls, tokens = world.psql(f"""
          with t as (select date_trunc('second', now() - interval '{from_}') as f,
            date_trunc('second', now() - interval '{to}') as l)
          select to_char(f at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
            to_char(l at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), count(c.id), coalesce(sum(input_tokens), 0)
          from t left join llm_router.call c on tenant_id = '{own[7:]}' and started_at >= f and started_at < l
          group by f, l""").split("|")
        for query in ("", "&group_by=model", "&group_by=model,agent", "&bucket=day&group_by=key", "&bucket=hour"):
            rows = sums(world, own, f"from={first}&to={last}{query}")
            assert sum(row["calls"] for row in rows) == int(calls), (from_, to, query, calls)
            assert sum(row["input_tokens"] for row in rows) == int(tokens), (from_, to, query)
