package cadre.runners_test

import data.cadre.runners

image := "registry.example.com/agent@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

pod := {"kind": "pod_start", "image": image}

decision(subject, action) := made if made := runners.decision with input as {
	"subject": object.union({"id": "a", "tenant": "t"}, subject),
	"action": action,
}

runner := {"kind": "runner"}

test_who_registers_runners if {
	decision({"role": "admin"}, {"kind": "register"}).effect == "allow"
	decision({"is_operator": true}, {"kind": "register"}).effect == "allow"
	decision({"role": "operator"}, {"kind": "register"}).rule == "register_role"
	decision(runner, {"kind": "register"}).rule == "register_role"
}

test_runners_lease_and_start if {
	decision(runner, {"kind": "lease"}) == {"effect": "allow", "reasons": [], "rule": "default"}
	decision(runner, pod).effect == "allow"
	decision({"kind": "session", "role": "owner"}, {"kind": "lease"}).rule == "not_a_runner"
	decision({"kind": "session", "role": "owner"}, pod).rule == "not_a_runner"
}

test_who_runs_commands_in_pods if {
	decision({"role": "operator"}, {"kind": "pod_exec"}).effect == "allow"
	decision({"role": "member"}, {"kind": "pod_exec"}).rule == "exec_role"
	decision(runner, {"kind": "pod_exec"}).rule == "exec_role"
	decision({"role": "operator"}, {"kind": "pod_exec"}).rule == "exec_role" with data.tenants as {"t": {"runners": {"exec_role": "owner"}}}
}

test_pods_have_no_privileges if {
	every right in ["is_privileged", "uses_host_network", "uses_host_paths", "uses_host_processes"] {
		decision(runner, object.union(pod, {right: true})).rule == "privileged"
		decision(runner, object.union(pod, {right: "perhaps"})).rule == "privileged"
		decision(runner, object.union(pod, {right: false})).effect == "allow"
	}
}

test_images if {
	decision(runner, {"kind": "pod_start"}).rule == "image"
	tenants := {"t": {"runners": {"images": ["registry.example.com/*"], "pinned_images": true}}}
	decision(runner, pod).effect == "allow" with data.tenants as tenants
	decision(runner, {"kind": "pod_start", "image": "docker.io/a"}).rule == "image" with data.tenants as tenants
	decision(runner, {"kind": "pod_start", "image": "registry.example.com/a:1"}).rule == "unpinned_image" with data.tenants as tenants
}

test_what_is_not_known_is_denied if {
	decision(runner, {"kind": "dance"}).rule == "unknown_kind"
	runners.decision.rule == "unknown_kind" with input as {}
}

test_suspended if decision(runner, pod).rule == "suspended" with data.tenants as {"t": {"status": "suspended"}}
