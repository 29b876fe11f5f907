import Reactor
import ReactorTestKit
import Synchronization

/// A server on loopback that answers each path with what a script writes, and counts what came.
final class HostileServer: Sendable {
  typealias Script = @Sendable (PeerSocket, String) async throws -> Void

  private let box: Box
  private let listener: LoopBound<Listener>
  let port: Int

  /// Must be made on the loop on which it runs. A script gets the socket and the head of the request; the connection
  /// closes behind it.
  init(on loop: EventLoop, _ scripts: [String: Script]) throws {
    let requests = Box()
    let listener = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
      guard let peer = PeerSocket(adopting: fd, on: loop) else { return }
      loop.task {
        defer { peer.closeWhenFlushed() }
        var head = ""
        while !head.contains("\r\n\r\n"), try await peer.fill() {
          head = String(decoding: peer.input.readable, as: UTF8.self)
        }
        requests.add(head)
        let path = head.split(separator: " ").dropFirst().first.map { String($0.prefix { $0 != "?" }) } ?? ""
        guard let script = scripts[path] else {
          peer.write("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
          return
        }
        try await script(peer, head)
      }
    }
    self.listener = LoopBound(listener)
    port = listener.port
    box = requests
  }

  /// The heads of all requests.
  var heads: [String] { box.all }

  func close() { listener.value.close() }

  private final class Box: Sendable {
    private let heads = Mutex<[String]>([])
    var all: [String] { heads.withLock { $0 } }
    func add(_ head: String) { heads.withLock { $0.append(head) } }
  }

  /// A whole answer.
  static func answer(_ body: String, type: String = "text/plain", status: Int = 200, extra: String = "") -> Script {
    { peer, head in
      let content = head.hasPrefix("HEAD") ? "" : body
      peer.write(
        "HTTP/1.1 \(status) X\r\ncontent-type: \(type)\r\n\(extra)content-length: \(body.utf8.count)\r\n\r\n\(content)")
    }
  }

  static func bytes(_ body: [UInt8], head: String) -> Script {
    { peer, _ in
      peer.write("HTTP/1.1 200 OK\r\ncontent-length: \(body.count)\r\n\(head)\r\n")
      peer.write(body)
    }
  }

  static func redirect(_ location: String, status: Int = 302) -> Script {
    { peer, _ in peer.write("HTTP/1.1 \(status) X\r\nlocation: \(location)\r\ncontent-length: 0\r\n\r\n") }
  }
}
