/// Why a call to Postgres failed. The description holds no SQL, parameters or rows; `String(reflecting:)` adds the
/// server's words.
public struct PostgresError: Error, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  /// The kinds of failure.
  public enum Code: Sendable, Hashable {
    /// The server refused; its five-character SQLSTATE.
    case sql(String)
    /// The connection ended while the call was in progress.
    case connectionLost
    /// There is no connection and none could be made in time.
    case unavailable
    /// The deadline passed.
    case timedOut
    /// Too many calls are waiting.
    case overloaded
    /// A value is not of the kind that was asked for.
    case decoding
  }

  /// The kind of failure.
  public let code: Code
  /// Whether the server may have done what was asked.
  public let outcomeUnknown: Bool
  /// The constraint that was violated.
  public let constraint: String?
  /// The message of the server; may contain data, so it is for developers only.
  public let detail: String

  /// What to do about it, where that is known; holds no data.
  public let advice: String

  /// Makes an error.
  public init(
    _ code: Code, outcomeUnknown: Bool = false, constraint: String? = nil, detail: String = "", advice: String = ""
  ) {
    self.code = code
    self.outcomeUnknown = outcomeUnknown
    self.constraint = constraint
    self.detail = detail
    self.advice = advice
  }

  /// The SQLSTATE when the server refused.
  public var sqlState: String? { if case .sql(let state) = code { state } else { nil } }

  /// Whether a row with the same key is there already. Stores turn it into what it means for their table.
  public var isUniqueViolation: Bool { sqlState == "23505" }

  /// Whether row-level security refused what was to be written: the tenant is not that of the unit, or it is to be
  /// deleted.
  public var isRefusedToTenant: Bool { sqlState == "42501" }

  /// Whether the same call may succeed in a moment.
  public var isTransient: Bool {
    switch code {
    case .connectionLost, .unavailable, .timedOut, .overloaded: true
    case .decoding: false
    case .sql(let state):
      ["40001", "40P01", "55P03", "57P01", "57P02", "57P03", "25006"].contains(state) || state.hasPrefix("53")
        || state.hasPrefix("08")
    }
  }

  /// One sentence, and what to do where that is known.
  public var description: String { advice.isEmpty ? summary : "\(summary): \(advice)" }

  private var summary: String {
    switch code {
    case .sql(let state): "the database refused the statement (SQLSTATE \(state))"
    case .connectionLost: "the connection to the database was lost"
    case .unavailable: "the database cannot be reached"
    case .timedOut: "the database did not answer in time"
    case .overloaded: "too many database calls are waiting"
    case .decoding: "a value from the database is not of the expected type"
    }
  }

  /// With the server's words.
  public var debugDescription: String { detail.isEmpty ? description : "\(description) (\(detail))" }
}
