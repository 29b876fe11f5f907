"""Who uses the installation. Every replica reports the same numbers, so `max` removes the duplicates."""
from .panels import COUNT, RATIO, USD, panel

TENANTS = {
    "uid": "cadre-tenants", "title": "Cadre / Tenants", "description": "Spend, calls and work of the 20 largest tenants; the others together are `other`.",
    "variables": [],
    "rows": [
        ("Money", [
            panel("Spent today", "US dollars of today (UTC).", USD, ("max by (tenant) (cadre_tenant_spend_today_microusd) / 1e6", "{{tenant}}"), kind="table", width=8),
            panel("Spend", "US dollars since midnight (UTC).", USD, ("topk(10, max by (tenant) (cadre_tenant_spend_today_microusd)) / 1e6", "{{tenant}}"), stack=True),
            panel("Part of the largest", "Share of today's spend that one tenant has.", RATIO,
                  ("max(max by (tenant) (cadre_tenant_spend_today_microusd{tenant!=\"other\"})) / clamp_min(sum(max by (tenant) (cadre_tenant_spend_today_microusd)), 1)", "largest tenant")),
            panel("Calls of models", "Calls since midnight (UTC).", COUNT, ("topk(10, max by (tenant) (cadre_tenant_calls_today))", "{{tenant}}"), stack=True),
        ]),
        ("Work", [
            panel("Runs", "Runs of the last five minutes.", COUNT, ("topk(10, max by (tenant) (cadre_tenant_recent_runs))", "{{tenant}}"), stack=True),
            panel("Steps that wait", "Steps that wait for a worker. One tenant with many of them does not hold up the others: workers are shared by weight.", COUNT,
                  ("topk(10, max by (tenant) (cadre_tenant_steps_ready))", "{{tenant}}"), stack=True),
            panel("Tenants at work", "Tenants with runs in the last five minutes, 21 at most.", COUNT, ("count(max by (tenant) (cadre_tenant_recent_runs > 0)) or vector(0)", "tenants"), kind="stat"),
        ]),
    ],
}
