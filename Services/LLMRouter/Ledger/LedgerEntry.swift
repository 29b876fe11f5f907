internal import Budgets
internal import Contracts
internal import Dialects
internal import JSON
internal import Pricing
internal import Primitives

/// One call in the ledger.
struct LedgerEntry: Sendable {
  let id: CallID
  let tenant: TenantID
  let startedAt: Timestamp
  var endedAt: Timestamp
  let dialect: Dialect
  let labels: CallLabels
  let modelAsked: String
  var model: String?
  var provider: String?
  var route = ""
  var outcome = "interrupted"
  var cache = "off"
  var attempts = 0
  var usage = TokenUsage()
  var isEstimated = false
  var nanoUSD: Int64?
  var savedNanoUSD: Int64 = 0
  var chargedTokens: Int64 = 0
  var chargedNanoUSD: Int64 = 0
  var latencyMicroseconds: Int64 = 0
  var firstTokenMicroseconds: Int64?

  /// The row as JSON, by the names of the columns. The same text stands in the spool.
  var json: [UInt8] {
    var writer = JSONWriter(reservingBytes: 700)
    writer.beginObject()
    writer.member("id", id.uuid.description)
    writer.member("tenant_id", tenant.uuid.description)
    writer.member("started_at", startedAt.description)
    writer.member("ended_at", endedAt.description)
    writer.member("dialect", dialect.rawValue)
    writer.member("principal", labels.principal)
    writer.member("project", ifPresent: labels.project)
    writer.member("group", ifPresent: labels.group)
    writer.member("run", ifPresent: labels.run)
    writer.member("step", ifPresent: labels.step)
    writer.member("agent", ifPresent: labels.agent)
    writer.member("tool", ifPresent: labels.tool)
    writer.member("key", ifPresent: labels.key)
    writer.member("model_asked", CallLabels.plain(modelAsked))
    writer.member("model", ifPresent: model)
    writer.member("provider", ifPresent: provider)
    writer.member("route", CallLabels.plain(route))
    writer.member("outcome", outcome)
    writer.member("cache", cache)
    writer.member("attempts", Int64(attempts))
    writer.member("input_tokens", usage.input)
    writer.member("cache_read_tokens", usage.cacheRead)
    writer.member("cache_write_tokens", usage.cacheWrite + usage.cacheWriteLong)
    writer.member("output_tokens", usage.output)
    writer.member("reasoning_tokens", usage.reasoning)
    writer.member("estimated", isEstimated)
    writer.member("nano_usd", ifPresent: nanoUSD)
    writer.member("saved_nano_usd", savedNanoUSD)
    writer.member("charged_tokens", chargedTokens)
    writer.member("charged_nano_usd", chargedNanoUSD)
    writer.member("latency_us", latencyMicroseconds)
    writer.member("first_token_us", ifPresent: firstTokenMicroseconds)
    writer.endObject()
    return writer.bytes
  }
}

/// What a call belongs to.
struct CallLabels: Sendable, Hashable {
  var principal = "unknown"
  var project: String?
  var group: String?
  var run: String?
  var step: String?
  var agent: String?
  var tool: String?
  var key: String?

  private static let bytesMax = 200

  /// A label that is fit for a table: short, without control characters.
  static func plain(_ text: String) -> String {
    guard text.utf8.count > bytesMax || text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
      return text
    }
    return String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.prefix(bytesMax / 4)))
  }

  /// Whom budgets are looked up for.
  func subjects(tenant: TenantID) -> CallSubjects {
    var names: [BudgetScope: String] = [:]
    names[.project] = project
    names[.group] = group
    names[.run] = run
    names[.agent] = agent
    names[.tool] = tool
    names[.key] = key
    return CallSubjects(tenant: tenant.description, names: names)
  }
}
