import Foundation
import Glibc

/// A request of which the head of the answer is looked at.
enum RawRequest {
  struct Failure: Error {}

  /// The head of the answer to a GET, in lower case.
  static func head(port: Int, path: String, key: String) throws -> String {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard connection >= 0 else { throw Failure() }
    defer { close(connection) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    let request = Array(
      "GET \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(key)\r\nConnection: close\r\n\r\n".utf8)
    guard isConnected, write(connection, request, request.count) == request.count else { throw Failure() }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let text = String(decoding: bytes, as: UTF8.self)
      if let end = text.range(of: "\r\n\r\n") { return text[..<end.lowerBound].lowercased() }
      let count = read(connection, &piece, piece.count)
      guard count > 0 else { throw Failure() }
      bytes += piece.prefix(count)
    }
  }
}
