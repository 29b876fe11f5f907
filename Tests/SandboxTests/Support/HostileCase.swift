import AgentSandbox
import SandboxProtocol
import Testing

/// One attack: what runs, and what must come of it.
struct HostileCase: Sendable, CustomTestStringConvertible {
  enum Program: Sendable {
    case text(WorkerKind, String)
    case module(@Sendable () -> [UInt8])
  }

  let name: String
  let program: Program
  /// The outcomes that are right; more than one where two layers compete.
  let outcomes: Set<String>
  /// What its output must have.
  var has: [String] = []
  /// A shorter time, smaller limits.
  var change: @Sendable (inout RunLimits) -> Void = { _ in }

  var testDescription: String { name }

  static let contained = "contained"

  static func python(
    _ name: String, _ outcomes: Set<String> = ["ok"], has: [String] = [], _ source: String
  ) -> HostileCase {
    python(name, outcomes, has: has, { _ in }, source)
  }

  static func python(
    _ name: String, _ outcomes: Set<String>, has: [String] = [],
    _ change: @escaping @Sendable (inout RunLimits) -> Void, _ source: String
  ) -> HostileCase {
    HostileCase(
      name: "python: \(name)", program: .text(.python, source), outcomes: outcomes, has: has, change: change)
  }

  static func javascript(
    _ name: String, _ outcomes: Set<String> = ["ok"], has: [String] = [], _ source: String
  ) -> HostileCase {
    javascript(name, outcomes, has: has, { _ in }, source)
  }

  static func javascript(
    _ name: String, _ outcomes: Set<String>, has: [String] = [],
    _ change: @escaping @Sendable (inout RunLimits) -> Void, _ source: String
  ) -> HostileCase {
    HostileCase(
      name: "javascript: \(name)", program: .text(.javascript, source), outcomes: outcomes, has: has, change: change)
  }

  static func wasm(
    _ name: String, _ outcomes: Set<String>, has: [String] = [],
    _ change: @escaping @Sendable (inout RunLimits) -> Void = { _ in }, _ module: @escaping @Sendable () -> [UInt8]
  ) -> HostileCase {
    HostileCase(name: "wasm: \(name)", program: .module(module), outcomes: outcomes, has: has, change: change)
  }

  /// Expressions of Python each of which must raise; a value means an escape.
  static func pythonMustRaise(_ name: String, imports: String = "", _ expressions: [String]) -> HostileCase {
    let lines = expressions.map { expression in
      """
      try:
          value = (\(expression))
      except BaseException as error:
          print("contained", type(error).__name__)
      else:
          print("ESCAPED", repr(value)[:200])

      """
    }
    return python(name, has: [contained], imports + "\n" + lines.joined())
  }
}

extension RunLimits {
  /// As short as a loop without end needs.
  static let brief: @Sendable (inout RunLimits) -> Void = { $0.wallMilliseconds = 150 }
}
