internal import Dialects
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import Primitives
internal import Routing

/// The models of a caller, as clients of OpenAI and Anthropic list them: with their windows, page by page.
struct ModelList: Sendable {
  private static let pageMax: Int64 = 1000

  private let table: RouteTable
  private let names: [String]
  private let dialect: Dialect

  /// The models and aliases that a caller may ask for.
  init(_ table: RouteTable, of caller: CallPrincipal, _ dialect: Dialect) {
    self.table = table
    self.dialect = dialect
    names = caller.known(of: table)
  }

  /// One model. Throws a `CallFailure` for what the caller may not ask for.
  func one(_ name: String) throws(CallFailure) -> HTTPResponse {
    guard names.contains(name) else { throw CallFailure(RouteRefusal.unknownModel(name), known: names) }
    return .json { write(name, &$0) }
  }

  /// A page: all of it, or for Anthropic's clients what `limit`, `after_id` and `before_id` ask for.
  func page(_ request: HTTPRequest) throws -> HTTPResponse {
    guard dialect == .messages else {
      return .json { writer in
        writer.member("object", "list")
        write(names[...], &writer)
      }
    }
    let (some, hasMore) = try slice(try request.query())
    return .json { writer in
      writer.member("has_more", hasMore)
      writer.member("first_id", orNull: some.first)
      writer.member("last_id", orNull: some.last)
      write(some, &writer)
    }
  }

  private func slice(_ items: QueryItems) throws(CallFailure) -> (ArraySlice<String>, Bool) {
    let text = items["limit"]
    guard let limit = text.map({ Int64($0) }) ?? ModelList.pageMax, (1...ModelList.pageMax).contains(limit) else {
      throw .invalid("'limit' must be a number from 1 to \(ModelList.pageMax).", "limit")
    }
    func place(_ parameter: String) throws(CallFailure) -> Int? {
      guard let name = items[parameter] else { return nil }
      guard let index = names.firstIndex(of: name) else {
        throw .invalid("'\(parameter)' is no model of this list.", parameter)
      }
      return index
    }
    if let before = try place("before_id") {
      let some = names[..<before].suffix(Int(limit))
      return (some, some.startIndex > 0)
    }
    let start = try place("after_id").map { $0 + 1 } ?? 0
    let some = names[start...].prefix(Int(limit))
    return (some, some.endIndex < names.count)
  }

  private func write(_ some: ArraySlice<String>, _ writer: inout JSONWriter) {
    writer.key("data")
    writer.beginArray()
    for name in some {
      writer.beginObject()
      write(name, &writer)
      writer.endObject()
    }
    writer.endArray()
  }

  private func write(_ name: String, _ writer: inout JSONWriter) {
    let targets = table.targets(named: name)
    let created = targets.map(\.createdAt).min() ?? 0
    // What is too long for one model of an alias goes to another, so the largest counts.
    let window = targets.compactMap(\.contextTokens).max()
    let output = targets.compactMap(\.outputTokensMax).max()
    writer.member("id", name)
    if dialect == .messages {
      writer.member("type", "model")
      writer.member("display_name", name)
      writer.member("created_at", Timestamp(unixMicroseconds: created * 1_000_000).description)
      writer.member("max_input_tokens", ifPresent: window)
      writer.member("max_tokens", ifPresent: output)
      return
    }
    writer.member("object", "model")
    writer.member("created", created)
    writer.member("owned_by", table.target(name)?.provider ?? "alias")
    // There is no standard for windows here: these are the names that clients look for.
    for member in ["context_length", "context_window", "max_model_len", "max_input_tokens"] {
      writer.member(member, ifPresent: window)
    }
    writer.member("max_output_tokens", ifPresent: output)
  }
}
