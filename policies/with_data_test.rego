package cadre.with_data_test

import data.cadre.with_data

subject := {"id": "user_1", "kind": "session", "role": "owner", "grants": ["write"], "tenant": "t", "is_operator": false}

suspended := {"t": {"status": "suspended"}}

# The documents that say that the tenant is suspended. What anybody has put into the server does not count.
saying_so(action, tenants) := names if {
	made := with_data with input as {"subject": subject, "action": action, "tenants": tenants} with data.tenants as {"u": {}}
	names := {name | some name, decision in made; "the tenant is suspended" in decision.reasons}
}

test_the_data_that_are_brought_along_count if {
	task := {"method": "POST", "route": "/api/v1/tasks"}
	saying_so(task, suspended) == {"approvals", "http", "models", "runners", "sessions", "tools"}
	saying_so(task, {}) == set()
	saying_so(task, {"u": {"status": "suspended"}}) == set()
}

test_data_of_the_server_do_not_count if {
	with_data.tools.rule != "suspended" with input as {"subject": subject, "action": {}, "tenants": {}} with data.tenants as suspended
}

test_without_any_there_is_no_decision if {
	count(with_data) == 0 with input as {"subject": subject, "action": {}}
}
