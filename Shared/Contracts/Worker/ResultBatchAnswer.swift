public import JSON

/// What became of each result of a batch.
public struct ResultBatchAnswer: Hashable, Sendable {
  /// What became of one.
  public enum Outcome: Hashable, Sendable {
    /// The attempt has ended.
    case accepted(ResultAnswer)
    /// It has not, with the problem that the request alone would have been answered with.
    case refused(status: Int, code: String, detail: String)
  }

  /// One of them.
  public struct Entry: Hashable, Sendable {
    /// The step, as the request named it.
    public let step: String
    /// What became of it.
    public let outcome: Outcome

    /// Makes an entry.
    public init(step: String, outcome: Outcome) {
      self.step = step
      self.outcome = outcome
    }
  }

  /// In the order of the request.
  public let entries: [Entry]

  /// Makes an answer.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads an answer; `nil` when it is none.
  public init?(_ view: JSONView) {
    guard let list = view["results"], list.kind == .array else { return nil }
    entries = list.elements.map { entry in
      let status = Int(clamping: entry["status"]?.int ?? 0)
      return Entry(
        step: entry["step_id"]?.string ?? "",
        outcome: status == 200
          ? .accepted(ResultAnswer(entry))
          : .refused(
            status: status, code: entry["code"]?.string ?? "", detail: entry["detail"]?.string ?? ""))
    }
  }

  /// Writes its members.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.key("results")
    writer.beginArray()
    for entry in entries {
      writer.beginObject()
      writer.member("step_id", entry.step)
      switch entry.outcome {
      case .accepted(let answer):
        writer.member("status", 200 as Int64)
        answer.writeMembers(to: &writer)
      case .refused(let status, let code, let detail):
        writer.member("status", Int64(status))
        writer.member("code", code)
        writer.member("detail", detail)
      }
      writer.endObject()
    }
    writer.endArray()
  }
}
