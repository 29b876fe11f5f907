public import AgentTools
internal import Glibc
internal import Reactor

/// Finds the addresses of a name. One look-up per connection: what was checked is what is connected to.
public protocol HostResolver: Sendable {
  /// All addresses; empty when there are none or the name is not known. Must end soon.
  func addresses(of name: String) async throws -> [WebAddress]
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
