"""Who may do what, how often, and who did it: identity, limits, policies, the audit log."""
from .panels import COUNT, PER_SECOND, SECONDS, panel, variable

WHERE = 'instance=~"$instance"'


def rate(metric, by="", extra=""):
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{WHERE}{extra}}}[$__rate_interval]))"


def quantile(q, metric, by="le"):
    return f"histogram_quantile({q}, sum by ({by}) (rate({metric}_bucket{{{WHERE}}}[$__rate_interval])))"


SECURITY = {
    "uid": "cadre-security", "title": "Cadre / Identity, limits, policy and audit", "description": "Who may do what, how often, and who did it.",
    "variables": [variable("instance", "Instance", 'label_values(cadre_audit_backlog{job="gateway"}, instance)')],
    "rows": [
        ("Identity", [
            panel("Credentials", "Requests by what was shown.", PER_SECOND, (rate("cadre_gateway_authentications_total", "kind"), "{{kind}}"), stack=True, may_be_empty=True),
            panel("Refused credentials", "Requests whose credential was not accepted, by outcome.", PER_SECOND, (rate("cadre_gateway_authentications_total", "outcome", ',outcome!="accepted"'), "{{outcome}}"), may_be_empty=True),
            panel("Sign-ins", "Attempts to sign in, by outcome.", PER_SECOND, (rate("cadre_gateway_sign_ins_total", "outcome"), "{{outcome}}"), stack=True, may_be_empty=True),
            panel("Lock-outs", "Attempts that were refused because there were too many, by whose count.", PER_SECOND, (rate("cadre_gateway_sign_in_blocks_total", "by"), "{{by}}"), may_be_empty=True),
            panel("Second factors", "Codes, by outcome.", PER_SECOND, (rate("cadre_gateway_second_factors_total", "outcome"), "{{outcome}}"), may_be_empty=True),
            panel("Lookups of keys", "From memory, from the database, or remembered while the database is away.", PER_SECOND, (rate("cadre_gateway_account_lookups_total", "result"), "{{result}}"), stack=True, may_be_empty=True),
        ]),
        ("Limits", [
            panel("Requests", "What the limits made of requests.", PER_SECOND, (rate("cadre_gateway_requests_total", "outcome"), "{{outcome}}"), stack=True, may_be_empty=True),
            panel("Shed", "Requests refused because the replica is saturated, by priority.", PER_SECOND, (rate("cadre_gateway_shed_total", "priority"), "{{priority}}"), stack=True, may_be_empty=True),
            panel("Limits of one replica alone", "1 while Redis is away and each replica counts for itself.", COUNT, (f"max by (instance) (cadre_gateway_limit_fallback{{{WHERE}}})", "{{instance}}"), bad=1, may_be_empty=True),
        ]),
        ("Policy", [
            panel("Decisions", "By what was decided.", PER_SECOND, ("sum by (effect) (rate(cadre_policy_decisions_total[$__rate_interval]))", "{{effect}}"), stack=True, may_be_empty=True),
            panel("Time of a decision", "p99.", SECONDS, ("histogram_quantile(0.99, sum by (le) (rate(cadre_policy_decision_duration_seconds_bucket[$__rate_interval])))", "p99"), may_be_empty=True),
            panel("Faults", "Decisions that were refusals because the engine could not decide.", PER_SECOND, ("sum(rate(cadre_policy_faults_total[$__rate_interval]))", "faults"), bad=0.1, may_be_empty=True),
        ]),
        ("Audit log", [
            panel("Entries", "By kind.", PER_SECOND, (rate("cadre_audit_entries_total", "kind"), "{{kind}}"), stack=True, may_be_empty=True),
            panel("Counted, not written", "Refusals beyond the bound of a second.", PER_SECOND, (rate("cadre_audit_omitted_total"), "omitted")),
            panel("Time of a transaction", "In which entries are written; a change waits for it.", SECONDS, (quantile(0.5, "cadre_audit_commit_duration_seconds"), "p50"), (quantile(0.99, "cadre_audit_commit_duration_seconds"), "p99"), may_be_empty=True),
            panel("Waiting", "Entries that are not written yet.", COUNT, (f"sum by (instance) (cadre_audit_backlog{{{WHERE}}})", "{{instance}}"), bad=1000),
            panel("Not written", "Failed attempts, and entries that were refused or lost.", PER_SECOND, (rate("cadre_audit_write_failures_total"), "failed attempts"), (rate("cadre_audit_lost_total", "kind"), "{{kind}}"), may_be_empty=True),
            panel("Age of the verification", "Of the chain that was verified longest ago.", SECONDS, (f"max(cadre_audit_verification_age_seconds{{{WHERE}}})", "age")),
            panel("Chains with faults", "Whose last verification has found that something was changed.", COUNT, (f"max(cadre_audit_chains_faulty{{{WHERE}}})", "chains"), kind="stat", bad=1),
        ]),
    ],
}
