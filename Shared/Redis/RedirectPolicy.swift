internal import Reactor

/// What becomes of a call that a cluster has not executed: pure, so that it can be tested without servers.
struct RedirectPolicy {
  enum Action: Equatable {
    /// The call ends with the error.
    case finish
    /// The call is sent again, after a pause if there is one.
    case again(CallRoute, pause: Duration?)
  }

  /// Redirections without a pause that a call follows.
  static let redirectsMax = 16
  private static let pauseMillisecondsFirst: Int64 = 5
  private static let pauseMillisecondsMax: Int64 = 100

  private let home: CallRoute
  private var route: CallRoute
  private let host: SocketAddress
  /// When a moving slot is not waited for any more.
  private let limit: UInt64
  /// When a connection is not waited for any more.
  private let connectLimit: UInt64
  private var redirects = 0
  private var pauseMilliseconds = RedirectPolicy.pauseMillisecondsFirst

  /// `host`: the one that is meant by a node that does not know its own.
  init(route: CallRoute, host: SocketAddress, timeout: Duration, connectTimeout: Duration, now: UInt64) {
    home = route
    self.route = route
    self.host = host
    limit = deadline(after: timeout, from: now)
    connectLimit = deadline(after: connectTimeout, from: now)
  }

  /// A node has answered with an error.
  mutating func failed(_ error: RedisError, at now: UInt64) -> (action: Action, redirect: RedisRedirect?) {
    if error == .connecting { return (now < connectLimit ? pause(route) : .finish, nil) }
    switch Redirection(error) {
    case nil: return (.finish, nil)
    case .clusterDown: return (.finish, .clusterDown)
    case .tryAgain: return (now < limit ? pause(home) : .finish, .tryAgain)
    case .moved(let slot, let host, let port): return (follow(.moved(slot: slot, place(host, port)), now), .moved)
    case .ask(let host, let port): return (follow(.asking(place(host, port)), now), .ask)
    }
  }

  private mutating func follow(_ route: CallRoute, _ now: UInt64) -> Action {
    guard now < limit else { return .finish }
    self.route = route
    redirects += 1
    // Nodes that do not agree yet send a call to and fro.
    return redirects > RedirectPolicy.redirectsMax ? pause(route) : .again(route, pause: nil)
  }

  private mutating func pause(_ route: CallRoute) -> Action {
    self.route = route
    let pause = pauseMilliseconds
    pauseMilliseconds = min(pause * 2, RedirectPolicy.pauseMillisecondsMax)
    return .again(route, pause: .milliseconds(pause))
  }

  private func place(_ host: String?, _ port: Int) -> SocketAddress {
    if let host { return .host(host, port: port) }
    if case .host(let known, _) = self.host { return .host(known, port: port) }
    return self.host
  }
}
