"""Cases for the policies: tenants with settings of their own, and questions from a seed, good and bad ones."""
import json
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]
POLICIES = ROOT / "policies"
ROLES = ["owner", "admin", "operator", "member", "viewer", "root", None]
GRANTS = ["read", "write", "models", "approve", "admin", "operator"]
ENTRY_POINTS = ["http", "tools", "models", "approvals", "sessions", "runners"]


def configuration():
    """The tables of data/*.json, as they stand below data.cadre.config."""
    tables = {}
    for file in sorted((POLICIES / "data").glob("*.json")):
        tables.update(json.loads(file.read_text()))
    return tables


def modules():
    return [(file.name, file.read_text()) for file in sorted(POLICIES.glob("*.rego")) if not file.name.endswith("_test.rego")]


def tenants(source, tables):
    """Tenants t0 to t29; the first has no settings."""
    made = {"t0": {}}

    def some(values, count=2):
        return source.sample(values, source.randint(1, min(count, len(values))))

    for number in range(1, 30):
        tenant = {}
        if source.random() < 0.1:
            tenant["status"] = source.choice(["suspended", "active"])
        if source.random() < 0.5:
            permissions = source.sample(sorted(tables["permissions"]), 12)
            tenant["http"] = {"roles": {name: source.choice(ROLES[:6]) for name in permissions}}
        if source.random() < 0.7:
            tools = {
                "deny": some(["run_*", "http_post", "*"]), "only": some(["http_*", "run_python", "*"]),
                "deny_sources": some(["mcp:*", "user"]), "deny_hosts": ["*.example.com"], "only_hosts": some(["*.example.org", "*"]),
                "ask": some(["http_*", "artefact_write"]), "ask_risks": some(["network", "execute"]), "ask_unrepeatable": True,
                "trust": some(["http_fetch", "*"]), "roles": {source.choice(["read", "network"]): source.choice(ROLES[:6])},
            }
            tenant["tools"] = {name: tools[name] for name in some(sorted(tools), 4)}
        if source.random() < 0.7:
            models = {
                "deny": some(["gpt-*", "claude-*"]), "only": some(["gpt-*", "*/*"]), "deny_providers": ["openai"],
                "tier_roles": {"large": source.choice(ROLES[:6])}, "role": source.choice(ROLES[:6]),
                "call_cost_microusd_max": source.choice([100, 10**6, 10**12, "much"]), "tool_call_cost_microusd_max": 5000,
                "ask_above_microusd": 50_000,
            }
            tenant["models"] = {name: models[name] for name in some(sorted(models), 4)}
        if source.random() < 0.7:
            tenant["approvals"] = {
                "four_eyes": source.choice([True, False, ["network"], ["step"], "text"]),
                "roles": {source.choice(["network", "step", "tool_call"]): source.choice(ROLES[:6])},
            }
        if source.random() < 0.7:
            tenant["sessions"] = {"methods": some(["oidc", "password"]), "second_factor_from": source.choice(ROLES[:6])}
        if source.random() < 0.7:
            tenant["runners"] = {
                "images": some(["registry.example.com/*", "*"]), "pinned_images": source.choice([True, False]),
                "exec_role": source.choice(ROLES[:6]),
            }
        made[f"t{number}"] = tenant
    return made


def question(source, name, tables):
    """The input of one question. One in ten lacks something or has a wrong type."""
    role = source.choice(ROLES[:5] if source.random() < 0.9 else ROLES)
    subject = {"id": source.choice(["user_1", "user_2", "svc_1"]), "role": role, "tenant": f"t{source.randrange(30)}"}
    if name == "http":
        routes = tables["routes"]
        route = source.choice(sorted(routes))
        method = source.choice(sorted(routes[route])) if source.random() < 0.95 else source.choice(["GET", "PUT", "TRACE"])
        subject |= {
            "kind": source.choice(["api_key", "session", "token", "configured_key", "virtual_key", "anonymous"]),
            "grants": sorted(source.sample(GRANTS, source.randint(2, 6))), "is_operator": source.random() < 0.3,
        }
        action = {"method": method, "route": route, "service": "orchestrator", "access": "tenant", "is_change": method != "GET"}
    elif name == "tools":
        action = {
            "tool": source.choice(["http_fetch", "http_post", "run_python", "artefact_write", "search"]),
            "source": source.choice(["built_in", "user", "mcp:search"]),
            "risk": source.choice(["read", "write", "execute", "network", "magic"]),
            "is_idempotent": source.random() < 0.5,
            "arguments": source.choice([
                {}, {"url": "https://api.example.com/x"}, {"url": "http://a.example.org:81"}, {"url": "nothing"},
                {"url": "http://169.254.169.254/"}, {"url": "http://[fd00:ec2::254]/"}, {"url": 7}, {"code": "1"},
            ]),
            "labels": source.choice([{}, {"sensitivity": "confidential"}, {"sensitivity": "restricted", "team": "a"}]),
        }
    elif name == "models":
        action = {
            "model": source.choice(["gpt-4.1", "claude-sonnet", "meta/llama"]), "provider": source.choice(["openai", "local"]),
            "tier": source.choice(["small", "large"]), "max_cost_microusd": source.choice([0, 10, 9000, 70_000, 10**8, 10**10, -1, 2.5]),
        }
        if source.random() < 0.3:
            action["tool"] = "summarize"
    elif name == "approvals":
        action = {
            "kind": source.choice(["tool_call", "step", "unknown_outcome", "question", "other"]), "tool": "http_post",
            "risk": source.choice(["read", "write", "execute", "network", "magic"]),
            "requested_by": source.choice(["user_1", "user_2", None]), "decision": source.choice(["approve", "reject"]),
        }
    elif name == "sessions":
        action = {
            "kind": source.choice(["sign_in", "refresh", "second_factor", "other"]),
            "method": source.choice(["password", "oidc", "magic"]), "has_second_factor": source.random() < 0.5,
        }
    else:
        subject |= {"kind": source.choice(["runner", "session"]), "is_operator": source.random() < 0.2}
        action = {
            "kind": source.choice(["register", "lease", "pod_start", "pod_exec", "other"]),
            "image": source.choice(["docker.io/a", "registry.example.com/a@sha256:" + "0" * 64, 5]),
            "is_privileged": source.choice([True, False, False]),
        }
    made = {"subject": subject, "action": action}
    if source.random() < 0.1:
        part = source.choice([made, subject, action])
        key = source.choice(sorted(part))
        if source.random() < 0.5:
            del part[key]
        else:
            part[key] = source.choice([None, 1, "", [], {}, True])
    return made


def cases(seed, count):
    """Settings of tenants, and `count` questions for each entry point: (path, input)."""
    source = random.Random(seed)
    tables = configuration()
    settings = tenants(source, tables)
    made = [(f"cadre/{name}/decision", question(source, name, tables)) for name in ENTRY_POINTS for _ in range(count)]
    return settings, made
