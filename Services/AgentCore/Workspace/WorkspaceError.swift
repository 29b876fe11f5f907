/// Why the workspace did not do what was asked.
public struct WorkspaceError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What a caller does about it.
  public enum Kind: Hashable, Sendable {
    /// The lease is over: whatever the attempt does has no effect. It ends.
    case leaseLost
    /// There is no such thing.
    case notFound
    /// A quota of the run, project or tenant is used up.
    case quota
    /// What was sent can never be taken.
    case refused
    /// Nobody could be reached in time; a repetition may succeed.
    case unavailable
  }

  /// What a caller does about it.
  public let kind: Kind
  /// A stable name, for example `artefact_quota_exceeded`.
  public let code: String
  /// A sentence; it may be shown to a model.
  public let message: String

  /// Makes an error.
  public init(_ kind: Kind, code: String, _ message: String) {
    self.kind = kind
    self.code = code
    self.message = message
  }

  /// The code and the sentence.
  public var description: String { "\(code): \(message)" }
}
