internal import CLinux
internal import Glibc

extension StreamSocket {
  /// The address of the peer in network order: 4 bytes, or 16 of IPv6; `nil` for Unix sockets and closed ones.
  public func peerAddress() -> [UInt8]? {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let code = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(fd, $0, &size) }
    }
    guard code == 0 else { return nil }
    return withUnsafePointer(to: &storage) { pointer in
      switch Int32(pointer.pointee.ss_family) {
      case AF_INET:
        pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
          withUnsafeBytes(of: address.pointee.sin_addr) { Array($0) }
        }
      case AF_INET6:
        pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
          withUnsafeBytes(of: address.pointee.sin6_addr) { Array($0) }
        }
      default: nil
      }
    }
  }

  /// Whether the peer has ended or broken the connection, or sent something, as the kernel knows it at this moment and
  /// before the loop has heard of it.
  public var hasNews: Bool {
    guard fd >= 0 else { return true }
    var byte: UInt8 = 0
    return recv(fd, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) >= 0 || errno != EAGAIN
  }
}
