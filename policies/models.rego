# Which models may be called, and what one call may cost at most. Budgets are kept by the llm-router.
package cadre.models

import data.cadre.common

config := data.cadre.config.models

tenant := object.get(common.tenant, "models", {})

action := input.action

decision := common.combine(denials, asks)

denials contains common.finding("malformed", "the question names no model, provider and cost") if not is_complete

denials contains common.finding("suspended", "the tenant is suspended") if common.is_suspended

denials contains common.finding("role", "calls of models ask for a higher role") if not has_role

denials contains common.finding("model_denied", sprintf("the tenant does not allow the model %s", [action.model])) if {
	common.matches(tenant.deny, action.model)
}

denials contains common.finding("model_not_listed", sprintf("%s is not a model that the tenant allows", [action.model])) if {
	tenant.only
	not common.matches(tenant.only, action.model)
}

denials contains common.finding("provider_denied", sprintf("the tenant does not allow %s", [action.provider])) if {
	common.matches(tenant.deny_providers, action.provider)
}

denials contains common.finding("tier_role", sprintf("the tier %s asks for a higher role", [action.tier])) if {
	least := tenant.tier_roles[action.tier]
	not reaches(least)
}

denials contains common.finding("cost", sprintf("one call may cost %d micro-dollars at most", [cost_max])) if {
	action.max_cost_microusd > cost_max
}

denials contains common.finding("tool_cost", "a call of a model by a tool may not cost so much") if {
	action.tool
	action.max_cost_microusd > tenant.tool_call_cost_microusd_max
}

asks contains common.finding("cost_asks", "the tenant asks for an approval of calls that cost so much") if {
	action.max_cost_microusd > tenant.ask_above_microusd
}

is_complete if {
	is_string(action.model)
	is_string(action.provider)
	action.max_cost_microusd >= 0
	is_number(action.max_cost_microusd)
}

# Tasks without a role are those of members.
role := object.get(input.subject, "role", "member")

reaches(least) if common.rank(role) >= common.required_rank(least)

has_role if {
	common.rank(role) >= max([
		common.required_rank(config.role),
		common.required_rank(object.get(tenant, "role", "viewer")),
	])
}

# A tenant may choose another bound, up to the ceiling. A bound that is no number allows nothing.
default cost_max := 0

cost_max := min([chosen, config.call_cost_microusd_ceiling]) if {
	chosen := object.get(tenant, "call_cost_microusd_max", config.call_cost_microusd_max)
	is_number(chosen)
}
