import Foundation
import LocalStack

/// A server that a test scripts: what it answers to each body, or `nil` to end the connection without a word.
final class RawServer: @unchecked Sendable {
  // @unchecked: nothing of it changes.
  let port: Int
  private let descriptor: Int32
  private let answer: @Sendable (String) -> String?

  init(answer: @escaping @Sendable (String) -> String?) throws {
    self.answer = answer
    port = LoopbackPort.free()
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, 16) }
    }
    guard bound == 0, listen(descriptor, 16) == 0 else { throw StackError("the server cannot listen") }
    Thread { [self] in
      while true {
        let peer = accept(descriptor, nil, nil)
        guard peer >= 0 else { return }
        Thread { [self] in serve(peer) }.start()
      }
    }.start()
  }

  private func serve(_ peer: Int32) {
    defer { close(peer) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(peer, &piece, piece.count)
      guard count > 0 else { return }
      bytes += piece[..<count]
      while let text = String(validating: bytes, as: UTF8.self), let end = text.range(of: "\r\n\r\n") {
        let head = text[..<end.lowerBound].lowercased()
        let length =
          head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).filter { $0 != " " }) } ?? 0
        let body = Array(text[end.upperBound...].utf8)
        guard body.count >= length else { break }
        guard let reply = answer(String(decoding: body.prefix(length), as: UTF8.self)) else { return }
        bytes = Array(body.dropFirst(length))
        let whole = Array(
          ("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \(reply.utf8.count)\r\n\r\n"
            + reply).utf8)
        guard write(peer, whole, whole.count) == whole.count else { return }
      }
    }
  }
}
