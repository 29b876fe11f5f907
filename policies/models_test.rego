package cadre.models_test

import data.cadre.models

subject := {"id": "user_1", "role": "member", "tenant": "t"}

call := {"model": "gpt-4.1", "provider": "openai", "tier": "large", "max_cost_microusd": 20000}

decision(action) := made if made := models.decision with input as {"subject": subject, "action": action}

changed(changes) := decision(object.union(call, changes))

test_members_call_models if decision(call) == {"effect": "allow", "reasons": [], "rule": "default"}

test_tasks_without_a_role_are_those_of_members if {
	models.decision.effect == "allow" with input as {"subject": {"tenant": "t"}, "action": call}
}

test_what_is_not_known_is_denied if {
	models.decision.effect == "deny" with input as {}
	changed({"model": 1}).rule == "malformed"
	changed({"provider": null}).rule == "malformed"
	changed({"max_cost_microusd": -1}).rule == "malformed"
	changed({"max_cost_microusd": "cheap"}).effect == "deny"
	models.decision.rule == "role" with input as {"subject": {"role": "root"}, "action": call}
}

test_suspended if decision(call).rule == "suspended" with data.tenants as {"t": {"status": "suspended"}}

test_one_call_has_a_bound if {
	changed({"max_cost_microusd": 100000000}).effect == "allow"
	changed({"max_cost_microusd": 100000001}) == {
		"effect": "deny",
		"reasons": ["one call may cost 100000000 micro-dollars at most"],
		"rule": "cost",
	}
}

test_a_tenant_chooses_the_bound if {
	decision(call).rule == "cost" with data.tenants as {"t": {"models": {"call_cost_microusd_max": 10000}}}
	decision(call).rule == "cost" with data.tenants as {"t": {"models": {"call_cost_microusd_max": "much"}}}
	changed({"max_cost_microusd": 500000000}).effect == "allow" with data.tenants as {"t": {"models": {"call_cost_microusd_max": 900000000}}}
	changed({"max_cost_microusd": 2000000000}).rule == "cost" with data.tenants as {"t": {"models": {"call_cost_microusd_max": 9000000000}}}
}

test_a_tenant_denies if {
	tenants := {"t": {"models": {"deny": ["gpt-*"], "deny_providers": ["mistral"], "tier_roles": {"huge": "admin"}, "role": "member"}}}
	decision(call).rule == "model_denied" with data.tenants as tenants
	changed({"model": "x", "provider": "mistral"}).rule == "provider_denied" with data.tenants as tenants
	changed({"model": "x", "tier": "huge"}).rule == "tier_role" with data.tenants as tenants
	changed({"model": "x"}).effect == "allow" with data.tenants as tenants
	models.decision == {"effect": "allow", "reasons": [], "rule": "default"} with data.tenants as tenants
		with input as {"subject": object.union(subject, {"role": "admin"}), "action": object.union(call, {"model": "x", "tier": "huge"})}
	models.decision.rule == "role" with input as {"subject": {"role": "viewer", "tenant": "t"}, "action": object.union(call, {"model": "x"})}
		with data.tenants as tenants
}

test_a_tenant_lists_what_it_allows if {
	tenants := {"t": {"models": {"only": ["claude-*"]}}}
	decision(call).rule == "model_not_listed" with data.tenants as tenants
	changed({"model": "claude-sonnet"}).effect == "allow" with data.tenants as tenants
}

test_tools_have_a_bound_of_their_own if {
	tenants := {"t": {"models": {"tool_call_cost_microusd_max": 1000}}}
	decision(call).effect == "allow" with data.tenants as tenants
	changed({"tool": "summarize"}).rule == "tool_cost" with data.tenants as tenants
}

test_a_tenant_asks if {
	tenants := {"t": {"models": {"ask_above_microusd": 10000}}}
	decision(call).effect == "ask" with data.tenants as tenants
	changed({"max_cost_microusd": 10000}).effect == "allow" with data.tenants as tenants
}
