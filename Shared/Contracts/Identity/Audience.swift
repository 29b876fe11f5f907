/// A service that an assertion is made for. Another service refuses it, so that nobody can pass on an assertion that it
/// has received.
public enum Audience: String, Sendable, CaseIterable {
  /// The API of runs and the worker protocol.
  case orchestrator
  /// The API of models and the calls of models.
  case router = "llm-router"
  /// The edge itself: its addresses are answered where callers are known, so no assertion is made for it.
  case gateway
}

/// A set of audiences.
public struct Audiences: OptionSet, Hashable, Sendable {
  /// One bit for each audience.
  public let rawValue: UInt8

  /// Makes a set from its bits.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The orchestrator.
  public static let orchestrator = Audiences(rawValue: 1)
  /// The llm-router.
  public static let router = Audiences(rawValue: 2)

  /// The gateway.
  public static let gateway = Audiences(rawValue: 4)

  /// The set of one.
  public init(_ audience: Audience) {
    switch audience {
    case .orchestrator: self = .orchestrator
    case .router: self = .router
    case .gateway: self = .gateway
    }
  }
}
