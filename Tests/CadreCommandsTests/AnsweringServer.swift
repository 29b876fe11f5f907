import Foundation
import Glibc
import Synchronization

/// A server on the loopback address that answers some requests with what it was made with.
final class AnsweringServer: Sendable {
  let url: String
  private let received = Mutex<String?>(nil)

  /// The last request as it came.
  var request: String? { received.withLock { $0 } }

  struct Failure: Error {}

  init(status: Int, body: String, count: Int = 1) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isBound, listen(listener, 4) == 0 else { throw Failure() }
    url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
    Thread.detachNewThread { [self] in
      defer { close(listener) }
      for _ in 0..<count {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        defer { close(connection) }
        let text = AnsweringServer.read(connection)
        received.withLock { $0 = text }
        let answer = Array("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
        _ = write(connection, answer, answer.count)
      }
    }
  }

  /// A head and as much of a body as it announces.
  private static func read(_ connection: Int32) -> String {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let head = text.range(of: "\r\n\r\n") {
        let length =
          text.range(of: "Content-Length: ").flatMap { start in
            Int(text[start.upperBound...].prefix { $0.isNumber })
          } ?? 0
        if text[head.upperBound...].utf8.count >= length { return text }
      }
      let count = Glibc.read(connection, &piece, piece.count)
      guard count > 0 else { return text }
      bytes += piece.prefix(count)
    }
  }
}
