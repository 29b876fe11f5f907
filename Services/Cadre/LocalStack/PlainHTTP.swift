internal import CLinux
internal import Glibc

/// A minimal blocking HTTP client for the command line and for probes of the local stack.
public enum PlainHTTP {
  /// An answer.
  public struct Answer: Sendable {
    /// The status code.
    public let status: Int
    /// The body as text.
    public let body: String
  }

  /// Makes one request on a connection of its own. `nil` when nobody answers within `seconds`.
  public static func send(
    _ method: String = "GET", host: String = "127.0.0.1", port: Int, path: String, headers: [String: String] = [:],
    body: String? = nil, seconds: Int = 5
  ) -> Answer? {
    guard let fd = connect(host, port, seconds) else { return nil }
    defer { close(fd) }
    var text = "\(method) \(path) HTTP/1.0\r\nHost: \(host):\(port)\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    if let body { text += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
    text += "\r\n" + (body ?? "")
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return nil }
      bytes = bytes.dropFirst(count)
    }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = recv(fd, &buffer, buffer.count, 0)
      if count <= 0 { break }
      received += buffer.prefix(count)
    }
    return parse(received)
  }

  private static func parse(_ received: [UInt8]) -> Answer? {
    let blank = Array("\r\n\r\n".utf8)
    guard received.starts(with: "HTTP/1.".utf8), received.count > 16,
      let status = Int(String(decoding: received[9..<12], as: UTF8.self)),
      let end = (0..<received.count - 3).first(where: { received[$0..<$0 + 4].elementsEqual(blank) })
    else { return nil }
    return Answer(status: status, body: String(decoding: received[(end + 4)...], as: UTF8.self))
  }

  private static func connect(_ host: String, _ port: Int, _ seconds: Int) -> Int32? {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &list) == 0 else { return nil }
    defer { freeaddrinfo(list) }
    var next = list
    while let entry = next {
      let fd = socket(entry.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var timeout = timeval(tv_sec: seconds, tv_usec: 0)
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
      setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
      if Glibc.connect(fd, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 { return fd }
      close(fd)
      next = entry.pointee.ai_next
    }
    return nil
  }

  /// A port that nobody listens on now.
  public static func freePort() -> Int {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
        guard bind(fd, rebound, size) == 0, getsockname(fd, rebound, &size) == 0 else { return 0 }
        return Int(UInt16(bigEndian: pointer.pointee.sin_port))
      }
    }
  }

  /// Whether a port of the loopback address can be listened on.
  public static func isFree(_ port: Int) -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(fd) }
    var on: Int32 = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
