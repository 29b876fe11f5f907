import Reactor
import Redis

/// A server under the test's control, on a loop of its own.
final class HostileServer: Sendable {
  private let group = EventLoopGroup(count: 1, name: "hostile")
  private let listener: LoopBound<Listener>
  let address: SocketAddress

  /// `serve` gets each connection with its number, counted from 0.
  init(_ serve: @escaping @Sendable (StreamSocket, Int) async throws -> Void) async throws {
    let loop = group.loops[0]
    listener = try await loop.task {
      var number = 0
      return LoopBound(
        try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
          guard let socket = try? StreamSocket(adopting: fd, on: loop) else { return }
          let mine = number
          number += 1
          loop.task {
            defer { socket.closeWhenFlushed() }
            try await serve(socket, mine)
          }
        })
    }.value
    address = .host("127.0.0.1", port: listener.value.port)
  }

  func stop() async {
    let listener = self.listener
    _ = await group.loops[0].task { listener.value.close() }.result
    group.stop()
  }

  /// A configuration that greets with a single PING.
  var configuration: RedisConfiguration {
    var configuration = RedisConfiguration(address: address)
    configuration.clientName = ""
    return configuration
  }
}

extension StreamSocket {
  /// Reads one command and drops it; `false` at the end of the stream. Commands are told apart by their framing.
  func command() async throws -> [String]? {
    while true {
      if let words = takeCommand() { return words }
      guard try await fill() else { return nil }
    }
  }

  /// Answers the greeting of `HostileServer.configuration`.
  func greet() async throws {
    _ = try await command()
    reply("+PONG\r\n")
  }

  func reply(_ text: String) { write(Array(text.utf8)) }

  private func takeCommand() -> [String]? {
    let bytes = Array(input.readable)
    var position = 0
    func number(after mark: UInt8) -> Int? {
      guard position < bytes.count, bytes[position] == mark,
        let end = bytes[position...].firstIndex(of: 13), end + 1 < bytes.count
      else { return nil }
      defer { position = end + 2 }
      return Int(String(decoding: bytes[(position + 1)..<end], as: UTF8.self))
    }
    guard let count = number(after: UInt8(ascii: "*")) else { return nil }
    var words: [String] = []
    for _ in 0..<count {
      guard let length = number(after: UInt8(ascii: "$")), position + length + 2 <= bytes.count else { return nil }
      words.append(String(decoding: bytes[position..<(position + length)], as: UTF8.self))
      position += length + 2
    }
    input.consume(position)
    return words
  }
}
