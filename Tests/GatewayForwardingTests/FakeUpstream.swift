import Glibc
import Synchronization
import Testing

/// A service behind the gateway that does what no honest one does: it records the bytes of each request, closes the
/// connections of the first ones, and answers the others with what it was given. One request for each connection.
final class FakeUpstream: Sendable {
  private struct State {
    var requests: [String] = []
    var drops: Int
    var isStopped = false
  }

  let port: Int
  private let listener: Int32
  private let answer: [UInt8]
  private let state: Mutex<State>

  /// Listens on a free port of the loopback. Drops the connections of the first `drops` requests.
  init(dropping drops: Int = 0, answering answer: String = FakeUpstream.answer("ok")) throws {
    self.answer = Array(answer.utf8)
    state = Mutex(State(drops: drops))
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        bind(descriptor, generic, length) == 0 && listen(descriptor, 64) == 0
          && getsockname(descriptor, generic, &length) == 0
      }
    }
    try #require(isBound)
    listener = descriptor
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  static func answer(_ body: String, status: String = "200 OK", _ headers: String = "") -> String {
    "HTTP/1.1 \(status)\r\n\(headers)Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
  }

  /// The requests so far.
  var requests: [String] { state.withLock { $0.requests } }

  /// Serves until `stop`, on a thread of its own.
  func start() {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<FakeUpstream>.fromOpaque(context).takeRetainedValue().serve()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    pthread_detach(thread)
  }

  func stop() {
    state.withLock { $0.isStopped = true }
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func serve() {
    while true {
      let connection = accept(listener, nil, nil)
      guard connection >= 0, !state.withLock({ $0.isStopped }) else { break }
      let request = FakeUpstream.read(connection)
      let isDropped = state.withLock { state in
        state.requests.append(request)
        guard state.drops > 0 else { return false }
        state.drops -= 1
        return true
      }
      if !isDropped {
        _ = answer.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      }
      close(connection)
    }
    close(listener)
  }

  /// Reads a request whose body has a declared length or is chunked.
  private static func read(_ connection: Int32) -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let head = text.firstRange(of: "\r\n\r\n") {
        let fields = text[..<head.lowerBound].lowercased()
        if fields.contains("transfer-encoding: chunked") {
          if text.hasSuffix("0\r\n\r\n") { return text }
        } else {
          let length =
            fields.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
          if text[head.upperBound...].utf8.count >= length { return text }
        }
      }
      let count = recv(connection, &piece, piece.count, 0)
      guard count > 0 else { return text }
      bytes += piece.prefix(count)
    }
  }
}
