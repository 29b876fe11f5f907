package cadre.http_test

import data.cadre.http

tasks := {"method": "POST", "route": "/api/v1/tasks", "service": "orchestrator", "access": "tenant", "is_change": true}

all_grants := ["admin", "approve", "models", "read", "write"]

# The decision about a subject of the tenant "t".
decision(role, grants, action) := made if made := http.decision with input as {
	"subject": {
		"id": "user_1", "kind": "api_key", "role": role, "grants": grants, "tenant": "t", "is_operator": false,
	},
	"action": action,
}

effect(role, grants, method, route) := decision(role, grants, {"method": method, "route": route}).effect

test_members_submit_tasks if {
	decision("member", ["write"], tasks) == {"effect": "allow", "reasons": [], "rule": "tasks.write"}
}

test_viewers_read if {
	effect("viewer", ["read"], "GET", "/api/v1/tasks") == "allow"
	effect("viewer", ["read"], "GET", "/api/v1/runs/{id}/events") == "allow"
	decision("viewer", all_grants, tasks) == {
		"effect": "deny",
		"reasons": ["tasks.write asks for a higher role"],
		"rule": "role",
	}
}

test_a_credential_needs_the_scope if {
	decision("owner", ["read"], tasks) == {
		"effect": "deny",
		"reasons": ["the credential lacks the scope write"],
		"rule": "grant",
	}
}

test_everybody_sees_oneself if effect("viewer", [], "GET", "/api/v1/me") == "allow"

test_money_is_for_admins if {
	effect("operator", all_grants, "POST", "/api/v1/budgets") == "deny"
	effect("admin", all_grants, "POST", "/api/v1/budgets") == "allow"
	effect("owner", all_grants, "POST", "/api/v1/virtual-keys") == "allow"
}

test_policies_are_for_admins if {
	effect("operator", all_grants, "GET", "/api/v1/policy/data") == "deny"
	effect("admin", ["read"], "GET", "/api/v1/policy/data") == "allow"
	effect("admin", ["read", "write"], "PUT", "/api/v1/policy/data") == "deny"
	effect("admin", all_grants, "PUT", "/api/v1/policy/data") == "allow"
	effect("owner", all_grants, "POST", "/api/v1/policy/explain") == "allow"
	decision("owner", all_grants, {"method": "PUT", "route": "/operator/v1/policy"}).rule == "operator"
}

test_unknown_roles_may_nothing if {
	effect("root", all_grants, "GET", "/api/v1/tasks") == "deny"
	effect(null, all_grants, "GET", "/api/v1/tasks") == "deny"
}

test_unknown_routes_are_denied if {
	decision("owner", all_grants, {"method": "GET", "route": "/api/v1/nothing"}).rule == "unknown_route"
	decision("owner", all_grants, {"method": "DELETE", "route": "/api/v1/tasks"}).rule == "unknown_route"
	http.decision.rule == "unknown_route" with input as {}
}

test_routes_of_workers_are_denied if {
	decision("owner", all_grants, {"method": "POST", "route": "/worker/v1/leases"}).rule == "internal_route"
}

test_anonymous if {
	anonymous := {"kind": "anonymous", "grants": [], "tenant": null, "is_operator": false}
	http.decision.rule == "anonymous" with input as {"subject": anonymous, "action": tasks}
	http.decision.rule == "anonymous" with input as {"action": tasks}
	http.decision.effect == "allow" with input as {
		"subject": anonymous,
		"action": {"method": "GET", "route": "/openapi.json"},
	}
}

test_virtual_keys_call_models_only if {
	subject := {"id": "virtual_key", "kind": "virtual_key", "role": "member", "grants": ["models"], "tenant": null}
	call := {"method": "POST", "route": "/v1/chat/completions"}
	http.decision.rule == "virtual_key" with input as {"subject": subject, "action": call}
	http.decision.rule == "grant" with input as {"subject": subject, "action": tasks}
}

test_operators if {
	subject := {"id": "key:root", "kind": "configured_key", "role": "owner", "grants": ["operator"], "tenant": "t"}
	action := {"method": "PUT", "route": "/operator/v1/weights/{tenant}"}
	operator := object.union(subject, {"is_operator": true})
	http.decision == {"effect": "allow", "reasons": [], "rule": "weights.write"} with input as {
		"subject": operator,
		"action": action,
	}
	http.decision.rule == "operator" with input as {"subject": subject, "action": action}
	http.decision.rule == "operator" with input as {
		"subject": object.union(subject, {"is_operator": "yes"}),
		"action": action,
	}
	http.decision.rule == "grant" with input as {
		"subject": object.union(operator, {"grants": ["admin"]}),
		"action": action,
	}
}

test_suspended_tenants_may_nothing if {
	decision("owner", all_grants, tasks).rule == "suspended" with data.tenants as {"t": {"status": "suspended"}}
	decision("owner", all_grants, tasks).effect == "allow" with data.tenants as {"u": {"status": "suspended"}}
}

test_a_tenant_may_ask_for_more if {
	strict := {"t": {"http": {"roles": {"tasks.write": "operator"}}}}
	effect("member", all_grants, "POST", "/api/v1/tasks") == "deny" with data.tenants as strict
	effect("operator", all_grants, "POST", "/api/v1/tasks") == "allow" with data.tenants as strict
}

test_a_tenant_may_ask_for_less_within_bounds if {
	open := {"t": {"http": {"roles": {"tools.write": "viewer", "budgets.write": "viewer"}}}}
	effect("member", all_grants, "POST", "/api/v1/tools") == "deny"
	effect("member", all_grants, "POST", "/api/v1/tools") == "allow" with data.tenants as open
	effect("viewer", all_grants, "POST", "/api/v1/tools") == "deny" with data.tenants as open
	effect("operator", all_grants, "POST", "/api/v1/budgets") == "deny" with data.tenants as open
}

# Tables that do not fit together would deny: better is to find it here.
test_every_route_has_a_permission if {
	count(data.cadre.config.routes) > 0
	every methods in data.cadre.config.routes {
		every name in methods { data.cadre.config.permissions[name] }
	}
}

test_every_permission_is_used_and_complete if {
	used := {name | some methods in data.cadre.config.routes; some name in methods}
	used == object.keys(data.cadre.config.permissions)
	every permission in data.cadre.config.permissions { is_complete(permission) }
}

is_complete(permission) if permission.access in {"anonymous", "internal"}

is_complete(permission) if {
	permission.access == "operator"
	permission.grant == "operator"
}

is_complete(permission) if {
	permission.access in {"tenant", "models"}
	data.cadre.config.roles[permission.role]
	permission.grant in {"admin", "any", "approve", "models", "read", "write"}
	data.cadre.config.roles[object.get(permission, "tenant_minimum", "owner")]
}
