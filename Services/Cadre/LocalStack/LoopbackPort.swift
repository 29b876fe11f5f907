internal import CLinux
internal import Glibc
internal import Synchronization

/// Ports of the loopback address.
public enum LoopbackPort {
  /// Below the ports that the system gives to connections: none of those can take a port before a service does.
  private static let range: Range<UInt16> = 10_240..<32_768
  private static let triesMax = 200
  /// The ports given so far; nobody may listen on them yet.
  private static let given = Mutex<Set<UInt16>>([])

  /// A port that nobody listens on now and that was not given before; 0 when there is none.
  public static func free() -> Int {
    for _ in 0..<triesMax {
      let port = UInt16.random(in: range)
      let isNew = given.withLock { given in
        if given.count >= range.count / 2 { given.removeAll() }
        return given.insert(port).inserted
      }
      if isNew, isFree(Int(port), reusing: false) { return Int(port) }
    }
    return 0
  }

  /// Whether a port can be listened on.
  public static func isFree(_ port: Int) -> Bool { isFree(port, reusing: true) }

  private static func isFree(_ port: Int, reusing: Bool) -> Bool {
    // A program that is started at this moment must not go on holding the port.
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(fd) }
    var on: Int32 = reusing ? 1 : 0
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = address(port: UInt16(clamping: port))
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func address(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = in_port_t(port.bigEndian)
    return address
  }
}
