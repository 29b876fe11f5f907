"""The same through the gateway, with the keys that people have."""
import anthropic
import openai

from client_cases import LONG, user
from world import GATEWAY_SECRET, OTHER, PROVIDER_KEY, TENANT, request

OPERATOR_KEY = "cadre_operator_key_for_tests_01"
USER_KEY = "cadre_user_key_for_the_tests_02"


def gateway(world):
    if "gateway" not in world.processes:
        world.start_gateway([(TENANT, OPERATOR_KEY, True), (OTHER, USER_KEY, False)])
    return world.url("gateway")


def call(world, method, path, body=None, key=USER_KEY, headers=None):
    return request(method, gateway(world) + path, body, {"authorization": f"Bearer {key}", **(headers or {})})


def case_both_clients_with_an_api_key(world):
    world.scripts("alpha", {"reply": LONG})
    world.scripts("gamma", {"reply": LONG})
    url = gateway(world)
    client = openai.OpenAI(base_url=url + "/v1", api_key=USER_KEY, max_retries=0)
    for model in ("alpha-small", "gamma-large"):
        assert client.chat.completions.create(model=model, messages=user("x")).choices[0].message.content == LONG
        chunks = list(client.chat.completions.create(model=model, messages=user("x"), stream=True))
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == LONG
    assert client.responses.create(model="alpha-small", input="x").output_text == LONG
    assert len(client.embeddings.create(model="alpha-embed", input="x").data) == 1
    other = anthropic.Anthropic(base_url=url, api_key=USER_KEY, max_retries=0)
    for model in ("alpha-small", "gamma-large"):
        with other.messages.stream(model=model, max_tokens=100, messages=user("x")) as stream:
            assert stream.get_final_message().content[0].text == LONG
    assert other.messages.count_tokens(model="gamma-large", messages=user("x")).input_tokens > 0
    assert "alpha-small" in [model.id for model in other.models.list()]


def case_a_virtual_key_is_enough(world):
    made = call(world, "POST", "/api/v1/virtual-keys", {"run": "run-1", "tokens": 100_000, "models": ["alpha-small"]})
    assert made.status == 201, made
    client = openai.OpenAI(base_url=gateway(world) + "/v1", api_key=made.json["key"], max_retries=0)
    client.chat.completions.create(model="alpha-small", messages=user("x"))
    row = world.recorded(tenant=OTHER, run="run-1")[0]
    assert row["key"] == made.json["id"], row
    try:
        client.chat.completions.create(model="gamma-large", messages=user("x"))
        raise AssertionError("no error")
    except openai.PermissionDeniedError as error:
        assert error.code == "model_not_allowed"
    assert call(world, "GET", "/api/v1/usage", key=made.json["key"]).status == 401


def case_errors_of_the_gateway_have_the_shape_of_each_client(world):
    url = gateway(world)
    try:
        openai.OpenAI(base_url=url + "/v1", api_key="wrong", max_retries=0).models.list()
        raise AssertionError("no error")
    except openai.AuthenticationError as error:
        assert error.body["message"], error.body
    try:
        anthropic.Anthropic(base_url=url, api_key="wrong", max_retries=0).messages.create(
            model="alpha-small", max_tokens=5, messages=user("x"))
        raise AssertionError("no error")
    except anthropic.AuthenticationError as error:
        assert error.body["type"] == "error", error.body


def case_labels_pass_and_rights_do_not(world):
    answer = call(world, "POST", "/v1/chat/completions", {"model": "auto", "messages": user("x")}, headers={
        "x-cadre-agent": "mine", "x-cadre-complexity": "high", "x-cadre-tenant": TENANT, "x-cadre-operator": "1",
        "x-cadre-run": "not-mine", "x-cadre-assertion": "guess", "x-cadre-principal": "somebody"})
    assert answer.status == 200 and answer.headers["x-cadre-model"] == "gamma-large", answer
    row = world.recorded(tenant=OTHER, agent="mine")[0]
    assert row["run"] is None and row["principal"] == "key:key1", row
    refused = call(world, "PUT", "/api/v1/providers/evil", {"base_url": "http://127.0.0.1:1/v1"}, headers={
        "x-cadre-operator": "1"})
    assert refused.status == 403 and refused.json["code"] == "operator_required", refused


def case_everything_of_the_router_can_be_reached(world):
    def ok(method, path, body=None, key=OPERATOR_KEY, status=(200, 201, 204)):
        answer = call(world, method, path, body, key)
        assert answer.status in status, (method, path, answer)
        return answer.json

    ok("PUT", "/api/v1/providers/g", {"base_url": world.url("beta") + "/v1", "keys": [{"env": "TEST_API_KEY"}]})
    ok("PUT", "/api/v1/providers/g/models/g-model", {"price": {"input": 1, "output": 1}})
    ok("GET", "/api/v1/providers/g/models/g-model")
    ok("PUT", "/api/v1/aliases/g-alias", {"models": ["g-model"]})
    ok("GET", "/api/v1/providers/g")
    ok("DELETE", "/api/v1/providers/g/health")
    for path in ("/api/v1/models", "/api/v1/aliases", "/api/v1/budgets", "/api/v1/rate-limits", "/api/v1/usage",
                 "/api/v1/calls"):
        ok("GET", path, key=USER_KEY)
    for path, terms in (("budgets", {"scope": "agent", "subject": "g", "period": "day", "tokens": 5}),
                        ("rate-limits", {"scope": "agent", "subject": "g", "concurrency": 5})):
        made = ok("POST", f"/api/v1/{path}", terms, USER_KEY)
        ok("GET", f"/api/v1/{path}/{made['id']}", key=USER_KEY)
        # Not another tenant's.
        ok("GET", f"/api/v1/{path}/{made['id']}", status=(404,))
        ok("DELETE", f"/api/v1/{path}/{made['id']}", status=(404,))
        ok("DELETE", f"/api/v1/{path}/{made['id']}", key=USER_KEY)
    asked = call(world, "POST", "/v1/chat/completions",
                 {"model": "alpha-small", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}, USER_KEY)
    assert asked.status == 200, asked
    path = f"/api/v1/calls/{asked.headers['x-cadre-call']}"
    assert world.until(lambda: call(world, "GET", path, None, USER_KEY).status == 200, 60)
    assert ok("GET", path, key=USER_KEY)["attempts"]
    ok("GET", path, status=(404,))
    made = ok("POST", "/api/v1/virtual-keys", {}, USER_KEY)
    ok("DELETE", f"/api/v1/virtual-keys/{made['id']}", key=USER_KEY)
    ok("DELETE", "/api/v1/aliases/g-alias")
    ok("DELETE", "/api/v1/providers/g/models/g-model")
    ok("DELETE", "/api/v1/providers/g")


def case_no_secret_leaves(world):
    call(world, "GET", "/api/v1/providers", key=OPERATOR_KEY)
    with open(f"{world.folder}/gateway.log", "rb") as file:
        log = file.read()
    for secret in (OPERATOR_KEY, USER_KEY, GATEWAY_SECRET, PROVIDER_KEY):
        assert secret.encode() not in log, secret


def case_an_answer_to_head_has_the_length_of_the_body_that_it_leaves_out(world):
    for path in ("/v1/models", "/v1/models/alpha-small"):
        body = call(world, "GET", path)
        head = call(world, "HEAD", path)
        assert head.status == 200 and not head.body, head
        assert head.headers["content-length"] == str(len(body.body)), (head.headers, body.body)


def case_a_model_without_a_name_is_told_which_there_are(world):
    answer = call(world, "GET", "/v1/models/")
    assert answer.status == 404 and "alpha-small" in answer.json["error"]["message"], answer
