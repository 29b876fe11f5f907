package cadre.sessions_test

import data.cadre.sessions

decision(role, action) := made if made := sessions.decision with input as {
	"subject": {"id": "user_1", "role": role, "tenant": "t"},
	"action": action,
}

sign_in := {"kind": "sign_in", "method": "password", "has_second_factor": false}

test_users_sign_in if {
	decision("member", sign_in) == {"effect": "allow", "reasons": [], "rule": "default"}
	decision("owner", object.union(sign_in, {"method": "oidc"})).effect == "allow"
	decision("owner", {"kind": "refresh"}).effect == "allow"
	decision("owner", {"kind": "second_factor"}).effect == "allow"
}

test_what_is_not_known_is_denied if {
	decision("owner", {"kind": "dance"}).rule == "unknown_kind"
	decision("root", sign_in).rule == "role"
	decision("owner", {"kind": "sign_in"}).rule == "method"
	decision("owner", {"kind": "sign_in", "method": "magic"}).rule == "method"
	sessions.decision.effect == "deny" with input as {}
}

test_suspended if decision("owner", sign_in).rule == "suspended" with data.tenants as {"t": {"status": "suspended"}}

test_a_tenant_names_the_ways_to_sign_in if {
	tenants := {"t": {"sessions": {"methods": ["oidc"]}}}
	decision("owner", sign_in).rule == "method" with data.tenants as tenants
	decision("owner", {"kind": "sign_in", "method": "oidc"}).effect == "allow" with data.tenants as tenants
}

test_a_tenant_asks_for_a_second_factor if {
	tenants := {"t": {"sessions": {"second_factor_from": "admin"}}}
	decision("admin", sign_in) == {
		"effect": "ask",
		"reasons": ["the role asks for a second factor"],
		"rule": "second_factor",
	} with data.tenants as tenants
	decision("admin", object.union(sign_in, {"has_second_factor": true})).effect == "allow" with data.tenants as tenants
	decision("member", sign_in).effect == "allow" with data.tenants as tenants
	decision("admin", {"kind": "refresh"}).rule == "second_factor" with data.tenants as tenants
	decision("admin", {"kind": "refresh"}).effect == "deny" with data.tenants as tenants
	decision("admin", {"kind": "second_factor"}).effect == "allow" with data.tenants as tenants
	decision("viewer", sign_in).effect == "ask" with data.tenants as {"t": {"sessions": {"second_factor_from": "everybody"}}}
}
