/// A revision of the protocol, by its date.
public enum MCPRevision: String, CaseIterable, Comparable, Sendable {
  /// The first one; HTTP with a separate event stream, which this platform does not speak.
  case november2024 = "2024-11-05"
  /// Streamable HTTP, batches.
  case march2025 = "2025-03-26"
  /// Structured content, elicitation, no batches.
  case june2025 = "2025-06-18"
  /// The last with sessions.
  case november2025 = "2025-11-25"
  /// Without sessions: every request says what it needs.
  case july2026 = "2026-07-28"

  /// How requests find their context.
  public enum Era: String, Sendable {
    /// A handshake (`initialize`) opens a session.
    case session
    /// Each request carries revision and capabilities.
    case stateless
  }

  /// How requests of this revision find their context.
  public var era: Era { self == .july2026 ? .stateless : .session }

  /// The newest one.
  public static let newest = MCPRevision.july2026
  /// The newest one with sessions, which is offered in `initialize`.
  public static let newestWithSessions = MCPRevision.november2025

  /// By date.
  public static func < (a: MCPRevision, b: MCPRevision) -> Bool { a.rawValue < b.rawValue }
}
