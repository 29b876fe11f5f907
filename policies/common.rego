# What the packages have in common: roles, the data of the tenant, and the form of a decision.
package cadre.common

# The rank of a role. A role that is not known has none, so whoever has it may do nothing.
rank(role) := data.cadre.config.roles[role]

# The rank that is asked for by naming a role. A role that is not known is above all: nobody has it.
required_rank(role) := object.get(data.cadre.config.roles, role, 9)

# The rank for which a tenant has asked, but none below the lowest that it may choose. Without a choice the standard holds.
chosen_rank(standard, _, null) := required_rank(standard)

chosen_rank(_, lowest, chosen) := max([required_rank(chosen), required_rank(lowest)]) if chosen != null

# What the tenant of the subject has set for itself.
default tenant := {}

tenant := data.tenants[input.subject.tenant]

is_suspended if tenant.status == "suspended"

# Whether a name fits one of the patterns, in which * stands for any text.
matches(patterns, name) if {
	some pattern in patterns
	glob.match(pattern, null, name)
}

allow(rule) := {"effect": "allow", "reasons": [], "rule": rule}

deny(rule, reason) := {"effect": "deny", "reasons": [reason], "rule": rule}

# A reason to deny or to ask, with the name of its rule.
finding(rule, reason) := [rule, reason]

# The decision of several findings: one denial is enough, then one that asks. The first rule by name gives the decision its
# name, and reasons stand in the order of their rules.
combine(denials, asks) := {"effect": "deny", "reasons": reasons(denials), "rule": first(denials)} if {
	count(denials) > 0
} else := {"effect": "ask", "reasons": reasons(asks), "rule": first(asks)} if {
	count(asks) > 0
} else := allow("default") if {
	# Asked for, so that a decision that cannot be made is none, and not this one.
	count(denials) == 0
	count(asks) == 0
}

reasons(findings) := [finding[1] | some finding in sort(findings)]

first(findings) := min({finding[0] | some finding in findings})
