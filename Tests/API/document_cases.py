"""The description of the API against real answers."""
import re

import jsonschema
from openapi_spec_validator import validate

from stack import Stack

# An id that nothing has.
NOTHING = "0" * 12 + "7" + "0" * 3 + "8" + "0" * 14 + "1"


def made(stack: Stack, method, path, body=None, headers=None, template=None, expected=(200, 201, 202)):
    """Makes a change whose answer must be as described."""
    answer = stack.call(method, path, body, headers)
    stack.document.check(method, template or path.split("?")[0], answer)
    assert answer.status in expected, (method, path, answer)
    return answer


def world(stack: Stack):
    """One of everything, made once: ids by the parameter and the area of a path."""
    if hasattr(stack, "things"):
        return stack.things
    things = {}
    project = made(stack, "POST", "/api/v1/projects", {"name": "surface"}).json
    things["projects"] = project["id"]
    task = made(stack, "POST", "/api/v1/tasks", {
        "prompt": "What is 6 times 7?", "project_id": project["id"], "labels": ["a"]}, {"prefer": "wait=60"}).json
    assert task["status"] == "succeeded", task
    things["tasks"], things["runs"] = task["id"], task["run"]["id"]
    made(stack, "PUT", "/api/v1/workflows/surface-ask", {"name": "surface-ask", "steps": [
        {"key": "go", "type": "signal", "signal": "go"},
        {"key": "ok", "type": "approval", "depends_on": ["go"], "input": {"text": "Shall it go on?"}}]},
        template="/api/v1/workflows/{name}")
    things["workflows"] = "surface-ask"
    run = made(stack, "POST", "/api/v1/tasks", {"workflow": "surface-ask", "input": {}, "project_id": project["id"]}).json["run"]["id"]
    made(stack, "POST", f"/api/v1/runs/{run}/signals", {"name": "go"}, template="/api/v1/runs/{id}/signals")
    approval = stack.until(
        lambda: stack.call("GET", f"/api/v1/approvals?run_id={run}").json["approvals"], "the approval is asked")[0]
    things["approvals"] = approval["id"]
    things["steps"] = stack.call("GET", f"/api/v1/runs/{things['runs']}/steps").json["steps"][0]["id"]
    things["schedules"] = made(stack, "POST", "/api/v1/schedules", {
        "name": "surface", "cron": "0 7 * * *", "task": {"prompt": "x", "project_id": project["id"]}, "paused": True}).json["id"]
    things["artefacts"] = made(stack, "POST", "/api/v1/artefacts?name=a/b.txt", b"text").json["id"]
    things["memories"] = made(stack, "POST", "/api/v1/memories", {"text": "a memory", "tags": ["x"]}).json["id"]
    things["tools"] = made(stack, "POST", "/api/v1/tools", {
        "manifest": {"name": "surface", "description": "d", "runtime": "python", "parameters": {"type": "object"}},
        "source": "def run():\n    return 1\n"}).json["name"]
    things["mcp-servers"] = made(stack, "POST", "/api/v1/mcp-servers", {
        "name": "surface", "transport": "http", "url": "http://127.0.0.1:9/mcp", "enabled": False}).json["id"]
    things["budgets"] = made(stack, "POST", "/api/v1/budgets", {
        "scope": "agent", "subject": "surface", "period": "day", "tokens": 1_000_000, "usd": 5}).json["id"]
    things["rate-limits"] = made(stack, "POST", "/api/v1/rate-limits", {
        "scope": "agent", "subject": "surface", "requests_per_minute": 1000}).json["id"]
    things["virtual-keys"] = made(stack, "POST", "/api/v1/virtual-keys", {"agent": "surface"}).json["id"]
    made(stack, "PUT", "/api/v1/providers/surface", {"kind": "compatible", "base_url": "http://127.0.0.1:9/v1"},
         template="/api/v1/providers/{provider}")
    made(stack, "PUT", "/api/v1/providers/surface/models/surface-model", {"tier": "small", "price": {"input": 1, "output": 2}},
         template="/api/v1/providers/{provider}/models/{model}")
    made(stack, "PUT", "/api/v1/aliases/surface-alias", {"models": ["surface-model"]}, template="/api/v1/aliases/{alias}")
    made(stack, "PUT", "/api/v1/limits/agent/surface", {"slots": 3}, template="/api/v1/limits/{scope}/{name}")
    calls = stack.until(
        lambda: [call for call in stack.call("GET", "/api/v1/calls").json["calls"]], "a call of a model is recorded")
    things["calls"] = calls[0]["id"]
    stack.things = things
    return things


def address(path, things, unknown=False):
    """The path of an operation with its parameters filled in; `None` where there is nothing to fill in."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        if not part.startswith("{"):
            continue
        area, name = parts[index - 1], part[1:-1]
        if name in ("provider", "model", "alias"):
            parts[index] = {"provider": "surface", "model": "surface-model", "alias": "surface-alias"}[name]
        elif name == "version":
            parts[index] = "1"
        elif name == "scope":
            parts[index] = "agent"
        elif area == "{scope}" or parts[index - 1] == "agent":
            parts[index] = "surface"
        elif name == "file":
            parts[index] = "reference.css"
        elif area in things:
            parts[index] = things[area]
        else:
            return None
        if unknown:
            found = re.fullmatch(r"([a-z]+)_[0-9a-f]{32}", parts[index])
            parts[index] = f"{found.group(1)}_{NOTHING}" if found else "nothing-of-this-name"
    return "/".join(parts)


def case_the_description_is_valid(stack):
    validate(stack.document.value)
    for name, schema in stack.document.value["components"]["schemas"].items():
        for example in schema.get("examples", []):
            jsonschema.Draft202012Validator({"components": stack.document.value["components"], **schema}).validate(example)


def case_every_address_that_reads_answers_as_described(stack):
    things = world(stack)
    seen = 0
    for method, path, _ in stack.document.operations():
        target = address(path, things) if method == "GET" and not path.startswith(("/v1/files", "/v1/responses")) else None
        if path == "/v1/models/{model}":
            target = "/v1/models/surface-model"
        if target is None:
            continue
        answer = stack.call("GET", target)
        stack.document.check(method, path, answer)
        # Questions and beliefs need an agent that asks.
        # Addresses of sessions are for browsers.
        is_for_browsers = path.startswith("/auth/v1/") and answer.status in (302, 403, 404)
        assert answer.status == 200 or is_for_browsers or path.endswith(("/belief", "/result")), (path, answer)
        seen += 1
    assert seen > 50, seen


def case_what_is_not_there_is_answered_as_described(stack):
    things = {**world(stack), "questions": f"step_{NOTHING}"}
    bodies = {"PATCH": {}, "PUT": {}, "POST": {}}
    for method, path, operation in stack.document.operations():
        if "{" not in path or path.startswith(("/v1/", "/reference")):
            continue
        target = address(path, things, unknown=True)
        if target is None:
            continue
        answer = stack.call(method, target, bodies.get(method))
        stack.document.check(method, path, answer)
        assert answer.status < 500, (path, answer)
        if method == "GET" or "{id}" in path and method in ("PATCH", "DELETE") and "virtual-keys" not in path:
            assert answer.status == 404, (method, path, answer)


def case_changes_answer_as_described(stack):
    things = world(stack)
    task = stack.call("GET", f"/api/v1/tasks/{things['tasks']}")
    tag = task.headers["etag"]
    made(stack, "PATCH", f"/api/v1/tasks/{things['tasks']}", {"title": "t"}, {"if-match": tag}, "/api/v1/tasks/{id}")
    old = stack.call("PATCH", f"/api/v1/tasks/{things['tasks']}", {"title": "u"}, {"if-match": tag})
    stack.document.check("PATCH", "/api/v1/tasks/{id}", old)
    assert old.status == 412, old
    for area, change in (("projects", {"description": "d"}), ("schedules", {"paused": True}), ("budgets", {"usd": 6}),
                         ("mcp-servers", {"timeout_ms": 1000})):
        made(stack, "PATCH", f"/api/v1/{area}/{things[area]}", change, template=f"/api/v1/{area}/{{id}}")
    made(stack, "POST", f"/api/v1/runs/{things['runs']}/replay", template="/api/v1/runs/{id}/replay")
    made(stack, "POST", f"/api/v1/runs/{things['runs']}/fork", {"from_step": "answer"}, template="/api/v1/runs/{id}/fork")
    ended = stack.call("POST", f"/api/v1/runs/{things['runs']}/cancel", {})
    stack.document.check("POST", "/api/v1/runs/{id}/cancel", ended)
    assert ended.status == 409, ended
    approval = stack.call("GET", f"/api/v1/approvals/{things['approvals']}").json
    made(stack, "POST", f"/api/v1/runs/{approval['run_id']}/pause", template="/api/v1/runs/{id}/pause")
    made(stack, "POST", f"/api/v1/runs/{approval['run_id']}/resume", template="/api/v1/runs/{id}/resume")
    made(stack, "POST", f"/api/v1/approvals/{approval['id']}/decision",
         {"decision": "approve", "subject_sha256": approval["subject_sha256"]}, template="/api/v1/approvals/{id}/decision")
    made(stack, "POST", "/api/v1/schedules/preview", {"cron": "@daily"})
    made(stack, "POST", "/api/v1/workflows/validate", {"name": "x", "steps": [{"key": "a", "type": "delay", "delay_ms": 1}]})
    made(stack, "POST", "/api/v1/runs/bulk-cancel", {"workflow": "nothing"})
    chat = made(stack, "POST", "/v1/chat/completions", {
        "model": stack.call("GET", "/v1/models").json["data"][0]["id"], "messages": [{"role": "user", "content": "x"}]},
        expected=(200, 402, 502, 503))
    assert chat.json


def case_a_query_item_that_is_not_known_is_refused_everywhere(stack):
    things = world(stack)
    for method, path, operation in stack.document.operations():
        target = address(path, things)
        if method != "GET" or target is None or not path.startswith(("/api/v1", "/operator/v1")):
            continue
        for query, code in (("nonsense=1", "unknown"), ("limit=1&limit=2", "repeated")):
            if code == "repeated" and "limit" not in [one.get("name") for one in operation.get("parameters", [])]:
                continue
            answer = stack.call("GET", f"{target}?{query}")
            assert answer.status == 400 and answer.json["errors"][0]["code"] == code, (path, answer)


def case_lists_page_the_same_way(stack):
    things = world(stack)
    for method, path, operation in stack.document.operations():
        names = {one.get("name") for one in operation.get("parameters", [])}
        target = address(path, things)
        if method != "GET" or not {"limit", "cursor"} <= names or target is None:
            continue
        for bad in ("limit=0", "limit=100000", "limit=x", "cursor=!!"):
            answer = stack.call("GET", f"{target}?{bad}")
            assert answer.status == 400 and answer.json["code"] == "invalid_parameter", (path, bad, answer)
        answer = stack.call("GET", f"{target}?limit=1")
        assert answer.status == 200 and "next_cursor" in answer.json, (path, answer)
        if answer.json["next_cursor"] is not None:
            entries = next(name for name, value in answer.json.items() if isinstance(value, list))
            after = stack.call("GET", f"{target}?limit=1&cursor={answer.json['next_cursor']}").json
            assert not after[entries] or after[entries] != answer.json[entries], (path, after)


def case_lists_are_restricted_to_a_project(stack):
    things = world(stack)
    other = made(stack, "POST", "/api/v1/projects", {"name": "empty"}).json["id"]
    for area in ("tasks", "runs", "approvals", "schedules"):
        here = stack.call("GET", f"/api/v1/{area}?project_id={things['projects']}").json[area]
        assert here, area
        assert stack.call("GET", f"/api/v1/{area}?project_id={other}").json[area] == [], area


def case_the_model_that_has_answered_is_recorded(stack):
    things = world(stack)
    run = stack.call("GET", f"/api/v1/runs/{things['runs']}").json
    used = run["result"]["model"]
    call = stack.until(
        lambda: stack.call("GET", f"/api/v1/calls?run={things['runs']}").json["calls"], "the call is recorded")[0]
    assert call["model"] == used and call["provider"], (call, run)
    assert call["project"] == things["projects"], call
    # Under another name it is the same model that answers, and both are recorded.
    made(stack, "PUT", "/api/v1/aliases/surface-used", {"models": [used]}, template="/api/v1/aliases/{alias}")
    other = made(stack, "POST", "/api/v1/tasks", {"prompt": "x", "model": "surface-used"}, {"prefer": "wait=60"}).json["run"]
    assert other["result"]["model"] == used, other
    call = stack.until(
        lambda: stack.call("GET", f"/api/v1/calls?run={other['id']}").json["calls"], "the call is recorded")[0]
    assert (call["model"], call["model_asked"]) == (used, "surface-used"), call
    assert [one["name"] for one in stack.call("GET", f"/api/v1/models?provider={call['provider']}").json["models"]] == [used]
    sums = stack.call("GET", f"/api/v1/usage?group_by=project,model&run={things['runs']}").json["usage"]
    assert sums[0]["model"] == used and sums[0]["project"] == things["projects"], sums
