# Who may decide what waits for a person. Rejecting is always easier than approving.
package cadre.approvals

import data.cadre.common

config := data.cadre.config.approvals

tenant := object.get(common.tenant, "approvals", {})

action := input.action

decision := common.combine(denials, set())

denials contains common.finding("malformed", "the question names no kind and decision") if not is_complete

denials contains common.finding("suspended", "the tenant is suspended") if common.is_suspended

denials contains common.finding("unknown_kind", "approvals of this kind are not known") if {
	not is_known
}

denials contains common.finding("role", "the decision asks for a higher role") if not has_role

denials contains common.finding("four_eyes", "who has asked for it cannot approve it") if {
	not is_rejection
	needs_four_eyes
	not is_another
}

is_complete if {
	is_string(action.kind)
	is_string(action.decision)
}

is_known if config.kinds[action.kind]

is_rejection if action.decision == "reject"

has_role if {
	is_rejection
	common.rank(input.subject.role) >= common.required_rank(config.reject_role)
}

has_role if common.rank(input.subject.role) >= least_rank

# The highest role that the kind and the risk ask for. A tool call whose risk is not known asks for an admin.
least_rank := max([kind_rank, risk_rank])

kind_rank := common.chosen_rank(
	config.kinds[action.kind].role,
	config.tenant_minimum,
	object.get(tenant, ["roles", action.kind], null),
)

risk_rank := common.chosen_rank(
	object.get(config.risks, [action.risk, "role"], "admin"),
	config.tenant_minimum,
	object.get(tenant, ["roles", action.risk], null),
) if {
	action.kind in {"tool_call", "unknown_outcome"}
	is_string(action.risk)
} else := common.required_rank("admin") if {
	action.kind == "tool_call"
} else := 0

# A list of risks and kinds, or true for all.
needs_four_eyes if tenant.four_eyes == true

needs_four_eyes if action.kind in tenant.four_eyes

needs_four_eyes if action.risk in tenant.four_eyes

is_another if {
	is_string(action.requested_by)
	is_string(input.subject.id)
	action.requested_by != input.subject.id
}
