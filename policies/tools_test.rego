package cadre.tools_test

import data.cadre.tools

subject := {"id": "user_1", "role": "member", "agent": "writer", "project": "p", "tenant": "t"}

fetch := {
	"tool": "http_fetch", "source": "built_in", "risk": "network", "is_idempotent": true,
	"arguments": {"url": "https://api.example.com/v1"}, "labels": {},
}

python := {
	"tool": "run_python", "source": "built_in", "risk": "execute", "is_idempotent": true,
	"arguments": {"code": "1"}, "labels": {},
}

decision(action) := made if made := tools.decision with input as {"subject": subject, "action": action}

changed(action, changes) := decision(object.union(action, changes))

fetched(url) := changed(fetch, {"arguments": {"url": url}})

test_members_use_tools_of_every_risk if {
	every risk in ["read", "write", "execute", "network"] {
		changed(python, {"risk": risk}) == {"effect": "allow", "reasons": [], "rule": "default"}
	}
	decision(fetch).effect == "allow"
}

test_tasks_without_a_role_are_those_of_members if {
	tools.decision.effect == "allow" with input as {"subject": {"id": "a", "tenant": "t"}, "action": fetch}
}

test_viewers_read if {
	viewer := object.union(subject, {"role": "viewer"})
	reading := object.union(python, {"risk": "read"})
	tools.decision.effect == "allow" with input as {"subject": viewer, "action": reading}
	tools.decision.rule == "role" with input as {"subject": viewer, "action": python}
}

test_what_is_not_known_is_denied if {
	changed(python, {"risk": "magic"}).rule == "role"
	"the risk of the tool is not known" in changed(python, {"risk": "magic"}).reasons
	tools.decision.effect == "deny" with input as {}
	changed(python, {"tool": 1}).rule == "malformed"
	changed(python, {"risk": 1}).effect == "deny"
	changed(python, {"source": null}).rule == "malformed"
	tools.decision.effect == "deny" with input as {"subject": object.union(subject, {"role": "root"}), "action": python}
}

test_suspended if decision(python).rule == "suspended" with data.tenants as {"t": {"status": "suspended"}}

test_metadata_of_clouds_is_never_reached if {
	every host in ["169.254.169.254", "METADATA.google.internal", "[fd00:ec2::254]:80", "metadata.google.internal."] {
		fetched(concat("", ["http://", host, "/latest"])).rule == "host_denied"
	}
	fetched("http://user:word@169.254.169.254/").rule == "host_denied"
}

test_addresses_without_a_host_are_denied if {
	every url in ["nothing", "http://", "http://a@b@c/", "http:///x", "http://a b@c\\@d/"] {
		fetched(url).rule == "host_unreadable"
	}
	fetched({"not": "text"}).rule == "host_unreadable"
}

test_labels if {
	changed(fetch, {"labels": {"sensitivity": "confidential"}}).effect == "ask"
	changed(fetch, {"labels": {"sensitivity": "restricted"}}).effect == "deny"
	changed(python, {"labels": {"sensitivity": "restricted"}}).effect == "ask"
	changed(python, {"labels": {"sensitivity": "public", "team": "a"}}).effect == "allow"
}

test_a_tenant_denies if {
	tenants := {"t": {"tools": {
		"deny": ["run_*"], "deny_sources": ["mcp:*"], "deny_hosts": ["*.example.com"],
		"roles": {"network": "admin"},
	}}}
	decision(python).rule == "tool_denied" with data.tenants as tenants
	changed(python, {"source": "mcp:search", "tool": "search"}).rule == "source_denied" with data.tenants as tenants
	changed(fetch, {"risk": "read"}).rule == "host_denied_by_tenant" with data.tenants as tenants
	changed(python, {"tool": "search", "risk": "network"}).rule == "role" with data.tenants as tenants
}

test_a_tenant_lists_what_it_allows if {
	tenants := {"t": {"tools": {"only": ["http_*"], "only_hosts": ["*.example.org"]}}}
	decision(python).rule == "tool_not_listed" with data.tenants as tenants
	decision(fetch).rule == "host_not_listed" with data.tenants as tenants
	fetched("https://a.example.org").effect == "allow" with data.tenants as tenants
}

test_a_tenant_asks if {
	tenants := {"t": {"tools": {"ask": ["http_post"], "ask_risks": ["execute"], "ask_unrepeatable": true}}}
	changed(fetch, {"tool": "http_post"}).rule == "tool_asks" with data.tenants as tenants
	decision(python).rule == "risk_asks" with data.tenants as tenants
	changed(fetch, {"is_idempotent": false}).rule == "unrepeatable" with data.tenants as tenants
	decision(fetch).effect == "allow" with data.tenants as tenants
}

test_a_tenant_trusts_a_tool if {
	labels := {"labels": {"sensitivity": "confidential"}}
	changed(fetch, labels).effect == "allow" with data.tenants as {"t": {"tools": {"trust": ["http_fetch"]}}}
	changed(fetch, {"labels": {"sensitivity": "restricted"}}).effect == "deny" with data.tenants as {"t": {"tools": {"trust": ["*"]}}}
}
