package cadre.approvals_test

import data.cadre.approvals

call := {"kind": "tool_call", "tool": "http_post", "risk": "network", "requested_by": "user_2", "decision": "approve"}

decision(role, action) := made if made := approvals.decision with input as {
	"subject": {"id": "user_1", "role": role, "tenant": "t"},
	"action": action,
}

changed(role, changes) := decision(role, object.union(call, changes))

test_the_risk_asks_for_a_role if {
	decision("operator", call) == {"effect": "allow", "reasons": [], "rule": "default"}
	decision("member", call).rule == "role"
	changed("member", {"risk": "write"}).effect == "allow"
	changed("viewer", {"risk": "read"}).rule == "role"
	changed("operator", {"risk": "magic"}).rule == "role"
	changed("operator", {"risk": null}).rule == "role"
	changed("admin", {"risk": "magic"}).effect == "allow"
	changed("admin", {"risk": null}).effect == "allow"
}

test_the_kind_asks_for_a_role if {
	decision("member", {"kind": "step", "decision": "approve"}).effect == "allow"
	decision("member", {"kind": "question", "decision": "answer"}).effect == "allow"
	decision("viewer", {"kind": "question", "decision": "answer"}).rule == "role"
	decision("member", {"kind": "unknown_outcome", "decision": "done"}).rule == "role"
	decision("operator", {"kind": "unknown_outcome", "decision": "done"}).effect == "allow"
	decision("owner", {"kind": "wedding", "decision": "approve"}).effect == "deny"
}

test_members_may_reject if {
	changed("member", {"decision": "reject"}).effect == "allow"
	changed("viewer", {"decision": "reject"}).rule == "role"
	changed("root", {"decision": "reject"}).rule == "role"
}

test_what_is_not_known_is_denied if {
	approvals.decision.effect == "deny" with input as {}
	decision("owner", {"kind": "step"}).rule == "malformed"
	decision("owner", {"kind": 1, "decision": "approve"}).effect == "deny"
}

test_suspended if decision("owner", call).rule == "suspended" with data.tenants as {"t": {"status": "suspended"}}

test_four_eyes if {
	own := {"requested_by": "user_1"}
	changed("operator", own).effect == "allow"
	every value in [true, ["network"], ["tool_call"]] {
		tenants := {"t": {"approvals": {"four_eyes": value}}}
		changed("operator", own).rule == "four_eyes" with data.tenants as tenants
		changed("owner", {"requested_by": null}).rule == "four_eyes" with data.tenants as tenants
		decision("operator", call).effect == "allow" with data.tenants as tenants
		changed("operator", {"requested_by": "user_1", "decision": "reject"}).effect == "allow" with data.tenants as tenants
	}
	changed("operator", own).effect == "allow" with data.tenants as {"t": {"approvals": {"four_eyes": ["execute"]}}}
}

test_a_subject_without_an_id_is_nobody_else if {
	approvals.decision.rule == "four_eyes" with input as {"subject": {"role": "owner", "tenant": "t"}, "action": call}
		with data.tenants as {"t": {"approvals": {"four_eyes": true}}}
}

test_a_tenant_chooses_roles_within_bounds if {
	decision("member", call).effect == "allow" with data.tenants as {"t": {"approvals": {"roles": {"network": "viewer"}}}}
	decision("viewer", call).rule == "role" with data.tenants as {"t": {"approvals": {"roles": {"network": "viewer"}}}}
	decision("operator", call).rule == "role" with data.tenants as {"t": {"approvals": {"roles": {"network": "admin"}}}}
	decision("admin", call).rule == "role" with data.tenants as {"t": {"approvals": {"roles": {"tool_call": "owner"}}}}
}
