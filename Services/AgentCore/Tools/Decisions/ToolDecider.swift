public import Contracts
internal import Crypto
public import JSON
internal import Primitives

/// The decisions about a call that need nothing from outside: what its arguments are, what an approval says, whether it
/// was answered before.
public enum ToolDecider {
  /// Longest preview of arguments in the subject of an approval.
  private static let previewBytesMax = 16 << 10

  /// The answer to a call of a tool that the step does not have.
  public static func unknown(_ name: String, _ catalog: ToolCatalog) -> ToolResult {
    let names = catalog.entries.prefix(50).map(\.definition.name).joined(separator: ", ")
    return .failure(
      .unknownTool,
      names.isEmpty
        ? "there are no tools" : "there is no tool \(StorableText.make(name, bytesMax: 64)); there are: \(names)")
  }

  /// What a policy's decision means, with what people have answered so far.
  public enum Approval: Sendable {
    /// The call may be made.
    case granted
    /// It may not; the model gets this result.
    case refused(ToolResult)
    /// A person is asked.
    case needed(ToolAsk)
  }

  /// Weighs a decision and the answers of people.
  public static func approval(
    _ decision: PolicyDecision, _ definition: ToolDefinition, _ arguments: JSONDocument, _ answers: [ToolAnswer]
  ) -> Approval {
    switch decision.effect {
    case .allow: return .granted
    case .deny: return .refused(.failure(.denied, "the call is not allowed: \(decision.reason)"))
    case .ask: break
    }
    let ask = ToolAsk(
      kind: .approval, tool: definition.name, subject: subject(decision, definition, arguments))
    guard let answer = answers.last(where: { $0.kind == .approval && $0.subjectSHA256 == ask.subjectSHA256 }) else {
      return .needed(ask)
    }
    let document = (try? JSONDocument(parsing: answer.answer))?.root
    if document?["approved"]?.bool == true { return .granted }
    if document?["expired"]?.bool == true {
      return .refused(.failure(.expired, "nobody has approved the call in time"))
    }
    let comment = StorableText.make(document?["comment"]?.string ?? "", bytesMax: 2000)
    return .refused(
      .failure(
        .rejected, comment.isEmpty ? "a person has refused the call" : "a person has refused the call: \(comment)"))
  }

  /// What a person reads before an approval. The digest binds the approval to exactly these arguments.
  private static func subject(
    _ decision: PolicyDecision, _ definition: ToolDefinition, _ arguments: JSONDocument
  ) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("tool", definition.name)
    writer.member("risk", definition.risk.rawValue)
    writer.member("source", definition.source.description)
    if arguments.bytes.count <= previewBytesMax {
      writer.member("arguments", raw: arguments.bytes)
    } else {
      writer.member(
        "arguments_preview",
        StorableText.make(
          String(decoding: arguments.bytes.prefix(previewBytesMax), as: UTF8.self), bytesMax: previewBytesMax))
      writer.member(
        "arguments_end",
        StorableText.make(
          String(decoding: arguments.bytes.suffix(previewBytesMax), as: UTF8.self), bytesMax: previewBytesMax))
    }
    writer.member("arguments_bytes", Int64(arguments.bytes.count))
    writer.member("arguments_sha256", Hex.encode(Digest.sha256(arguments.bytes)))
    writer.member("rule", decision.rule)
    writer.member("reason", decision.reason)
    writer.endObject()
    return writer.bytes
  }
}
