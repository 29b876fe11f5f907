"""Who may do what, from outside: what holds whatever the policies say, and who is named in the audit log."""
import json
import re
import secrets


def invited(stack, role):
    """The API key of a new user."""
    email = f"{role}-{secrets.token_hex(4)}@example.com"
    made = stack.call("POST", "/api/v1/invitations", {"email": email, "role": role})
    assert made.status == 201, made
    accepted = stack.call("POST", "/api/v1/invitations/accept", {"token": made.json["token"], "key": {"name": "first"}})
    assert accepted.status == 201, accepted
    return accepted.json["key"]["key"] if isinstance(accepted.json["key"], dict) else accepted.json["key"]


def tool(stack, key, name, arguments):
    answer = stack.call(
        "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}},
        {"accept": "application/json, text/event-stream"}, key=key)
    return answer.status, answer.body.decode()


def case_readers_change_nothing_and_operators_addresses_stay_closed_without_policies(stack):
    viewer = invited(stack, "viewer")
    try:
        assert stack.call("PUT", "/operator/v1/policy", {"mode": "off"}).status == 200
        for path in ["/operator/v1/audit", "/operator/v1/tenants", "/operator/v1/policy", "/operator/v1/weights"]:
            answer = stack.call("GET", path, key=viewer)
            assert answer.status == 403 and answer.json["code"] == "operator_required", (path, answer)
        for path, body in [("/api/v1/tasks", {"prompt": "x"}), ("/api/v1/virtual-keys", {}),
                           ("/api/v1/budgets", {"scope": "tenant", "tokens": 5, "period": "month"}),
                           ("/api/v1/runs/bulk-cancel", {"all": True})]:
            answer = stack.call("POST", path, body, key=viewer)
            assert answer.status == 403, (path, answer)
        status, text = tool(stack, viewer, "submit_task", {"prompt": "x"})
        assert "may only read" in text, (status, text)
        assert stack.call("GET", "/api/v1/tasks", key=viewer).status == 200
    finally:
        assert stack.call("PUT", "/operator/v1/policy", {"mode": "enforce"}).status == 200


def case_a_sign_in_is_in_the_audit_log_of_its_tenant(stack):
    password = re.search(r"^Password:\s+(\S+)", stack.said(), re.M).group(1)
    email, user = re.search(r"^Admin:\s+(\S+) \((\S+)\)", stack.said(), re.M).groups()
    wrong = stack.call("POST", "/auth/v1/sign-in", {"email": email, "password": "not the password"}, {"authorization": ""})
    assert wrong.status == 401, wrong
    right = stack.call("POST", "/auth/v1/sign-in", {"email": email, "password": password}, {"authorization": ""})
    assert right.status == 200, right

    def entries():
        found = stack.call("GET", f"/api/v1/audit?actor={user}&limit=50").json["entries"]
        kinds = {(entry["kind"], entry.get("code", "")) for entry in found}
        return {("refusal", "refused"), ("outcome", "signed_in")} <= kinds

    stack.until(entries, "the sign-ins stand in the log")
    assert stack.call("GET", "/api/v1/audit/verification").json.get("intact", True) is True
    assert password not in json.dumps(stack.call("GET", "/api/v1/audit?limit=200").json)
