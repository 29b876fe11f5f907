# What runners may do, and what may run on them.
package cadre.runners

import data.cadre.common

config := data.cadre.config.runners

tenant := object.get(common.tenant, "runners", {})

action := input.action

decision := common.combine(denials, set())

denials contains common.finding("unknown_kind", "this is nothing that a runner does") if {
	not is_known
}

denials contains common.finding("suspended", "the tenant is suspended") if common.is_suspended

denials contains common.finding("register_role", "registering a runner asks for a higher role") if {
	action.kind == "register"
	not may_register
}

denials contains common.finding("not_a_runner", "only runners do this") if {
	action.kind in {"lease", "pod_start"}
	not is_runner
}

denials contains common.finding("exec_role", "running a command in a pod asks for a higher role") if {
	action.kind == "pod_exec"
	not may_exec
}

denials contains common.finding("privileged", "pods have no privileges of their machine") if {
	some right in ["is_privileged", "uses_host_network", "uses_host_paths", "uses_host_processes"]
	object.get(action, right, false) != false
}

denials contains common.finding("image", "the image is not one that is allowed") if {
	action.kind == "pod_start"
	not is_image
}

denials contains common.finding("unpinned_image", "the tenant asks for images by digest") if {
	action.kind == "pod_start"
	tenant.pinned_images == true
	not is_pinned
}

is_known if action.kind in {"register", "lease", "pod_start", "pod_exec"}

may_exec if {
	common.rank(input.subject.role) >= common.required_rank(object.get(tenant, "exec_role", config.exec_role))
}

may_register if input.subject.is_operator == true

may_register if common.rank(input.subject.role) >= common.required_rank(config.register_role)

is_runner if input.subject.kind == "runner"

is_image if {
	common.matches(config.images, action.image)
	common.matches(object.get(tenant, "images", ["*"]), action.image)
}

is_pinned if regex.match(`@sha256:[0-9a-f]{64}$`, action.image)
