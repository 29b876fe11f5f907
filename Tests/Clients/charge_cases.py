"""Whatever goes wrong, the ledger is never less than what the providers have counted, and little more."""
import concurrent.futures
import contextlib
import http.client
import random

from budget_cases import spent, tenant
from money_cases import ask, counting, leave

FAULTS = [
    {"status": 429}, {"status": 500}, {"status": 529}, {"fault": "unreadable"}, {"fault": "cut"}, {"fault": "error"},
    {"delay": 3.2}, {"whole": True}, {"usage": None},
    {"usage": {"prompt_tokens": -5, "completion_tokens": "many", "input_tokens": -5, "output_tokens": "many"}},
    {"usage": {"prompt_tokens": 0, "completion_tokens": 0, "input_tokens": 0, "output_tokens": 0}},
]


def chaos(world, seed, count, share):
    """Random calls, a share of them with a fault; what the providers have counted, and what is charged."""
    rule = random.Random(seed)
    own = tenant()
    terms = {"timeout_ms": 2500, "first_token_ms": 2500, "stall_ms": 2500}
    with contextlib.ExitStack() as stack:
        providers = [stack.enter_context(counting(world, kind, f"p{number}", **terms)) for number, kind in
                     enumerate(("compatible", "anthropic", "openai"))]
        names = [model for _, model in providers]
        for number, name in enumerate(names):
            world.call("PUT", f"/api/v1/aliases/any{number}", {
                "models": [name], "fallbacks": names[:number] + names[number + 1:]}, operator=True)
        plans = []
        for _ in range(count):
            words = rule.randint(10, 250)
            plan = {"words": words, "pad": "some text of a prompt " * rule.randint(0, 40)}
            if rule.random() < share:
                plan.update(rule.choice(FAULTS), after=rule.randint(0, words))
            plans.append((plan, rule.randrange(3), rule.random() < 0.5, rule.random() < 0.5, rule.random() < share / 3))

        def work(item):
            plan, number, stream, is_message, leaves = item
            path = "/v1/messages" if is_message else "/v1/chat/completions"
            try:
                if leaves:
                    leave(world, own, f"any{number}", {**plan, "pace": 0.001}, 3000, path, stream=stream)
                else:
                    ask(world, own, f"any{number}", plan, path, stream=stream, timeout=120)
            except (OSError, http.client.HTTPException):
                pass

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(work, plans))
        # Calls whose callers have left end by themselves, and so do those that nobody waits for any more.
        assert world.until(lambda: all(provider.running == 0 for provider, _ in providers))
        calls = lambda: [row for row in world.ledger(own) if not row["call_id"]]
        assert world.until(lambda: len(calls()) >= count), (len(calls()), count)
        counted = sum(provider.input + provider.output for provider, _ in providers)
    return counted, spent(world, own)


def case_no_fault_makes_the_ledger_less_than_the_providers_counts(world):
    for seed in (1, 2):
        counted, charged = chaos(world, seed, 60, 0.8)
        assert charged >= counted > 0, (seed, charged, counted)


def case_with_ordinary_faults_little_more_is_charged_than_delivered(world):
    counted, charged = chaos(world, 3, 240, 0.06)
    assert counted <= charged <= 1.2 * counted, (charged, counted)
