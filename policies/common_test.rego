package cadre.common_test

import data.cadre.common

test_ranks_are_ordered if {
	common.rank("owner") > common.rank("admin")
	common.rank("admin") > common.rank("operator")
	common.rank("operator") > common.rank("member")
	common.rank("member") > common.rank("viewer")
	not common.rank("root")
	common.required_rank("member") == common.rank("member")
	common.required_rank("root") > common.rank("owner")
}

test_a_choice_of_a_tenant_has_a_bound if {
	common.chosen_rank("operator", "member", null) == common.rank("operator")
	common.chosen_rank("operator", "member", "admin") == common.rank("admin")
	common.chosen_rank("operator", "member", "viewer") == common.rank("member")
	common.chosen_rank("operator", "member", "anybody") > common.rank("owner")
}

test_data_of_the_tenant if {
	common.tenant == {} with input as {"subject": {"tenant": "a"}} with data.tenants as {}
	common.tenant == {} with input as {"subject": {"tenant": null}} with data.tenants as {"a": {"x": 1}}
	common.tenant == {"x": 1} with input as {"subject": {"tenant": "a"}} with data.tenants as {"a": {"x": 1}}
	common.is_suspended with input as {"subject": {"tenant": "a"}} with data.tenants as {"a": {"status": "suspended"}}
	not common.is_suspended with input as {"subject": {"tenant": "a"}} with data.tenants as {"a": {"status": "active"}}
}

test_patterns if {
	common.matches(["b", "gpt-*"], "gpt-4.1/mini")
	not common.matches(["gpt-*"], "a-gpt-4")
	not common.matches([], "a")
	not common.matches("*", "a")
}

test_findings_are_combined if {
	one := common.finding("a", "because")
	two := common.finding("b", "also")
	common.combine(set(), set()) == {"effect": "allow", "reasons": [], "rule": "default"}
	common.combine(set(), {one}) == {"effect": "ask", "reasons": ["because"], "rule": "a"}
	common.combine({two}, {one}) == {"effect": "deny", "reasons": ["also"], "rule": "b"}
	common.combine({one, two}, set()).reasons == ["because", "also"]
}
