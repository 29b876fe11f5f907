internal import Contracts

/// What stands between the braces of a pattern.
enum DocumentedPath {
  private static let ids: [Substring: String] = [
    "tasks": "task", "runs": "run", "steps": "step", "approvals": "step", "questions": "step", "projects": "project",
    "schedules": "schedule", "artefacts": "artefact", "memories": "memory", "mcp-servers": "mcp", "budgets": "budget",
    "rate-limits": "limit", "virtual-keys": "key", "calls": "call", "keys": "key",
    "users": "user", "service-accounts": "svc", "invitations": "inv", "tenants": "tenant",
  ]

  /// The path as the document has it: `{model*}` is `{model}`.
  static func text(_ pattern: String) -> String { pattern.replacing("*}", with: "}") }

  /// Names and schemas of its parameters.
  static func parameters(_ pattern: String) -> [(name: String, schema: Schema)] {
    let parts = pattern.split(separator: "/")
    return parts.indices.compactMap { index in
      let part = parts[index]
      guard part.hasPrefix("{") else { return nil }
      let name = String(part.dropFirst().dropLast(part.hasSuffix("*}") ? 2 : 1))
      return (name, schema(name, behind: index > 0 ? parts[index - 1] : "", in: parts.first ?? ""))
    }
  }

  private static func schema(_ name: String, behind resource: Substring, in area: Substring) -> Schema {
    switch name {
    case "id":
      area == "api" || area == "operator" ? ids[resource].map { .id($0) } ?? .text(200, min: 1) : .text(200, min: 1)
    case "tenant": .id("tenant")
    case "version": .int(1...Int64(Int32.max))
    case "scope" where resource == "limits": .words(WorkspaceSchemas.limitScopes)
    case "provider", "model", "alias": .text(min: 1)
    case "name" where resource == "workflows": .text(64, min: 1)
    case "name" where resource == "tools": .text(64, min: 1)
    default: .text(200, min: 1)
    }
  }
}
