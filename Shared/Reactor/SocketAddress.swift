internal import CLinux
internal import Glibc

/// Where a stream socket listens or connects.
public enum SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// An IPv4 or IPv6 literal, or a host name that is resolved when connecting, and a port.
  case host(String, port: Int)
  /// A Unix socket path (107 bytes at most).
  case unix(String)

  /// `host:port` or the path.
  public var description: String {
    switch self {
    case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): path
    }
  }

  /// Longest path that fits `sockaddr_un`, without the final zero.
  static let unixPathBytesMax = 107

  /// Binary addresses to try in order. Resolving a name blocks, so names go through the blocking pool.
  func resolved(passive: Bool = false) async throws -> [ResolvedAddress] {
    switch self {
    case .unix: return try lookUp(passive: passive, numericOnly: true)
    case .host where isLiteral: return try lookUp(passive: passive, numericOnly: true)
    case .host: return try await BlockingPool.shared.run { try self.lookUp(passive: passive, numericOnly: false) }
    }
  }

  private var isLiteral: Bool {
    guard case .host(let host, _) = self else { return false }
    return host.contains(":") || host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (48...57).contains($0) }
  }

  /// Resolves on the calling thread. Throws `ReactorError.badAddress`.
  func lookUp(passive: Bool, numericOnly: Bool) throws(ReactorError) -> [ResolvedAddress] {
    switch self {
    case .unix(let path):
      guard path.utf8.count <= SocketAddress.unixPathBytesMax, !path.isEmpty else {
        throw ReactorError(.badAddress, operation: "unix socket path")
      }
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
      return [ResolvedAddress(bytes: withUnsafeBytes(of: address) { Array($0) }, family: AF_UNIX)]
    case .host(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
      hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0) | (numericOnly ? AI_NUMERICHOST : 0)
      var list: UnsafeMutablePointer<addrinfo>?
      guard (0...65535).contains(port), getaddrinfo(host, String(port), &hints, &list) == 0 else {
        throw ReactorError(.badAddress, operation: "resolve")
      }
      defer { freeaddrinfo(list) }
      var found: [ResolvedAddress] = []
      var next = list
      while let entry = next {
        let bytes = UnsafeRawBufferPointer(start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
        found.append(ResolvedAddress(bytes: Array(bytes), family: entry.pointee.ai_family))
        next = entry.pointee.ai_next
      }
      return found
    }
  }
}

/// A binary socket address.
struct ResolvedAddress: Sendable {
  let bytes: [UInt8]
  let family: Int32

  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    bytes.withUnsafeBytes { raw in
      withUnsafeTemporaryAllocation(of: sockaddr_storage.self, capacity: 1) { storage in
        UnsafeMutableRawBufferPointer(storage).copyMemory(from: raw)
        return storage.withMemoryRebound(to: sockaddr.self) { rebound in
          // A temporary allocation of one element has an address.
          guard let base = rebound.baseAddress else { preconditionFailure("no storage") }
          return body(base, socklen_t(bytes.count))
        }
      }
    }
  }
}
