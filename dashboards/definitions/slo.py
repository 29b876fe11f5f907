"""Service level objectives, and the rules that follow from them: error ratios over eight windows, what is left of the
error budget, and alerts on how fast it burns (two windows each, as in the workbook of Google's SRE books).

An objective has a name, a share of good events, what it is in a sentence, and two expressions in which `W` stands for the
window: events that were bad, and all events.
"""

# Outcomes of model calls: those that a provider, its account or this installation is to blame for. The others are the
# caller's affair (budgets and limits among them) and count neither as good nor as bad. dashboards/check.py compares both with the sources.
BAD_OUTCOMES = [
    "budget_store_unavailable", "call_timeout", "interrupted", "ledger_unavailable", "provider_error", "provider_failed", "provider_garbage",
    "provider_key_missing", "provider_out_of_credit", "provider_overloaded", "provider_rate_limited", "provider_rejected_key", "provider_timeout",
    "provider_unknown_model", "provider_unreachable", "providers_cooling", "rate_limit_store_unavailable"]
OTHER_OUTCOMES = [
    "access_denied", "answer_check_failed", "answer_too_large", "budget_exceeded", "capability_missing", "client_gone", "content_denied", "content_filter",
    "context_length_exceeded", "expired_api_key", "hedge_lost", "installation_halted", "invalid_api_key", "invalid_request", "model_denied", "model_not_allowed",
    "model_not_found", "not_cached", "price_unknown", "provider_refused", "rate_limited", "revoked_api_key",
    "tools_not_supported", "unbounded_request", "unknown_tier"]

OBJECTIVES = [
    {"name": "api", "objective": 0.999, "service": "gateway", "what": "requests at the gateway are answered without a 5xx",
     # Probes of the health are many where there is little to do, and always good.
     "bad": 'sum(rate(cadre_http_server_requests_total{job="gateway",route!~"/healthz|/readyz",status="5xx"}[W]))',
     "all": 'sum(rate(cadre_http_server_requests_total{job="gateway",route!~"/healthz|/readyz"}[W]))',
     "series": ('cadre_http_server_requests_total{job="gateway",route="/api/v1/tasks",status="5xx"}',
                'cadre_http_server_requests_total{job="gateway",route="/api/v1/tasks",status="2xx"}'),
     "neutral": 'cadre_http_server_requests_total{job="gateway",route="/healthz",status="2xx"}'},
    {"name": "dispatch", "objective": 0.99, "service": "orchestrator", "what": "steps reach a worker within a second of being ready",
     "bad": 'sum(rate(cadre_step_dispatch_seconds_count[W])) - sum(rate(cadre_step_dispatch_seconds_bucket{le=~"1|1[.]0"}[W]))',
     "all": "sum(rate(cadre_step_dispatch_seconds_count[W]))", "series": None},
    {"name": "models", "objective": 0.99, "service": "llm-router", "what": "calls of models get an answer, from one provider or another",
     "bad": f'sum(rate(cadre_model_calls_total{{outcome=~"{"|".join(BAD_OUTCOMES)}"}}[W]))',
     "all": f'sum(rate(cadre_model_calls_total{{outcome=~"ok|{"|".join(BAD_OUTCOMES)}"}}[W]))',
     "series": ('cadre_model_calls_total{outcome="provider_failed"}', 'cadre_model_calls_total{outcome="ok"}'),
     # What callers bring upon themselves burns nothing, however much of it there is.
     "neutral": 'cadre_model_calls_total{outcome="budget_exceeded"}'},
]
WINDOWS = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"]
# severity, factor of the burn, long window, short window, for
BURNS = [("page", 14.4, "1h", "5m", "2m"), ("page", 6, "6h", "30m", "15m"), ("ticket", 3, "1d", "2h", "1h"), ("ticket", 1, "3d", "6h", "3h")]
HEAD = "# Written by dashboards/generate.py from definitions/slo.py; do not edit.\n"


def ratio(name, window):
    return f'slo:error_ratio:rate{window}{{slo="{name}"}}'


def rules():
    out = [HEAD, "groups:\n"]
    for one in OBJECTIVES:
        out.append(f"  - name: slo-{one['name']}\n    rules:\n")
        for window in WINDOWS:
            # Where nothing was bad there is no series: then it is zero. Where there was nothing at all there is no ratio.
            bad, all_ = (one[part].replace("W", window) for part in ("bad", "all"))
            out.append(f"      - record: slo:error_ratio:rate{window}\n"
                       f"        expr: (({bad}) or vector(0)) / (({all_}) > 0)\n"
                       f"        labels: {{slo: {one['name']}}}\n")
        budget = 1 - one["objective"]
        out.append("      - record: slo:error_budget_left:ratio\n"
                   f"        expr: 1 - {ratio(one['name'], '30d')} / {budget:.6g}\n        labels: {{slo: {one['name']}}}\n")
        for severity in ("page", "ticket"):
            parts, wait = [], None
            for level, factor, long_, short, duration in BURNS:
                if level == severity:
                    limit = f"{factor * budget:.6g}"
                    parts.append(f"({ratio(one['name'], long_)} > {limit} and {ratio(one['name'], short)} > {limit})")
                    wait = wait or duration
            speed = "fast" if severity == "page" else "slowly"
            name = f"SLO{one['name'].capitalize()}{'Page' if severity == 'page' else 'Ticket'}"
            out.append(f"      - alert: {name}\n        expr: {' or '.join(parts)}\n        for: {wait}\n"
                       f"        labels: {{severity: {severity}, slo: {one['name']}, service: {one['service']}}}\n"
                       "        annotations:\n"
                       f"          summary: \"Less than {one['objective']:.6g} of {one['what'].split(' ')[0]} are good: the error budget is used up {speed}\"\n"
                       f"          description: \"Objective: {one['objective']:.6g} of {one['what']}. Now bad: {{{{ $value | humanizePercentage }}}}.\"\n"
                       f"          runbook_url: docs/runbooks.md#{name.lower()}\n")
    return "".join(out)


def tests():
    """For each objective: everything bad pages, a slow burn makes a ticket and no page, a healthy day makes neither."""
    out = [HEAD, "rule_files: [slo.yaml]\nevaluation_interval: 1m\ntests:\n"]
    for one in OBJECTIVES:
        budget, name = 1 - one["objective"], one["name"].capitalize()
        for burn, minutes, page, ticket in ((50, 120, True, True), (4, 180, False, True), (0.5, 180, False, False), (0, 60, False, False)):
            bad = burn * budget * 6000
            good = 6000 - bad
            out.append("  - interval: 1m\n    input_series:\n")
            if one["series"]:
                values = [(one["series"][0], bad), (one["series"][1], good)] if bad else [(one["series"][1], good)]
                if "neutral" in one:
                    values.append((one["neutral"], 6000000))
            else:
                values = [('cadre_step_dispatch_seconds_count{job="orchestrator"}', 6000), ('cadre_step_dispatch_seconds_bucket{job="orchestrator",le="1"}', good),
                          # Every bucket that there is: a pattern that takes in a second one counts steps twice.
                          ('cadre_step_dispatch_seconds_bucket{job="orchestrator",le="0.1"}', 0), ('cadre_step_dispatch_seconds_bucket{job="orchestrator",le="30"}', 6000),
                          ('cadre_step_dispatch_seconds_bucket{job="orchestrator",le="120"}', 6000), ('cadre_step_dispatch_seconds_bucket{job="orchestrator",le="+Inf"}', 6000)]
            for series, step in values:
                out.append(f"      - {{series: '{series}', values: '0+{step:.6g}x{minutes}'}}\n")
            out.append("    alert_rule_test:\n")
            for kind, fires in (("Page", page), ("Ticket", ticket)):
                severity = kind.lower()
                out.append(f"      - eval_time: {minutes}m\n        alertname: SLO{name}{kind}\n")
                if not fires:
                    out.append("        exp_alerts: []\n")
                    continue
                share = f"{burn * budget * 100:.4g}%"
                out.append("        exp_alerts:\n          - exp_labels: "
                           f"{{severity: {severity}, slo: {one['name']}, service: {one['service']}}}\n            exp_annotations:\n"
                           f"              summary: \"Less than {one['objective']:.6g} of {one['what'].split(' ')[0]} are good: the error budget is used up {'fast' if kind == 'Page' else 'slowly'}\"\n"
                           f"              description: \"Objective: {one['objective']:.6g} of {one['what']}. Now bad: {share}.\"\n"
                           f"              runbook_url: docs/runbooks.md#slo{one['name']}{severity}\n")
    return "".join(out)
