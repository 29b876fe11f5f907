# Which tools an agent may call: by the role of who has submitted the task, the tool, its risk and source, its arguments
# and the labels of the task.
package cadre.tools

import data.cadre.common

config := data.cadre.config.tools

tenant := object.get(common.tenant, "tools", {})

action := input.action

decision := common.combine(denials, asks)

denials contains common.finding("malformed", "the question names no tool, risk and source") if not is_complete

denials contains common.finding("suspended", "the tenant is suspended") if common.is_suspended

denials contains common.finding("unknown_risk", "the risk of the tool is not known") if {
	not is_known_risk
}

denials contains common.finding("role", "tools of this risk ask for a higher role") if {
	not has_role
}

denials contains common.finding("tool_denied", sprintf("the tenant does not allow %s", [action.tool])) if {
	common.matches(tenant.deny, action.tool)
}

denials contains common.finding("tool_not_listed", sprintf("%s is not a tool that the tenant allows", [action.tool])) if {
	tenant.only
	not common.matches(tenant.only, action.tool)
}

denials contains common.finding("source_denied", sprintf("the tenant does not allow tools of %s", [action.source])) if {
	common.matches(tenant.deny_sources, action.source)
}

denials contains common.finding("host_unreadable", "the address of the call names no host") if {
	action.arguments.url
	not host
}

denials contains common.finding("host_denied", sprintf("%s is never reached by tools", [host])) if {
	common.matches(config.denied_hosts, host)
}

denials contains common.finding("host_denied_by_tenant", sprintf("the tenant does not allow %s", [host])) if {
	common.matches(tenant.deny_hosts, host)
}

denials contains common.finding("host_not_listed", sprintf("%s is not a host that the tenant allows", [host])) if {
	tenant.only_hosts
	not common.matches(tenant.only_hosts, host)
}

denials contains common.finding("label", "the labels of the task do not allow a tool of this risk") if {
	"deny" in label_effects
}

asks contains common.finding("label", "the labels of the task ask for an approval of a tool of this risk") if {
	"ask" in label_effects
	not is_trusted
}

asks contains common.finding("tool_asks", sprintf("the tenant asks for an approval of %s", [action.tool])) if {
	common.matches(tenant.ask, action.tool)
}

asks contains common.finding("risk_asks", "the tenant asks for an approval of tools of this risk") if {
	action.risk in tenant.ask_risks
}

asks contains common.finding("unrepeatable", "the tenant asks for an approval of calls that cannot be repeated") if {
	tenant.ask_unrepeatable == true
	not is_idempotent
}

is_complete if {
	is_string(action.tool)
	is_string(action.risk)
	is_string(action.source)
}

is_known_risk if config.risks[action.risk]

is_trusted if common.matches(tenant.trust, action.tool)

is_idempotent if action.is_idempotent == true

# Tasks without a role are those of members.
has_role if {
	role := object.get(input.subject, "role", "member")
	common.rank(role) >= least_rank
}

least_rank := max([
	common.required_rank(config.risks[action.risk].role),
	common.required_rank(object.get(tenant, ["roles", action.risk], "viewer")),
])

# The host of an address, without a user, a port and the brackets of IPv6.
host := trim(lower(found[0][1]), "[].") if {
	found := regex.find_all_string_submatch_n(
		`^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@\\]*@)?(\[[0-9A-Fa-f:.]+\]|[^/?#:@\\\[\]]+)(?::[0-9]*)?(?:[/?#]|$)`,
		action.arguments.url, 1,
	)
}

label_effects contains config.labels[name][value][action.risk] if some name, value in action.labels
