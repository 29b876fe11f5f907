package import Contracts
internal import HTTPWire

/// In which order requests are refused while a replica is saturated: the first case goes first.
package enum ShedPriority: Int, Sendable, CaseIterable {
  /// Lists and downloads: dear, and asked for again.
  case list
  /// New streams of events: who follows already goes on.
  case stream
  /// New work: tasks, changes, calls of models.
  case work
  /// What ends or decides things that are under way, and signing in.
  case control
  /// The state of one thing.
  case status

  private static let controlSuffixes = [
    "/cancel", "/pause", "/resume", "/decision", "/bulk-cancel", "/halt", "/answer", "/revoke",
  ]
  private static let dearSuffixes = ["/bundle", "/content", "/steps", "/calls", "/events", "/export"]

  /// The priority of an address.
  package init(_ route: RouteSpecification) {
    let pattern = route.pattern
    switch RouteClass(route) {
    case .stream: self = .stream
    case .model: self = .work
    case .signIn: self = .control
    case .read:
      let isOne = pattern.hasSuffix("}") || route.access == .anonymous || pattern.hasSuffix("/result")
      self = isOne && !ShedPriority.dearSuffixes.contains(where: { pattern.hasSuffix($0) }) ? .status : .list
    case .write:
      let isControl =
        route.method == .delete || ShedPriority.controlSuffixes.contains(where: { pattern.hasSuffix($0) })
      self = isControl ? .control : .work
    }
  }

  /// The name in metrics.
  package var name: String { "\(self)" }

  /// Part of the room for requests that it may fill: the rest is kept for what is more important.
  var roomPart: Double {
    switch self {
    case .list: 0.7
    case .stream: 0.8
    case .work: 0.9
    case .control: 0.95
    case .status: 1
    }
  }

  /// How many times the configured lag of the event loops it bears.
  var lagFactor: UInt64 {
    switch self {
    case .list: 1
    case .stream: 2
    case .work: 3
    case .control: 5
    case .status: 8
    }
  }

  /// Part of the memory above which it is refused.
  var memoryPart: Double {
    switch self {
    case .list: 0.85
    case .stream: 0.88
    case .work: 0.91
    case .control: 0.95
    case .status: 0.98
    }
  }
}
