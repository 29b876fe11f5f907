# The same decisions for whoever brings the data of tenants along, in input.tenants: a server of Open Policy Agent that
# decides for several processes keeps no data of theirs then, and cannot mix up what one of them knows with another's.
package cadre.with_data

approvals := decision if {
	decision := data.cadre.approvals.decision with data.tenants as input.tenants
}

http := decision if {
	decision := data.cadre.http.decision with data.tenants as input.tenants
}

models := decision if {
	decision := data.cadre.models.decision with data.tenants as input.tenants
}

runners := decision if {
	decision := data.cadre.runners.decision with data.tenants as input.tenants
}

sessions := decision if {
	decision := data.cadre.sessions.decision with data.tenants as input.tenants
}

tools := decision if {
	decision := data.cadre.tools.decision with data.tenants as input.tenants
}
