"""What agents do besides calling models: tools, people, MCP servers and the sandbox. Much of it is empty where no agent uses it."""
from .panels import BYTES, BYTES_PER_SECOND, COUNT, PER_SECOND, SECONDS, panel, variable

WHERE = 'instance=~"$instance"'


def quantile(q, metric, by="le", where=WHERE):
    return f"histogram_quantile({q}, sum by ({by}) (rate({metric}_bucket{{{where}}}[$__rate_interval])))"


def rate(metric, by="", where=WHERE):
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{where}}}[$__rate_interval]))"


TOOLS = {
    "uid": "cadre-tools", "title": "Cadre / Tools, MCP and sandbox", "description": "What agents do besides calling models: tools, people, MCP servers, code.",
    "variables": [variable("instance", "Instance", 'label_values(cadre_agent_attempts_running{job="agent-core"}, instance)')],
    "rows": [
        ("Tools", [
            panel("Calls", "Calls of tools, by tool. Tools of users and of MCP servers are counted together.", PER_SECOND, (rate("cadre_tool_calls_total", "tool"), "{{tool}}"), stack=True, may_be_empty=True),
            panel("Outcomes", "What came of calls; everything but ok is a code that the model has read.", PER_SECOND, (rate("cadre_tool_calls_total", "outcome"), "{{outcome}}"), stack=True, may_be_empty=True),
            panel("Time of a call", "p99, by tool.", SECONDS, (quantile(0.99, "cadre_tool_call_duration_seconds", "le, tool"), "{{tool}}"), may_be_empty=True),
            panel("Decisions", "What was decided on the calls that models asked for.", PER_SECOND, (rate("cadre_tool_decisions_total", "decision"), "{{decision}}"), stack=True, may_be_empty=True),
            panel("Circuits open", "Tools of tenants that are not called at the moment because they kept failing.", COUNT, (f"sum by (instance) (cadre_tool_circuits_open{{{WHERE}}})", "{{instance}}"), bad=1, may_be_empty=True),
            panel("Results cut", "Results that were longer than their tool's limit.", PER_SECOND, (rate("cadre_tool_results_cut_total", "tool"), "{{tool}}"), may_be_empty=True),
        ]),
        ("People and workers", [
            panel("Steps that wait for people", "Leases given back to wait, and what became of the questions.", PER_SECOND, ("sum(rate(cadre_steps_suspended_total[$__rate_interval]))", "suspended"),
                  ("sum by (outcome) (rate(cadre_questions_settled_total[$__rate_interval]))", "{{outcome}}"), may_be_empty=True),
            panel("Steps given back", "Steps that a worker gave back for another one to go on: it drains, or has too little memory.", PER_SECOND, ("sum(rate(cadre_steps_released_total[$__rate_interval]))", "given back"), may_be_empty=True),
            panel("Memory pressure", "0 below the limits, 1 above the soft one (no steps are leased), 2 above the hard one.", COUNT, (f"max by (instance) (cadre_agent_memory_pressure{{{WHERE}}})", "{{instance}}"), bad=1, may_be_empty=True),
        ]),
        ("MCP servers that agents use", [
            panel("Requests", "Requests to MCP servers, by outcome.", PER_SECOND, (rate("cadre_mcp_requests_total", "outcome"), "{{outcome}}"), stack=True, may_be_empty=True),
            panel("Time of a request", "By method.", SECONDS, (quantile(0.5, "cadre_mcp_request_duration_seconds", "le, method"), "{{method}} p50"),
                  (quantile(0.99, "cadre_mcp_request_duration_seconds", "le, method"), "{{method}} p99"), may_be_empty=True),
            panel("Connections", "Open connections to MCP servers, and calls that wait or run.", COUNT, (f"sum by (transport) (cadre_mcp_connections{{{WHERE}}})", "{{transport}}"), (f"sum(cadre_mcp_calls{{{WHERE}}})", "calls"), may_be_empty=True),
            panel("Starts", "Connections that were opened, or not.", PER_SECOND, (rate("cadre_mcp_starts_total", "transport, outcome"), "{{transport}} {{outcome}}"), may_be_empty=True),
            panel("Faults", "Messages and definitions that were not acceptable.", PER_SECOND, (rate("cadre_mcp_faults_total", "reason"), "{{reason}}"), may_be_empty=True),
        ]),
        ("The platform as an MCP server", [
            panel("Requests at /mcp", "By method.", PER_SECOND, ("sum by (method) (rate(cadre_gateway_mcp_requests_total[$__rate_interval]))", "{{method}}"), stack=True, may_be_empty=True),
            panel("Refused", "Requests that were answered with an error, by its kind.", PER_SECOND, ('sum by (outcome) (rate(cadre_gateway_mcp_requests_total{outcome!="ok"}[$__rate_interval]))', "{{outcome}}"), may_be_empty=True),
            panel("Calls of tools", "By tool and outcome.", PER_SECOND, ("sum by (tool, outcome) (rate(cadre_gateway_mcp_tool_calls_total[$__rate_interval]))", "{{tool}} {{outcome}}"), may_be_empty=True),
            panel("Waits", "Calls that wait for the end of a run.", COUNT, ("sum by (instance) (cadre_gateway_mcp_waits)", "{{instance}}")),
        ]),
        ("Sandbox", [
            panel("Serving", "1 while code is run. Without an engine there is no line.", COUNT, (f"cadre_sandbox_serving{{{WHERE}}}", "{{instance}}"), kind="stat", may_be_empty=True),
            panel("Layers of the jail", "The layers that the workers have.", COUNT, (f"cadre_sandbox_layers{{{WHERE}}}", "{{instance}}: landlock {{landlock}}, filter {{system_calls}}, own user {{own_user}}, namespaces {{namespaces}}"), kind="table", may_be_empty=True),
            panel("Jobs", "By outcome.", PER_SECOND, (rate("cadre_sandbox_runs_total", "outcome"), "{{outcome}}"), stack=True, may_be_empty=True),
            panel("Time of a job", "From the worker's assignment to the end.", SECONDS, (quantile(0.5, "cadre_sandbox_run_duration_seconds", "le, runtime"), "{{runtime}} p50"),
                  (quantile(0.99, "cadre_sandbox_run_duration_seconds", "le, runtime"), "{{runtime}} p99"), may_be_empty=True),
            panel("Queue", "Jobs that run and that wait.", COUNT, (f"sum(cadre_sandbox_running{{{WHERE}}})", "running"), (f"sum(cadre_sandbox_queued{{{WHERE}}})", "waiting"), may_be_empty=True),
            panel("Time in the queue", "Until a worker is there.", SECONDS, (quantile(0.5, "cadre_sandbox_queue_seconds"), "p50"), (quantile(0.99, "cadre_sandbox_queue_seconds"), "p99"), may_be_empty=True),
            panel("Not run", "Jobs that were refused.", PER_SECOND, (rate("cadre_sandbox_refusals_total", "reason"), "{{reason}}"), may_be_empty=True),
            panel("Workers", "Processes, and those that wait for a session.", COUNT, (f"sum(cadre_sandbox_workers{{{WHERE}}})", "all"), (f"sum by (runtime) (cadre_sandbox_workers_warm{{{WHERE}}})", "{{runtime}} warm"), may_be_empty=True),
            panel("Start of a worker", "Until it is ready.", SECONDS, (quantile(0.99, "cadre_sandbox_worker_start_seconds", "le, runtime"), "{{runtime}} p99"), may_be_empty=True),
            panel("Workers killed", "While they ran a job.", PER_SECOND, (rate("cadre_sandbox_kills_total", "reason"), "{{reason}}"), may_be_empty=True),
            panel("Workers that failed", "Did not start, or ended by a fault.", PER_SECOND, (rate("cadre_sandbox_worker_failures_total", "reason"), "{{reason}}"), bad=0.1, may_be_empty=True),
            panel("Memory of a job", "The most that a job has used.", BYTES, (quantile(0.5, "cadre_sandbox_peak_memory_bytes", "le, runtime"), "{{runtime}} p50"),
                  (quantile(0.99, "cadre_sandbox_peak_memory_bytes", "le, runtime"), "{{runtime}} p99"), may_be_empty=True),
            panel("Processor", "Cores that jobs use.", COUNT, (f"sum by (runtime) (rate(cadre_sandbox_cpu_seconds_sum{{{WHERE}}}[$__rate_interval]))", "{{runtime}}"), stack=True, may_be_empty=True),
            panel("Compiled modules", "Looks at the cache.", PER_SECOND, (rate("cadre_sandbox_module_lookups_total", "result"), "{{result}}"), may_be_empty=True),
            panel("Size of compiled modules", "Of all that are kept.", BYTES, (f"sum by (instance) (cadre_sandbox_module_bytes{{{WHERE}}})", "{{instance}}"), may_be_empty=True),
        ]),
        ("Files and memories", [
            panel("Files stored", "By who stored them.", PER_SECOND, ("sum by (by) (rate(cadre_artefacts_stored_total[$__rate_interval]))", "{{by}}"), may_be_empty=True),
            panel("Bytes of files", "Stored and read.", BYTES_PER_SECOND, ("sum(rate(cadre_artefact_stored_bytes_total[$__rate_interval]))", "stored"), ("sum(rate(cadre_artefact_read_bytes_total[$__rate_interval]))", "read"), may_be_empty=True),
            panel("Quotas met", "What was not stored because a quota was used up.", PER_SECOND, ("sum by (quota) (rate(cadre_workspace_refusals_total[$__rate_interval]))", "{{quota}}"), may_be_empty=True),
            panel("Memories", "Stored and searched.", PER_SECOND, ("sum(rate(cadre_memories_stored_total[$__rate_interval]))", "stored"), ("sum(rate(cadre_memory_searches_total[$__rate_interval]))", "searched"), may_be_empty=True),
        ]),
    ],
}
