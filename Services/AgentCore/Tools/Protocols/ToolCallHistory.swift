public import Contracts

/// The calls of a step whose results may be given again: those that only read, have succeeded, and behind which
/// nothing was changed.
public struct ToolCallHistory: Sendable {
  /// What a call means for the results of calls before and after it.
  public enum Effect: Sendable {
    /// It answers identical calls after it.
    case repeatable
    /// It answers no other call and changes nothing: reading the time.
    case volatile
    /// What was read before may be another now.
    case changing

    /// The effect of a tool's calls.
    public init(_ definition: ToolDefinition) {
      guard definition.risk == .read, definition.isIdempotent else {
        self = .changing
        return
      }
      self = definition.isVolatile ? .volatile : .repeatable
    }
  }

  /// Calls that are remembered.
  private static let callsMax = 1024

  private var indices: [String: Int] = [:]

  /// An empty history.
  public init() {}

  /// Takes up a call that has ended: its digest and its index in the journal. A tool that is not known any more counts
  /// as changing.
  public mutating func record(digest: String, effect: Effect, isError: Bool, index: Int) {
    switch effect {
    case .changing: indices = [:]
    case .volatile: break
    case .repeatable:
      if !isError, indices.count < ToolCallHistory.callsMax, indices[digest] == nil { indices[digest] = index }
    }
  }

  /// The index of an identical call.
  public func index(of digest: String) -> Int? { indices[digest] }
}
