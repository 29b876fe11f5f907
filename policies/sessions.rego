# How people sign in, and whether their session goes on. `ask` asks for the second factor.
package cadre.sessions

import data.cadre.common

config := data.cadre.config.sessions

tenant := object.get(common.tenant, "sessions", {})

action := input.action

decision := common.combine(denials, asks)

denials contains common.finding("unknown_kind", "this is nothing that a session does") if not is_known

denials contains common.finding("suspended", "the tenant is suspended") if common.is_suspended

denials contains common.finding("role", "the user has no role that is known") if not has_role

denials contains common.finding("method", "the tenant does not allow this way to sign in") if {
	action.kind == "sign_in"
	not is_method
}

denials contains common.finding("second_factor", "the session lacks the second factor") if {
	action.kind == "refresh"
	needs_second_factor
	not has_second_factor
}

asks contains common.finding("second_factor", "the role asks for a second factor") if {
	action.kind == "sign_in"
	needs_second_factor
	not has_second_factor
}

is_known if action.kind in config.kinds

has_role if common.rank(input.subject.role)

is_method if {
	action.method in config.methods
	action.method in object.get(tenant, "methods", config.methods)
}

# From this role on. A role that is not known means everybody.
needs_second_factor if {
	least := tenant.second_factor_from
	common.rank(input.subject.role) >= object.get(data.cadre.config.roles, least, 0)
}

has_second_factor if action.has_second_factor == true
