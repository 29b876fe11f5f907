// Sends arbitrary bytes to a server over a socket: in pieces, with answers that come before the request has ended, by
// clients that end their side or leave. Whatever comes, the answer looks like HTTP, a client that has ended its side is
// let go, and the next client is served.
internal import CLinux
internal import Glibc
internal import Synchronization

/// The entry point that libFuzzer calls with each input: the first byte says how the rest is sent.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConnection(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard count > 1, let start else { return 0 }
  let mode = start[0]
  let bytes = UnsafeRawBufferPointer(start: start + 1, count: count - 1)
  let client = Client()
  let pieces = 1 + Int(mode >> 5)
  var answer: [UInt8] = []
  for number in 0..<pieces {
    let (from, to) = (bytes.count * number / pieces, bytes.count * (number + 1) / pieces)
    client.send(UnsafeRawBufferPointer(rebasing: bytes[from..<to]))
    if mode & 2 != 0 { answer += client.receive(waits: false) }
  }
  if mode & 1 != 0 {
    client.endSending()
    while true {
      let more = client.receive(waits: true)
      if more.isEmpty { break }
      answer += more
    }
  }
  client.leave()
  precondition(answer.isEmpty || answer.starts(with: Array("HTTP/1.1 ".utf8)), "what comes back is HTTP")
  let other = Client()
  let request = Array("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
  request.withUnsafeBytes { other.send($0) }
  var text: [UInt8] = []
  while true {
    let more = other.receive(waits: true)
    if more.isEmpty { break }
    text += more
  }
  other.leave()
  precondition(text.suffix(6).elementsEqual(Array("\r\n\r\nhi".utf8)), "the next client is served")
  return 0
}

/// The server of all inputs, started at the first one. Loops live as long as their group.
private let fixture: (server: HTTPServer, group: EventLoopGroup, port: UInt16) = {
  var router = Router()
  router.on(.get, "/hello") { _ in .text(.ok, "hi") }
  router.on(.post, "/echo", RouteOptions(bodyBytesMax: 1 << 20)) { request in
    .text(.ok, String(decoding: try await request.body.collect(), as: UTF8.self))
  }
  router.on(.post, "/refuse") { _ in throw Problem(.unauthorized, code: "no", "No.") }
  router.on(.post, "/part", RouteOptions(bodyBytesMax: 1 << 20)) { request in
    _ = try await request.body.next()
    throw Problem(.unprocessableContent, code: "enough", "I have seen enough.")
  }
  router.on(.post, "/glad", RouteOptions(bodyBytesMax: 1 << 20)) { _ in .text(.ok, "glad") }
  router.on(.get, "/stream") { _ in
    HTTPResponse(.ok, body: .stream(length: nil) { for word in ["a", "bc"] { try await $0.write(Array(word.utf8)) } })
  }
  router.on(.get, "/socket") { request in
    try .webSocket(for: request) { socket in
      while case .text(let text)? = try await socket.receive() { try await socket.send(text: text) }
    }
  }
  let group = EventLoopGroup(count: 1)
  let server = HTTPServer(
    group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
    telemetry: .disabled())
  let box = PortBox()
  Task.detached {
    do { box.port.store(try await server.start(), ordering: .sequentiallyConsistent) } catch {
      fatalError("the server does not start: \(error)")
    }
  }
  while box.port.load(ordering: .sequentiallyConsistent) == 0 { usleep(1000) }
  return (server, group, UInt16(box.port.load(ordering: .sequentiallyConsistent)))
}()

private final class PortBox: Sendable {
  let port = Atomic<Int>(0)
}

/// A client that waits in the thread of the fuzzer.
private struct Client {
  private let descriptor: CInt

  init() {
    descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = fixture.port.bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    // A reset on close leaves no port behind in TIME_WAIT.
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout.size(ofValue: limit)))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout.size(ofValue: limit)))
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    precondition(connected == 0, "the server listens")
  }

  func send(_ bytes: UnsafeRawBufferPointer) {
    var sent = 0
    while sent < bytes.count {
      let count = Glibc.send(
        descriptor, bytes.baseAddress.map { $0 + sent }, bytes.count - sent, CInt(MSG_NOSIGNAL))
      // A server that has refused the request may have closed.
      if count <= 0 { return }
      sent += count
    }
  }

  /// What has come; empty at the end, or when nothing is there and nobody waits.
  func receive(waits: Bool) -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &buffer, buffer.count, waits ? 0 : CInt(MSG_DONTWAIT))
    precondition(count >= 0 || !waits || errno != EAGAIN, "a client that has ended its side is let go")
    return Array(buffer.prefix(max(0, count)))
  }

  func endSending() { shutdown(descriptor, CInt(SHUT_WR)) }

  func leave() { close(descriptor) }
}
