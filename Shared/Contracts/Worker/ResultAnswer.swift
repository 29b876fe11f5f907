public import JSON

/// The attempt has ended.
public struct ResultAnswer: Hashable, Sendable {
  /// The status of the run behind it, as the API shows it.
  public let runStatus: String

  /// Makes an answer.
  public init(runStatus: String) { self.runStatus = runStatus }

  /// Reads an answer.
  public init(_ view: JSONView) { runStatus = view["run_status"]?.string ?? "" }

  /// Writes its members.
  public func writeMembers(to writer: inout JSONWriter) { writer.member("run_status", runStatus) }
}
