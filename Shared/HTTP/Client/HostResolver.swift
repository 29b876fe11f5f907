// Beside libcurl, whose header brings it in, Glibc alone does not show `SOCK_STREAM`.
internal import CCurl
internal import Glibc
public import HTTPWire
internal import Reactor

/// Finds the addresses of a name. One look-up per connection: what was checked is what is connected to.
public protocol HostResolver: Sendable {
  /// All addresses; empty when there are none or the name is not known. Must end soon.
  func addresses(of name: String) async throws -> [WebAddress]
}

extension HostResolver {
  /// All addresses of the host of a URL, until `deadline` in monotonic nanoseconds. What is written as an address is
  /// not looked up. On an event loop. Throws `ReactorError.timedOut`, the resolver's error, or `CancellationError`.
  public func addresses(of host: String, before deadline: UInt64) async throws -> [WebAddress] {
    if let address = WebAddress(host) { return [address] }
    guard let loop = EventLoop.current else { throw ReactorError(.closed, operation: "look-up off a loop") }
    let promise = Promise<[WebAddress]>(on: loop)
    let resolver = self
    // A resolver that hangs is left behind.
    let task = loop.task {
      do { promise.succeed(try await resolver.addresses(of: host)) } catch { promise.fail(error) }
    }
    defer { task.cancel() }
    return try await promise.value(deadline: deadline)
  }
}

/// The resolver of the system, on threads of its own.
public struct SystemResolver: HostResolver {
  private static let pool = BlockingPool(threadsMax: 4, queuedMax: 64)
  private static let addressesMax = 64

  /// Makes the resolver.
  public init() {}

  /// Asks the system. Throws `ReactorError` when too many look-ups wait.
  public func addresses(of name: String) async throws -> [WebAddress] {
    try await SystemResolver.pool.run { SystemResolver.lookUp(name) }
  }

  private static func lookUp(_ name: String) -> [WebAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    var found: [WebAddress] = []
    var next = list
    while let entry = next, found.count < addressesMax {
      let raw = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      // Behind family and port of `sockaddr_in`; behind the flow too of `sockaddr_in6`.
      switch entry.pointee.ai_family {
      case AF_INET where raw.count >= 8: if let address = WebAddress(bytes: raw[4..<8]) { found.append(address) }
      case AF_INET6 where raw.count >= 24: if let address = WebAddress(bytes: raw[8..<24]) { found.append(address) }
      default: break
      }
      next = entry.pointee.ai_next
    }
    return found
  }
}
