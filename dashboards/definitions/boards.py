"""The dashboards: what an operator asks, as tables of panels."""
from .stores import STORES
from .tenants import TENANTS
from .security import SECURITY
from .tools import TOOLS
from .panels import API, BYTES, COUNT, PER_SECOND, RATIO, SECONDS, USD, panel, runs, traces, variable

JOBS = 'job=~"gateway|orchestrator|llm-router|agent-core"'


def instances(job):
    return {**variable("instance", "Instance", f'label_values(up{{job="{job}"}}, instance)')}


def quantile(q, metric, by="", where=""):
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{{where}}}[$__rate_interval])))"


HERE = 'instance=~"$instance"'


def http_panels(job):
    where = f'job="{job}", instance=~"$instance"'
    return [
        panel("Requests", "Requests answered, by class of the status.", PER_SECOND,
              (f"sum by (status) (rate(cadre_http_server_requests_total{{{where}}}[$__rate_interval]))", "{{status}}"), stack=True),
        panel("Latency", "Time from the complete head of a request to the last byte of its answer. Answers that wait on purpose (long polls, streams) are in it.", SECONDS,
              (quantile(0.5, "cadre_http_server_request_duration_seconds", where=where), "p50"),
              (quantile(0.95, "cadre_http_server_request_duration_seconds", where=where), "p95"),
              (quantile(0.99, "cadre_http_server_request_duration_seconds", where=where), "p99")),
        panel("Requests by route", "The busiest routes.", PER_SECOND,
              (f"topk(10, sum by (method, route) (rate(cadre_http_server_requests_total{{{where}}}[$__rate_interval])))", "{{method}} {{route}}")),
        panel("Open connections", "Client connections that are open.", COUNT,
              (f"sum by (instance) (cadre_http_server_open_connections{{{where}}})", "{{instance}}")),
        panel("Calls to other services", "Calls made, by peer and outcome.", PER_SECOND,
              (f"sum by (peer, outcome) (rate(cadre_http_client_requests_total{{{where}}}[$__rate_interval]))", "{{peer}} {{outcome}}"), may_be_empty=True),
        panel("Clients that misbehave", "Malformed heads, connections refused, slow and stalled clients.", PER_SECOND,
              (f"sum(rate(cadre_http_server_malformed_requests_total{{{where}}}[$__rate_interval])) or vector(0)", "malformed"),
              (f"sum(rate(cadre_http_server_refused_connections_total{{{where}}}[$__rate_interval]))", "refused"),
              (f"sum(rate(cadre_http_server_slow_clients_total{{{where}}}[$__rate_interval]))", "slow"),
              (f"sum(rate(cadre_http_server_stalled_clients_total{{{where}}}[$__rate_interval]))", "stalled")),
    ]


def process_row(job):
    where = f'job="{job}", instance=~"$instance"'
    return ("Process", [
        panel("CPU", "Cores in use.", COUNT, (f"rate(process_cpu_seconds_total{{{where}}}[$__rate_interval])", "{{instance}}")),
        panel("Memory", "Resident memory.", BYTES, (f"process_resident_memory_bytes{{{where}}}", "{{instance}}")),
        panel("Loop lag", "How late the timers of an event loop fire, 99th percentile.", SECONDS,
              (quantile(0.99, "cadre_loop_lag_seconds", "instance", where), "{{instance}}"), bad=0.1),
    ])


def postgres_row(job):
    where = f'job="{job}", instance=~"$instance"'
    return ("Postgres, seen from here", [
        panel("Calls to Postgres", "Time of a call, waiting for a connection included.", SECONDS,
              (quantile(0.5, "cadre_postgres_call_duration_seconds", where=where), "p50"),
              (quantile(0.99, "cadre_postgres_call_duration_seconds", where=where), "p99")),
        panel("Calls in progress", "Calls that wait for an answer.", COUNT, (f"sum by (instance) (cadre_postgres_calls_pending{{{where}}})", "{{instance}}")),
        panel("Failures", "Calls that failed, by kind, and connections that could not be made.", PER_SECOND,
              (f"sum by (kind) (rate(cadre_postgres_failures_total{{{where}}}[$__rate_interval])) or on() vector(0)", "{{kind}}"),
              (f"sum(rate(cadre_postgres_connect_failures_total{{{where}}}[$__rate_interval]))", "no connection"), bad=0.1),
    ])


OVERVIEW = {
    "uid": "cadre-overview", "title": "Cadre / Overview", "description": "Is it well? Objectives, load, and what waits.",
    "variables": [API], "links": [*runs(Failed_tasks="/api/v1/tasks?status=failed", Waiting_approvals="/api/v1/approvals?status=pending"), *traces("gateway")],
    "rows": [
        ("Objectives, 30 days", [
            panel("Error budget left", "What is left of each objective's error budget. Below zero the objective is missed.", RATIO,
                  ("slo:error_budget_left:ratio", "{{slo}}"), kind="stat", width=12, height=5, bad_below=0),
            panel("Firing alerts", "Alerts that fire now, without the sign of life.", COUNT, ('count by (alertname) (ALERTS{alertstate="firing", alertname!="Watchdog"}) or on() vector(0)', "{{alertname}}"),
                  kind="stat", width=6, height=5),
            panel("Replicas", "Processes that answer a scrape, by service.", COUNT, (f"sum by (job) (up{{{JOBS}}}) or " + " or ".join(f'label_replace(vector(0), "job", "{job}", "", "")' for job in ("gateway", "orchestrator", "llm-router", "agent-core")), "{{job}}"), kind="stat", bad_below=1, width=6, height=5),
        ]),
        ("Work", [
            panel("Tasks", "Runs accepted and runs ended, by their end.", PER_SECOND,
                  ("sum(rate(cadre_tasks_submitted_total[$__rate_interval]))", "accepted"),
                  ("sum by (status) (rate(cadre_runs_ended_total[$__rate_interval]))", "{{status}}"), width=6),
            panel("What waits", "Steps that wait for a worker, wait for their next attempt, or are being worked on.", COUNT,
                  ("max(cadre_steps_ready)", "ready"), ("max(cadre_steps_delayed)", "delayed"), ("max(cadre_steps_held)", "running"), width=6),
            panel("Oldest step", "How long the agent's step that has waited longest waits for a worker, without those that a limit holds back.", SECONDS,
                  ("max(cadre_steps_ready_age_seconds)", "oldest"), bad=60, width=6),
            panel("Dispatch", "Time from ready to leased.", SECONDS,
                  (quantile(0.5, "cadre_step_dispatch_seconds"), "p50"), (quantile(0.99, "cadre_step_dispatch_seconds"), "p99"), bad=1, width=6),
            panel("API errors", "Share of requests at the gateway that were answered with a 5xx.", RATIO,
                  ('(sum(rate(cadre_http_server_requests_total{job="gateway", route!~"/healthz|/readyz", status="5xx"}[$__rate_interval])) or vector(0)) / '
                   '(sum(rate(cadre_http_server_requests_total{job="gateway", route!~"/healthz|/readyz"}[$__rate_interval])) > 0)', "5xx"), bad=0.001),
            panel("API latency", "Time of requests at the gateway.", SECONDS,
                  (quantile(0.5, "cadre_http_server_request_duration_seconds", where='job="gateway"'), "p50"),
                  (quantile(0.99, "cadre_http_server_request_duration_seconds", where='job="gateway"'), "p99")),
            panel("Model calls", "Calls of models, by outcome.", PER_SECOND,
                  ("sum by (outcome) (rate(cadre_model_calls_total[$__rate_interval]))", "{{outcome}}")),
        ]),
        ("Money", [
            panel("Spend", "US dollars per hour, at the rate of now.", USD, ("sum(rate(cadre_model_cost_microusd_total[5m])) * 3600 / 1e6", "per hour")),
            panel("Saved by the cache", "US dollars per hour that the prompt cache has saved.", USD,
                  ("sum(rate(cadre_prompt_cache_saved_nanousd_total[5m])) * 3600 / 1e9", "per hour")),
            panel("Refused by budgets", "Calls refused because a budget is exhausted.", PER_SECOND,
                  ("sum by (scope) (rate(cadre_budget_refusals_total[$__rate_interval]))", "{{scope}}")),
        ]),
    ],
}

GATEWAY = {
    "uid": "cadre-gateway", "title": "Cadre / Gateway", "description": "The edge: who asks for what, how long it takes, who misbehaves.",
    "variables": [instances("gateway")], "links": traces("gateway"),
    "rows": [
        ("Requests", http_panels("gateway")),
        ("Limits and load", [
            panel("Admitted and refused", "Requests by what the limits made of them.", PER_SECOND,
                  ('sum by (outcome) (rate(cadre_gateway_requests_total{instance=~"$instance"}[$__rate_interval]))', "{{outcome}}"), stack=True),
            panel("Refused for load", "Requests that a saturated replica refused, by priority.", PER_SECOND,
                  ('sum by (priority) (rate(cadre_gateway_shed_total{instance=~"$instance"}[$__rate_interval]))', "{{priority}}"), may_be_empty=True),
            panel("Under way", "Requests, and streams with calls of models (long).", COUNT,
                  ('sum by (kind) (cadre_gateway_in_flight{instance=~"$instance"})', "{{kind}}")),
            panel("Limits without Redis", "1 while a replica limits by itself.", COUNT,
                  ('max by (instance) (cadre_gateway_limit_fallback{instance=~"$instance"})', "{{instance}}"), bad=1),
            panel("Repeated requests", "Requests with an Idempotency-Key that the gateway keeps, by what became of them.", PER_SECOND,
                  ('sum by (outcome) (rate(cadre_gateway_idempotent_requests_total{instance=~"$instance"}[$__rate_interval]))', "{{outcome}}"), may_be_empty=True),
        ]),
        process_row("gateway"),
    ],
}

ORCHESTRATOR = {
    "uid": "cadre-orchestrator", "title": "Cadre / Orchestrator", "description": "Runs, queues, leases, timers and commits.",
    "variables": [instances("orchestrator"), API], "links": [*runs(Failed_tasks="/api/v1/tasks?status=failed", Limits="/api/v1/limits"), *traces("orchestrator")],
    "rows": [
        ("Runs", [
            panel("Runs", "Accepted and ended.", PER_SECOND, ('sum(rate(cadre_tasks_submitted_total{instance=~"$instance"}[$__rate_interval]))', "accepted"),
                  ('sum by (status) (rate(cadre_runs_ended_total{instance=~"$instance"}[$__rate_interval]))', "{{status}}"), width=6),
            panel("Queue", "Steps ready, delayed and running; timers that are set. All replicas see the same queue.", COUNT, ("max(cadre_steps_ready)", "ready"),
                  ("max(cadre_steps_delayed)", "delayed"), ("max(cadre_steps_held)", "running"), ("max(cadre_timers)", "timers"), width=6),
            panel("Oldest step", "How long the agent's step that has waited longest waits for a worker, without those that a limit holds back.", SECONDS,
                  ("max(cadre_steps_ready_age_seconds)", "oldest"), bad=60, width=6),
            panel("Dispatch", "Time from ready to leased, the commit included.", SECONDS, (quantile(0.5, "cadre_step_dispatch_seconds", where=HERE), "p50"),
                  (quantile(0.95, "cadre_step_dispatch_seconds", where=HERE), "p95"), (quantile(0.99, "cadre_step_dispatch_seconds", where=HERE), "p99"), width=6),
            panel("Steps given to workers", "Directly when they became ready, or from the queue.", PER_SECOND,
                  ('sum by (from) (rate(cadre_steps_leased_total{instance=~"$instance"}[$__rate_interval]))', "{{from}}"), stack=True),
            panel("Attempts that failed, leases lost", "What has to be done again.", PER_SECOND,
                  ('sum(rate(cadre_step_attempts_failed_total{instance=~"$instance"}[$__rate_interval]))', "failed attempts"), ('sum(rate(cadre_leases_lost_total{instance=~"$instance"}[$__rate_interval]))', "leases lost"), bad=1),
            panel("Transitions in one commit", "Runs whose transitions share a commit, on average.", COUNT,
                  ('sum(rate(cadre_orchestrator_commit_transitions_sum{instance=~"$instance"}[$__rate_interval])) / sum(rate(cadre_orchestrator_commit_transitions_count{instance=~"$instance"}[$__rate_interval]))', "per commit")),
            panel("Timers fired", "By kind.", PER_SECOND, ('sum by (kind) (rate(cadre_timers_fired_total{instance=~"$instance"}[$__rate_interval]))', "{{kind}}"), may_be_empty=True),
            panel("Schedules", "Times that came, by what became of them.", PER_SECOND, ('sum by (outcome) (rate(cadre_schedule_times_total{instance=~"$instance"}[$__rate_interval]))', "{{outcome}}"), may_be_empty=True),
            panel("Replays", "Histories replayed; a divergence is a fault.", PER_SECOND, ('sum by (verdict) (rate(cadre_replays_total{instance=~"$instance"}[$__rate_interval]))', "{{verdict}}"), may_be_empty=True),
        ]),
        ("Requests", http_panels("orchestrator")), postgres_row("orchestrator"), process_row("orchestrator"),
    ],
}

AGENTS = {
    "uid": "cadre-agents", "title": "Cadre / Agents", "description": "Workers: attempts, their time, what they retry.",
    "variables": [instances("agent-core")], "links": traces("agent-core"),
    "rows": [
        ("Attempts", [
            panel("Attempts", "Attempts at steps that ended, by outcome.", PER_SECOND, ('sum by (outcome) (rate(cadre_agent_attempts_total{instance=~"$instance"}[$__rate_interval]))', "{{outcome}}"), stack=True),
            panel("Running", "Attempts in progress.", COUNT, ('sum by (instance) (cadre_agent_attempts_running{instance=~"$instance"})', "{{instance}}")),
            panel("Time of an attempt", "From the lease to the result.", SECONDS, (quantile(0.5, "cadre_agent_attempt_duration_seconds", where='instance=~"$instance"'), "p50"),
                  (quantile(0.99, "cadre_agent_attempt_duration_seconds", where='instance=~"$instance"'), "p99")),
            panel("Model calls made again", "By reason.", PER_SECOND, ('sum by (reason) (rate(cadre_agent_model_retries_total{instance=~"$instance"}[$__rate_interval]))', "{{reason}}"), may_be_empty=True),
            panel("Reports sent again", "Heartbeats, records and results that the orchestrator could not take.", PER_SECOND,
                  ('sum by (operation) (rate(cadre_agent_orchestrator_retries_total{instance=~"$instance"}[$__rate_interval]))', "{{operation}}"), may_be_empty=True),
            panel("Reports refused", "Records and results that the orchestrator refused as malformed: a fault of the worker.", PER_SECOND,
                  ('sum(rate(cadre_agent_reports_refused_total{instance=~"$instance"}[$__rate_interval]))', "refused"), bad=0.01),
        ]),
        process_row("agent-core"),
    ],
}

MODELS = {
    "uid": "cadre-models", "title": "Cadre / Models, cost and cache", "description": "Calls, providers, tokens, money, budgets, cache.",
    "variables": [instances("llm-router"), variable("provider", "Provider", "label_values(cadre_model_calls_total, provider)"),
                  variable("model", "Model", "label_values(cadre_model_calls_total, model)"), API],
    "links": [*runs(Calls="/api/v1/calls", Providers="/api/v1/providers", Budgets="/api/v1/budgets"), *traces("llm-router")],
    "rows": [
        ("Calls", [
            panel("Calls", "Calls of models, by outcome.", PER_SECOND, ('sum by (outcome) (rate(cadre_model_calls_total{instance=~"$instance", provider=~"$provider", model=~"$model"}[$__rate_interval]))', "{{outcome}}"), stack=True, width=6),
            panel("Duration", "From the request to the end of the answer.", SECONDS,
                  (quantile(0.5, "cadre_model_call_duration_seconds", where='instance=~"$instance", provider=~"$provider", model=~"$model"'), "p50"),
                  (quantile(0.99, "cadre_model_call_duration_seconds", where='instance=~"$instance", provider=~"$provider", model=~"$model"'), "p99"), width=6),
            panel("First token", "From the request to the first words.", SECONDS,
                  (quantile(0.5, "cadre_model_first_byte_seconds", "provider", 'instance=~"$instance", provider=~"$provider", model=~"$model"'), "{{provider}} p50"), may_be_empty=True, width=6),
            panel("Attempts", "Attempts at providers, by result.", PER_SECOND, ('sum by (provider, result) (rate(cadre_model_attempts_total{instance=~"$instance", provider=~"$provider", model=~"$model"}[$__rate_interval]))', "{{provider}} {{result}}"), width=6),
            panel("Providers", "1 when a provider answered when it was last asked, by the replica that sees it worst.", COUNT, ('min by (provider) (cadre_provider_up{instance=~"$instance", provider=~"$provider"})', "{{provider}}"), may_be_empty=True),
            panel("Open breakers", "Models and keys of a provider that a router passes over because calls failed.", COUNT,
                  ('max by (provider) (cadre_provider_breakers_open{instance=~"$instance", provider=~"$provider"})', "{{provider}}"), bad=1),
            panel("Overhead", "Time that the router itself adds before the first byte to a provider.", SECONDS,
                  (quantile(0.5, "cadre_model_overhead_seconds", where=HERE), "p50"), (quantile(0.99, "cadre_model_overhead_seconds", where=HERE), "p99")),
        ]),
        ("Money", [
            panel("Spend by model", "US dollars per hour.", USD, ('topk(10, sum by (provider, model) (rate(cadre_model_cost_microusd_total{instance=~"$instance", provider=~"$provider", model=~"$model"}[5m]))) * 3600 / 1e6', "{{provider}} {{model}}"), stack=True),
            panel("Spent today by project", "US dollars since midnight (UTC), of the projects that spend most, by tenant.", USD,
                  ("topk(10, max by (tenant, project) (cadre_project_spend_today_microusd)) / 1e6", "{{project}} ({{tenant}})"), stack=True),
            panel("Spent today by tenant", "US dollars since midnight (UTC), of the tenants that spend most.", USD,
                  ("topk(10, max by (tenant) (cadre_tenant_spend_today_microusd)) / 1e6", "{{tenant}}"), stack=True),
            panel("Budgets used", "Share of its limit that a tenant's fullest budget of a scope and period has used; it is refused at 100%.", RATIO,
                  ("topk(10, max by (tenant, scope, period) (cadre_budget_used_percent)) / 100", "{{scope}} per {{period}} ({{tenant}})"), bad=0.8, beyond=True),
            panel("Tokens", "Tokens that providers have counted, by kind.", PER_SECOND, ('sum by (kind) (rate(cadre_model_tokens_total{instance=~"$instance", provider=~"$provider", model=~"$model"}[$__rate_interval]))', "{{kind}}"), stack=True),
            panel("Budgets", "Calls refused, and settled calls beyond a threshold.", PER_SECOND, ('sum by (scope) (rate(cadre_budget_refusals_total{instance=~"$instance"}[$__rate_interval]))', "refused, {{scope}}"),
                  ('sum by (scope) (rate(cadre_budget_alerts_total{instance=~"$instance"}[$__rate_interval]))', "beyond threshold, {{scope}}")),
            panel("Without a price, estimated", "Calls whose price is not known, and whose usage the provider did not report.", PER_SECOND,
                  ('sum(rate(cadre_model_unpriced_calls_total{instance=~"$instance"}[$__rate_interval])) or vector(0)', "unpriced"), ('sum(rate(cadre_model_estimated_calls_total{instance=~"$instance"}[$__rate_interval])) or vector(0)', "estimated")),
            panel("Ledger", "Calls that are not in the ledger's table yet.", COUNT, ('sum by (instance) (cadre_ledger_backlog{instance=~"$instance"})', "{{instance}}"), bad=10000),
            panel("Rate limits", "Calls that met a limit, and calls that wait.", PER_SECOND, ('sum by (scope, result) (rate(cadre_rate_limited_total{instance=~"$instance"}[$__rate_interval])) or on() vector(0)', "{{scope}} {{result}}")),
        ]),
        ("Cache", [
            panel("Prompt cache", "Lookups by result.", PER_SECOND, ('sum by (result) (rate(cadre_prompt_cache_lookups_total{instance=~"$instance"}[$__rate_interval]))', "{{result}}"), stack=True, may_be_empty=True),
            panel("Hit ratio", "Share of lookups that were answered from the cache.", RATIO,
                  ('(sum(rate(cadre_prompt_cache_lookups_total{instance=~"$instance", result="hit"}[$__rate_interval])) or vector(0)) / (sum(rate(cadre_prompt_cache_lookups_total{instance=~"$instance"}[$__rate_interval])) > 0)', "hits"), may_be_empty=True),
            panel("Saved", "US dollars per hour.", USD, ('sum(rate(cadre_prompt_cache_saved_nanousd_total{instance=~"$instance"}[5m])) * 3600 / 1e9', "saved")),
        ]),
        postgres_row("llm-router"), process_row("llm-router"),
    ],
}

RUNTIME = {
    "uid": "cadre-runtime", "title": "Cadre / Runtime", "description": "Processes of all services: CPU, memory, descriptors, loops, telemetry itself.",
    "variables": [variable("job", "Service", f"label_values(up{{{JOBS}}}, job)")], "links": traces("gateway", "orchestrator", "llm-router", "agent-core"),
    "rows": [("Processes", [
        panel("CPU", "Cores in use.", COUNT, ('rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])', "{{job}} {{instance}}")),
        panel("Memory", "Resident memory.", BYTES, ('process_resident_memory_bytes{job=~"$job"}', "{{job}} {{instance}}")),
        panel("Descriptors", "Share of the open file descriptors that are allowed.", RATIO, ('process_open_fds{job=~"$job"} / process_max_fds{job=~"$job"}', "{{job}} {{instance}}"), bad=0.8),
        panel("Loop lag", "How late the timers of the event loops fire, 99th percentile.", SECONDS, (quantile(0.99, "cadre_loop_lag_seconds", "job, instance", 'job=~"$job"'), "{{job}} {{instance}}"), bad=0.1),
        panel("Versions", "What runs.", COUNT, ('count by (service, version) (cadre_build_info{job=~"$job"})', "{{service}} {{version}}"), kind="table"),
        panel("Open descriptors", "Files, sockets and pipes that are open.", COUNT, ('process_open_fds{job=~"$job"}', "{{job}} {{instance}}")),
        panel("Limit of descriptors", "What a process may open; services raise it to the hard limit at their start.", COUNT,
              ('min by (job) (process_max_fds{job=~"$job"})', "{{job}}"), kind="stat"),
        panel("Threads", "Threads of the process.", COUNT, ('process_threads{job=~"$job"}', "{{job}} {{instance}}")),
        panel("Time since the start", "Of the process that started last.", SECONDS, ('time() - max by (job) (process_start_time_seconds{job=~"$job"})', "{{job}}"), kind="stat"),
        panel("Log records", "Log records that were exported by OTLP, or not. Empty where logs are not exported.", PER_SECOND, ('sum(rate(cadre_telemetry_logs_exported_total{job=~"$job"}[$__rate_interval]))', "exported"),
              ('sum(rate(cadre_telemetry_logs_dropped_total{job=~"$job"}[$__rate_interval])) + sum(rate(cadre_telemetry_logs_failed_total{job=~"$job"}[$__rate_interval]))', "lost"), may_be_empty=True),
        panel("Spans", "Spans exported, failed and dropped.", PER_SECOND, ('sum(rate(cadre_telemetry_spans_exported_total{job=~"$job"}[$__rate_interval])) or vector(0)', "exported"),
              ('sum(rate(cadre_telemetry_spans_dropped_total{job=~"$job"}[$__rate_interval])) or vector(0)', "dropped"),
              ('sum(rate(cadre_telemetry_spans_failed_total{job=~"$job"}[$__rate_interval])) or vector(0)', "failed")),
    ])],
}

BOARDS = [OVERVIEW, GATEWAY, SECURITY, ORCHESTRATOR, AGENTS, TOOLS, MODELS, RUNTIME, *STORES, TENANTS]
