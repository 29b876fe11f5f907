internal import JSON

/// Schemas of policies: their switches, the data of tenants, explanations.
enum PolicySchemas {
  static let all: [(String, Schema)] = switches + data + explanation

  private static let modes = Schema.words(["off", "dry_run", "enforce"])
  private static let status = Schema.words(["active", "suspended"])
  private static let roles = Schema.words(["owner", "admin", "operator", "member", "viewer"])
  private static let percent = Schema.int(0...100)

  private static let switches: [(String, Schema)] = [
    (
      "PolicyStatus",
      .object([
        need("mode", modes), need("canary_percent", percent), need("is_halted", .flag),
        need("version", .count, "0 until the database was read."), need("updated_at", Schema.time.orNull),
        need("updated_by", Schema.text().orNull),
        need("is_current", .flag, "Whether this gateway could read the stored switches just now."),
        need("source", .words(["process", "server"])), need("revision", .text(), "The digest of the policies."),
        need("last_fault", Schema.text().orNull, "The last fault of a bundle or of a decision."),
        need(
          "cache",
          .object([
            need("entries", .count), need("entries_max", .count), need("hits", .count), need("misses", .count),
          ])),
        need(
          "services",
          .list(
            .object([
              need("service", .text()), need("version", .count, "The change of the switches that it has stored."),
              need("has_all", .flag, "Whether it has stored all that is said, as this gateway knows."),
              need("confirmed_at", Schema.time.orNull, "When it last had all."),
              need("fault", Schema.text().orNull, "Why nothing could be delivered to it."),
            ])), "The services behind the gateway."),
      ])
    ),
    (
      "PolicySwitches",
      .object([may("mode", modes), may("canary_percent", percent), may("halted", .flag)], isSent: true)
    ),
  ]

  // MARK: Data of tenants

  private static let patterns = Schema.list(.text(200, min: 1), 500)
  private static let cost = Schema.int(0...1_000_000_000_000)

  private static let document = Schema.object(
    [
      may("http", .object([may("roles", .map(roles, 500), "By permission.")], isSent: true)),
      may(
        "tools",
        .object(
          [
            may("deny", patterns), may("only", patterns), may("deny_sources", patterns), may("deny_hosts", patterns),
            may("only_hosts", patterns), may("ask", patterns), may("trust", patterns),
            may("ask_risks", .list(.text(100), 100)), may("ask_unrepeatable", .flag),
            may("roles", .map(roles, 50), "By risk."),
          ], isSent: true)),
      may(
        "models",
        .object(
          [
            may("deny", patterns), may("only", patterns), may("deny_providers", patterns), may("role", roles),
            may("tier_roles", .map(roles, 20)), may("call_cost_microusd_max", cost),
            may("tool_call_cost_microusd_max", cost), may("ask_above_microusd", cost),
          ], isSent: true)),
      may(
        "approvals",
        .object(
          [
            may("four_eyes", .oneOf([.flag, .list(.text(100), 100)])),
            may("roles", .map(roles, 50), "By kind or risk."),
          ], isSent: true)),
      may(
        "sessions",
        .object([may("methods", .list(.text(100), 100)), may("second_factor_from", roles)], isSent: true)),
      may(
        "runners",
        .object([may("images", patterns), may("pinned_images", .flag), may("exec_role", roles)], isSent: true)),
    ], isSent: true)

  private static let data: [(String, Schema)] = [
    ("PolicyDocument", document.example(#"{"tools": {"ask_risks": ["network"]}}"#)),
    (
      "PolicyData",
      .object([
        need("tenant_id", .id("tenant")), need("data", .free), need("status", status),
        need("version", .count, "0 while nothing was ever set."), need("updated_at", Schema.time.orNull),
        need("updated_by", Schema.text().orNull),
      ])
    ),
    ("NewPolicyData", .object([need("data", .ref("PolicyDocument"))], isSent: true)),
    (
      "NewPolicyDataOfTenant",
      .object(
        [
          need("data", .ref("PolicyDocument")),
          may("status", status, "`suspended`: policies deny everything to the tenant."),
        ], isSent: true)
    ),
  ]

  // MARK: Explanations

  private static let explanation: [(String, Schema)] = [
    (
      "PolicyQuestion",
      Schema.object(
        [
          may("decision", Schema.words(["http", "tools", "models", "approvals"]).standard(.string("http"))),
          may("method", .text(10, min: 1), "Of `http`."), may("path", .text(2048, min: 1), "Of `http`."),
          may("role", roles, "Of `http`: instead of the caller's own."),
          may("grants", .list(.text(20), 6), "Of `http`: instead of the caller's own."),
          may("input", .free, "Of all others: `subject` and `action`; the tenant is always the caller's."),
        ], isSent: true
      ).example(#"{"method": "POST", "path": "/api/v1/tasks", "role": "viewer"}"#)
    ),
    (
      "PolicyExplanation",
      .object([
        need("decision", .text()), need("mode", modes), need("is_halted", .flag),
        need(
          "explanation",
          .object([
            need("effect", .words(["allow", "deny", "ask"])), need("reasons", .list(.text())),
            need("rule", Schema.text().orNull), need("fault", Schema.text().orNull), need("message", .text()),
            need("revision", .text()), need("truncated", .flag),
            need(
              "lines",
              .list(
                .object([
                  need("op", .words(["enter", "hold", "fail", "give", "leave"])), need("rule", .text()),
                  need("file", .text()), need("line", .int()), need("column", .int()), need("depth", .count),
                  need("text", .text()),
                ]))),
          ])),
      ])
    ),
  ]
}
