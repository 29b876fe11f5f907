package import Contracts
internal import HTTPWire

/// Kinds of requests that are limited apart from each other.
package enum RouteClass: String, Sendable, CaseIterable {
  /// Reads of the API.
  case read
  /// Changes.
  case write
  /// Calls of models.
  case model
  /// Streams of events.
  case stream
  /// Those who are not known yet.
  case signIn = "sign_in"

  /// Where it stands among all.
  package var place: Int {
    switch self {
    case .read: 0
    case .write: 1
    case .model: 2
    case .stream: 3
    case .signIn: 4
    }
  }

  /// By its place: that of its text is the default, and costs each request more.
  package func hash(into hasher: inout Hasher) { hasher.combine(place) }

  /// The class of an address.
  package init(_ route: RouteSpecification) {
    let isRead = route.method == .get || route.method == .head
    self =
      switch (route.access, isRead) {
      case (.anonymous, false): .signIn
      case (.models, false): .model
      case (_, true): route.cancelsOnDisconnect && route.access != .models ? .stream : .read
      case (_, false): .write
      }
  }

  /// Whether an answer may take as long as its client likes: it is counted apart from short ones.
  package var isLong: Bool { self == .stream || self == .model }
}
