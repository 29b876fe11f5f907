"""What was sent and may have been generated is in the ledger, attempt by attempt; what was only refused costs nothing."""
import contextlib
import http.client
import json

from budget_cases import budget, exceeded, spent, tenant
from counting_provider import CountingProvider
from world import identity

NONSENSE = ["9223372036854775807", "4611686018427387904", "3000000000", "-1", "1e300", "1.5", '"7"', "null", "{}"]


@contextlib.contextmanager
def counting(world, kind="compatible", name="counted", **terms):
    provider = CountingProvider()
    try:
        yield provider, provider.register(world, name, kind, **terms)
    finally:
        world.call("DELETE", f"/api/v1/providers/{name}", operator=True)
        provider.close()


def ask(world, own, model, plan, path="/v1/chat/completions", timeout=90, **more):
    body = {"model": model, "messages": [{"role": "user", "content": "do " + json.dumps(plan)}], "max_tokens": 600, **more}
    return world.call("POST", path, body, own, timeout=timeout)


def leave(world, own, model, plan, after, path="/v1/chat/completions", **more):
    """Asks and hangs up: after so many bytes of the answer's body, or without reading when a condition holds."""
    connection = http.client.HTTPConnection("127.0.0.1", world.ports["router"], timeout=90)
    body = {"model": model, "messages": [{"role": "user", "content": "do " + json.dumps(plan)}], "max_tokens": 4000,
            **more}
    connection.request("POST", path, json.dumps(body), {
        "content-type": "application/json", **identity(own)})
    seen = b""
    if callable(after):
        assert world.until(after)
    else:
        answer = connection.getresponse()
        while len(seen) < after:
            piece = answer.read1(4096)
            if not piece:
                break
            seen += piece
        answer.close()
    connection.close()
    return seen


def rows(world, own, count=1):
    """The ledger of a tenant, once it has so many rows; the call first, then its attempts."""
    return world.recorded(count, own)


def detail(world, own, id):
    answer = world.call("GET", f"/api/v1/calls/{id}", tenant=own)
    assert answer.status == 200, answer
    return answer.json


def case_numbers_of_a_provider_end_nothing_and_reach_nobody(world):
    process = world.pid("router")
    for kind in ("compatible", "anthropic", "openai"):
        with counting(world, kind) as (_, model):
            for text in NONSENSE:
                own = tenant()
                value = json.loads(text)
                members = {name: value for name in (
                    "prompt_tokens", "completion_tokens", "total_tokens", "input_tokens", "output_tokens",
                    "cache_read_input_tokens", "cache_creation_input_tokens")}
                members["prompt_tokens_details"] = {"cached_tokens": value}
                members["completion_tokens_details"] = {"reasoning_tokens": value}
                plan = {"words": 20, "usage": members, "first_usage": members}
                count = 0
                for path in ("/v1/chat/completions", "/v1/messages"):
                    for stream in (False, True):
                        more = {"stream_options": {"include_usage": True}} if stream and path.endswith("ons") else {}
                        answer = ask(world, own, model, plan, path, stream=stream, **more)
                        assert answer.status == 200 and b"word" in answer.body, (kind, text, path, stream, answer)
                        count += 1
                        # What the client is told can be added up.
                        for number in told(answer):
                            assert isinstance(number, int) and 0 <= number <= 10 ** 9, (kind, text, path, answer)
                calls = rows(world, own, count)
                assert len(calls) == count, calls
                for call in calls:
                    assert call["outcome"] == "ok" and call["estimated"], (kind, text, call)
                    assert 5 < call["input_tokens"] < 400 and 20 <= call["output_tokens"] < 60, (kind, text, call)
                    assert call["charged_tokens"] == call["input_tokens"] + call["output_tokens"], call
    assert world.pid("router") == process and world.processes["router"].poll() is None


def told(answer):
    """All counts of tokens in an answer."""
    documents = [line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    found = []

    def look(value, name=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                look(inner, key)
        elif isinstance(value, list):
            for inner in value:
                look(inner)
        elif name.endswith("_tokens"):
            found.append(value)

    for text in documents or [answer.body]:
        look(json.loads(text))
    return [number for number in found if number is not None]


def case_zeros_for_an_answer_are_no_counts(world):
    own = tenant()
    with counting(world) as (_, model):
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        assert ask(world, own, model, {"words": 100, "usage": usage}).status == 200
        call = rows(world, own)[0]
        assert call["estimated"] and call["output_tokens"] > 100 and call["input_tokens"] > 10, call


def case_cached_and_hidden_tokens_are_priced_in_every_spelling(world):
    with counting(world) as (_, model):
        world.call("PUT", f"/api/v1/providers/{model}/models/{model}",
                   {"price": {"input": 1, "output": 1, "cache_read": 0.1}}, operator=True)
        whole = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
        for usage, cost in (
            ({**whole, "cached_tokens": 900}, 200), ({**whole, "prompt_cache_hit_tokens": 900}, 200),
            ({**whole, "prompt_tokens_details": {"cached_tokens": 900}}, 200),
            ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
              "completion_tokens_details": {"reasoning_tokens": 94}}, 135),
        ):
            own = tenant()
            answer = ask(world, own, model, {"usage": usage})
            assert answer.headers["x-cadre-cost-microusd"] == str(cost), (usage, answer.headers)
            assert ask(world, own, model, {"usage": usage}, stream=True).status == 200
            assert [row["nano_usd"] for row in rows(world, own, 2)] == [cost * 1000] * 2, rows(world, own)


def case_tiers_and_tools_of_providers_are_not_free(world):
    usage = {"prompt_tokens": 5, "completion_tokens": 5}
    for kind, plan in (
        ("compatible", {"usage": usage, "more": {"service_tier": "priority"}}),
        ("compatible", {"usage": {**usage, "num_search_queries": 2}}),
        ("anthropic", {"usage": {"input_tokens": 5, "output_tokens": 5,
                                 "server_tool_use": {"code_execution_requests": 1}}}),
    ):
        own = tenant()
        with counting(world, kind) as (_, model):
            answer = ask(world, own, model, plan)
            assert answer.status == 200 and "x-cadre-cost-microusd" not in answer.headers, answer.headers
            call = rows(world, own)[0]
            assert call["nano_usd"] is None and call["charged_nano_usd"] >= 10_000, call
            sums = world.call("GET", "/api/v1/usage", tenant=own).json["usage"][0]
            assert sums["unpriced_calls"] == 1, sums
    own = tenant()
    with counting(world, "anthropic") as (_, model):
        plan = {"usage": {"input_tokens": 5, "output_tokens": 5, "server_tool_use": {"web_search_requests": 3}}}
        assert ask(world, own, model, plan, stream=True).status == 200
        call = rows(world, own)[0]
        assert call["nano_usd"] == call["charged_tokens"] * 1000 + 3 * 10_000_000, call


def case_time_outs_are_charged_attempt_by_attempt(world):
    own = tenant()
    with counting(world, name="late", timeout_ms=600, first_token_ms=600) as (provider, model), \
            counting(world, name="other", timeout_ms=60_000, first_token_ms=60_000) as (other, second):
        world.call("PUT", "/api/v1/aliases/patient", {"models": [model], "fallbacks": [second]}, operator=True)
        plan = {"words": 300, "delay": 1.5}
        for stream in (False, True):
            answer = ask(world, own, "patient", plan, stream=stream)
            assert answer.status == 200 and answer.headers["x-cadre-provider"] == "other", answer
        calls = rows(world, own, 4)
        attempts = [call for call in calls if call["call_id"]]
        assert len(attempts) == 2 and len(calls) == 4, calls
        for attempt in attempts:
            assert attempt["outcome"] == "provider_timeout" and attempt["model"] == "late", attempt
            assert attempt["estimated"] and 300 <= attempt["output_tokens"] <= 600, attempt
        counted = provider.input + provider.output + other.input + other.output
        assert spent(world, own) >= counted, (spent(world, own), counted)
        # A call shows its attempts.
        shown = detail(world, own, [call for call in calls if not call["call_id"]][0]["id"])
        assert [a["provider"] for a in shown["attempts"]] == ["late", "other"], shown
        assert shown["total"]["charged_tokens"] == sum(a["charged_tokens"] for a in shown["attempts"]), shown


def case_a_call_whose_only_attempt_broke_carries_its_charge(world):
    for plan, more in (
        ({"words": 80, "fault": "unreadable"}, {}), ({"words": 80, "fault": "cut"}, {}),
        ({"words": 80, "fault": "cut", "after": 40}, {"stream": True}),
        ({"words": 80, "fault": "error", "after": 40}, {"stream": True}),
    ):
        for kind in ("compatible", "anthropic"):
            own = tenant()
            with counting(world, kind) as (provider, model):
                ask(world, own, model, plan, **more)
                call = rows(world, own)[0]
                assert call["outcome"] != "ok" and call["estimated"], (plan, call)
                assert spent(world, own) >= provider.input + provider.output > 0, (plan, call, provider.output)


def case_a_stream_that_is_left_pays_what_came(world):
    for kind in ("compatible", "anthropic"):
        for path in ("/v1/chat/completions", "/v1/messages"):
            own = tenant()
            with counting(world, kind) as (provider, model):
                budget(world, own, "tenant", tokens=100_000)
                leave(world, own, model, {"words": 3000, "pace": 0.002}, 20_000, path, stream=True)
                call = rows(world, own)[0]
                assert call["outcome"] == "client_gone" and call["estimated"], call
                # Not a placeholder, and not what was reserved.
                came = call["output_tokens"]
                assert 60 < came < 3000 and call["charged_tokens"] == call["input_tokens"] + came, call
                assert came >= provider.output * 0.5, (came, provider.output)


def case_who_leaves_before_the_first_token_pays_the_prompt(world):
    for stream in (False, True):
        own = tenant()
        with counting(world) as (provider, model):
            budget(world, own, "tenant", tokens=100_000)
            leave(world, own, model, {"delay": 10}, lambda: provider.calls == 1, stream=stream)
            call = rows(world, own)[0]
            assert call["outcome"] == "client_gone" and call["output_tokens"] == 0, call
            assert 5 < call["charged_tokens"] == call["input_tokens"] < 100, call


def case_what_was_only_refused_costs_nothing(world):
    own = tenant()
    with counting(world) as (provider, model):
        refused = {"status": 429, "headers": {"retry-after": "20"}}

        def is_refused():
            return world.call("GET", f"/api/v1/providers/{model}", operator=True).json["unhealthy"]

        # Refused, and waiting for the time that it was told.
        leave(world, own, model, refused, is_refused)
        call = rows(world, own)[0]
        assert call["outcome"] == "client_gone" and call["charged_tokens"] == 0 == call["nano_usd"], call
        for status in (400, 401, 404, 429, 500, 503, 529):
            world.call("DELETE", f"/api/v1/providers/{model}/health", operator=True)
            ask(world, own, model, {"status": status, "headers": {"retry-after": "100000"}})
        assert len(rows(world, own, 8)) == 8 and spent(world, own) == 0, rows(world, own)
        # They are shown all the same.
        provider.reset()
        world.call("DELETE", f"/api/v1/providers/{model}/health", operator=True)
        answer = ask(world, own, model, {"attempts": [{"status": 500}, {"words": 5}]})
        assert answer.status == 200, answer
        shown = detail(world, own, answer.headers["x-cadre-call"])
        assert [a["outcome"] == "ok" for a in shown["attempts"]] == [False, True], shown
        assert shown["attempts"][0]["charged_tokens"] == 0, shown


def case_attempts_that_failed_use_up_the_budget(world):
    own = tenant()
    with counting(world, name="late", timeout_ms=500, first_token_ms=500) as (provider, model), \
            counting(world, name="other", timeout_ms=60_000, first_token_ms=60_000) as (_, second):
        world.call("PUT", "/api/v1/aliases/patient", {"models": [model], "fallbacks": [second]}, operator=True)
        budget(world, own, "tenant", tokens=1500)
        statuses = [ask(world, own, "patient", {"words": 300, "delay": 1.2}).status for _ in range(4)]
        assert statuses[-1] == 402, statuses
        assert spent(world, own) <= 1500, (statuses, rows(world, own))


def case_a_budget_lowers_the_bound_before_it_refuses(world):
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
        own = tenant()
        made = budget(world, own, "tenant", tokens=500)
        body = {"model": "alpha-small", "max_tokens": 30_000, "messages": [{"role": "user", "content": "hello"}]}
        if path == "/v1/responses":
            body = {"model": "alpha-small", "max_output_tokens": 30_000, "input": "hello"}
        answer = world.call("POST", path, body, own)
        assert answer.status == 200, answer
        bound = int(answer.headers["x-cadre-max-tokens"])
        _, sent = world.last("alpha")
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        assert 300 < bound < 500 and [sent[name] for name in names if name in sent] == [bound], (bound, sent)
        shown = world.until(lambda: (lambda b: b if b["spent"]["tokens"] == spent(world, own) else None)(
            world.call("GET", f"/api/v1/budgets/{made}", tenant=own).json))
        assert shown["spent"]["tokens"] > 0 and shown["left"]["tokens"] == 500 - shown["spent"]["tokens"] \
            - shown["reserved"]["tokens"], shown
        listed = world.call("GET", "/api/v1/budgets", tenant=own).json["budgets"]
        assert listed[0]["spent"] == shown["spent"], listed
        # Enough for everybody is left alone; nothing is refused.
        fits = world.ask("alpha-small", "hello", own, max_tokens=50)
        assert fits.status == 200 and "x-cadre-max-tokens" not in fits.headers, fits.headers
        assert spent(world, own) <= 500


def case_what_cannot_be_bounded_is_refused_on_budgets(world):
    image = {"type": "input_image", "image_url": "https://example.org/a.png"}
    for path, more, parameter in (
        ("/v1/responses", {"previous_response_id": "resp_1"}, "previous_response_id"),
        ("/v1/responses", {"conversation": "conv_1"}, "conversation"),
        ("/v1/responses", {"prompt": {"id": "pmpt_1"}}, "prompt"),
        ("/v1/responses", {"input": [{"role": "user", "content": [image]}]}, "input"),
        ("/v1/responses", {"input": [{"type": "item_reference", "id": "msg_1"}]}, "input"),
        ("/v1/responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input"),
        ("/v1/responses", {"input": [{"role": "user", "content": [
            {"type": "input_file", "file_url": "https://example.org/a.pdf"}]}]}, "input"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]}, "messages"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": [
            {"type": "file", "file": {"file_id": "file_1"}}]}]}, "messages"),
        ("/v1/messages", {"messages": [{"role": "user", "content": [
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}]}]}, "messages"),
        ("/v1/messages", {"messages": [{"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t", "content": [
                {"type": "image", "source": {"type": "file", "file_id": "f"}}]}]}]}, "messages"),
    ):
        own = tenant()
        budget(world, own, "tenant", tokens=100_000)
        model = "gamma-large" if path == "/v1/messages" else "alpha-small"
        body = {"model": model, "max_tokens": 50, "input": "x", "messages": [{"role": "user", "content": "x"}], **more}
        if path == "/v1/responses":
            del body["max_tokens"], body["messages"]
        else:
            del body["input"]
        answer = world.call("POST", path, body, own)
        assert answer.status == 400 and "budget" in answer.json["error"]["message"], (path, more, answer)
        if path != "/v1/messages":
            assert answer.json["error"]["param"] == parameter, answer
    # Pictures and documents within the request are bounded, and so is what is no such part.
    own = tenant()
    budget(world, own, "tenant", tokens=100_000)
    for content in (
        [{"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 2000}}],
        [{"type": "text", "text": "see https://example.org/a.png, file_id"}],
    ):
        answer = world.call("POST", "/v1/chat/completions", {
            "model": "alpha-small", "max_tokens": 50, "messages": [{"role": "user", "content": content}]}, own)
        assert answer.status == 200, answer
    # Without a budget the stored conversation goes on to a provider that has it.
    answer = world.call("POST", "/v1/responses", {
        "model": "alpha-small", "input": "x", "previous_response_id": "resp_1"}, tenant())
    assert answer.status == 200, answer


def case_background_is_refused(world):
    for own in (tenant(), tenant()):
        answer = world.call("POST", "/v1/responses", {"model": "alpha-small", "input": "x", "background": True}, own)
        assert answer.status == 400 and answer.json["error"]["param"] == "background", answer
        assert world.call("POST", "/v1/responses", {
            "model": "alpha-small", "input": "x", "background": False}, own).status == 200
        budget(world, own, "tenant", tokens=100_000)


def case_a_prompt_is_not_refused_by_an_estimate(world):
    own = tenant()
    with counting(world) as (provider, model):
        world.call("PUT", f"/api/v1/providers/{model}/models/{model}",
                   {"price": {"input": 1, "output": 1}, "context_tokens": 8000}, operator=True)
        text = ("The quick brown fox jumps over the lazy dog and goes home. " * 500)[:24500]
        body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}]}
        answer = world.call("POST", "/v1/chat/completions", body, own)
        assert answer.status == 200, answer
        # What no tokenizer can fit in is refused without asking.
        body["messages"][0]["content"] = "x y " * 60_000
        answer = world.call("POST", "/v1/chat/completions", body, own)
        assert answer.status == 400 and answer.json["error"]["code"] == "context_length_exceeded", answer
        assert provider.calls == 1, provider.calls
