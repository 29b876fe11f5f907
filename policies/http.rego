# Who may call which endpoint. data/routes.json names the permission of every route, data/permissions.json what each
# permission asks for: an access, the least role, and the grant that the credential must have.
package cadre.http

import data.cadre.common

permission_name := data.cadre.config.routes[input.action.route][input.action.method]

permission := data.cadre.config.permissions[permission_name]

decision := common.deny("unknown_route", "no rule of the policy is about this route") if {
	not permission
} else := common.deny("internal_route", "this route is for the services of the installation") if {
	permission.access == "internal"
} else := common.allow(permission_name) if {
	permission.access == "anonymous"
} else := common.deny("anonymous", "this route asks for a credential") if {
	not is_known
} else := common.deny("suspended", "the tenant is suspended") if {
	common.is_suspended
} else := common.allow("virtual_key") if {
	# The llm-router knows whom the key belongs to and what it may spend.
	permission.access == "models"
	input.subject.kind == "virtual_key"
} else := common.deny("operator", "this route is for operators of the installation") if {
	permission.access == "operator"
	not is_operator
} else := common.deny("grant", sprintf("the credential lacks the scope %s", [permission.grant])) if {
	not has_grant
} else := common.deny("role", sprintf("%s asks for a higher role", [permission_name])) if {
	permission.access != "operator"
	not has_role
} else := common.allow(permission_name)

is_known if {
	is_string(input.subject.kind)
	input.subject.kind != "anonymous"
}

is_operator if input.subject.is_operator == true

has_grant if permission.grant in input.subject.grants

# Of oneself: every credential is enough.
has_grant if permission.grant == "any"

has_role if common.rank(input.subject.role) >= least_rank

# A tenant may choose another least role for a permission: a higher one, or one down to tenant_minimum.
least_rank := common.chosen_rank(
	permission.role,
	object.get(permission, "tenant_minimum", permission.role),
	object.get(common.tenant, ["http", "roles", permission_name], null),
)
