import AgentTools
import Contracts
import Foundation
import Reactor
import ReactorTestKit
import Testing

@Suite struct FetchTests {
  @Test func `pages, documents and other text come as a model reads them`() async throws {
    try await FetchFixture.run([
      "/html": HostileServer.answer("<h1>T</h1><p>x &amp; y", type: "text/html; charset=utf-8"),
      "/json": HostileServer.answer(#"{"a":1}"#, type: "application/json"),
      "/missing": HostileServer.answer("gone", status: 404),
      "/none": HostileServer.answer("", status: 204),
    ]) { (fetch: FetchFixture) async throws -> Void in
      let html = try await fetch.fetch(fetch.url("/html"))
      #expect(html.text == "HTTP 200, \(fetch.url("/html")), text/html\n\n# T\n\nx & y")
      #expect(!html.isError)
      #expect(try await fetch.fetch(fetch.url("/json")).text.hasSuffix("\n\n{\"a\":1}"))
      #expect(try await fetch.fetch(fetch.url("/html"), ["raw": "true"]).text.contains("<h1>"))
      let missing = try await fetch.fetch(fetch.url("/missing"))
      #expect(missing.isError)
      #expect(missing.code == "tool_failed")
      #expect(missing.text.contains("HTTP 404"))
      #expect(missing.text.contains("gone"))
      #expect(try await fetch.fetch(fetch.url("/html"), ["method": "HEAD"]).text.hasPrefix("HTTP 200"))
      let head = try #require(fetch.server.heads.first?.lowercased())
      #expect(head.contains("host: inside.test:\(fetch.server.port)\r\n"))
      #expect(!head.contains("traceparent"))
      #expect(!head.contains("authorization"))
      #expect(!head.contains("cookie"))
    }
  }

  @Test func `what is no text becomes an artefact, or is refused without a store`() async throws {
    let png = HostileServer.bytes([0x89, 0x50, 0, 1, 2], head: "content-type: image/png\r\n")
    try await FetchFixture.run(["/a.png": png]) { (fetch: FetchFixture) async throws -> Void in
      let result = try await fetch.fetch(fetch.url("/a.png"))
      #expect(!result.isError)
      #expect(result.artefacts.map(\.name) == ["downloads/k-a.png"])
      #expect(fetch.artefacts["downloads/k-a.png"] == [0x89, 0x50, 0, 1, 2])
    }
    try await FetchFixture.run(["/a.png": png], keepsArtefacts: false) { (fetch: FetchFixture) async throws -> Void in
      #expect(try await fetch.fetch(fetch.url("/a.png")).isError)
    }
  }

  // MARK: Addresses

  /// Nothing of these reaches the server, although it listens at the port.
  @Test(arguments: [
    ("rebound.test", [["8.8.8.8", "127.0.0.1"]]), ("loop.test", [["127.0.0.1"]]), ("six.test", [["::1"]]),
    ("mapped.test", [["::ffff:127.0.0.1"]]), ("nat.test", [["64:ff9b::7f00:1"]]), ("meta.test", [["169.254.169.254"]]),
    ("zero.test", [["0.0.0.0"]]), ("ten.test", [["10.0.0.1"]]), ("many.test", [["8.8.8.8", "8.8.4.4", "192.168.1.1"]]),
    ("inside.test", [["127.0.0.1", "169.254.169.254"]]), ("multicast.test", [["224.0.0.1"]]),
    ("cgnat.test", [["100.64.0.1"]]),
    ("local.test", [["fe80::1"]]), ("compatible.test", [["::127.0.0.1"]]), ("sixtofour.test", [["2002:7f00:1::"]]),
  ])
  func `names that lead inside`(_ name: String, _ lists: [[String]]) async throws {
    try await FetchFixture.run(["/": HostileServer.answer("secret")], resolver: [name: lists]) {
      (fetch: FetchFixture) async throws -> Void in
      let result = try await fetch.fetch(fetch.url("/", host: name))
      #expect(result.code == "address_refused")
      #expect(!result.text.contains("secret"))
      #expect(fetch.server.heads.isEmpty)
      #expect(fetch.resolver.lookups == [name])
    }
  }

  @Test(arguments: [
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]:PORT/", "http://127.0.0.2:PORT/",
    "http://localhost:PORT/", "http://2130706433:PORT/", "http://0x7f.1:PORT/", "http://[::ffff:7f00:1]:PORT/",
    "http://user@127.0.0.1:PORT/", "http://0:PORT/",
  ])
  func `addresses inside`(_ url: String) async throws {
    try await FetchFixture.run(
      ["/": HostileServer.answer("secret")], resolver: ["localhost": [["127.0.0.1", "::1"]]]
    ) { (fetch: FetchFixture) async throws -> Void in
      let result = try await fetch.fetch(url.replacingOccurrences(of: "PORT", with: "\(fetch.server.port)"))
      #expect(result.code == "address_refused")
      #expect(fetch.server.heads.isEmpty)
    }
  }

  @Test func `a name is looked up once, and the connection goes to what was checked`() async throws {
    // The second answer, to anybody who asks again, is another address.
    try await FetchFixture.run(
      ["/": HostileServer.answer("x")], resolver: ["inside.test": [["127.0.0.1"], ["127.0.0.9"]]]
    ) { (fetch: FetchFixture) async throws -> Void in
      #expect(!(try await fetch.fetch(fetch.url("/"))).isError)
      #expect(fetch.resolver.lookups == ["inside.test"])
      // The name is not known to the system either: whoever looked it up there would fail.
      #expect(fetch.server.heads.count == 1)
    }
  }

  @Test func `rebinding between two requests is noticed at the second`() async throws {
    try await FetchFixture.run(
      ["/": HostileServer.redirect("/next"), "/next": HostileServer.answer("secret")],
      resolver: ["inside.test": [["127.0.0.1"], ["169.254.169.254"]]]
    ) { (fetch: FetchFixture) async throws -> Void in
      let result = try await fetch.fetch(fetch.url("/"))
      #expect(result.code == "address_refused")
      #expect(fetch.server.heads.count == 1)
      #expect(fetch.resolver.lookups.count == 2)
    }
  }

  @Test func `a private host needs to be named`() async throws {
    try await FetchFixture.run(["/": HostileServer.answer("x")], privateHosts: []) {
      (fetch: FetchFixture) async throws -> Void in
      #expect(try await fetch.fetch(fetch.url("/")).code == "address_refused")
      #expect(try await fetch.fetch(fetch.url("/", host: "127.0.0.1")).code == "address_refused")
      #expect(fetch.server.heads.isEmpty)
    }
  }

  @Test func `names without an address, look-ups that never end, servers that are not there`() async throws {
    try await FetchFixture.run([:], resolver: ["slow.test": [["never"]], "none.test": [[]]]) {
      (fetch: FetchFixture) async throws -> Void in
      #expect(try await fetch.fetch(fetch.url("/", host: "none.test")).code == "unreachable")
      #expect(try await fetch.fetch(fetch.url("/", host: "slow.test"), milliseconds: 200).code == "timed_out")
    }
    // A port that was free a moment ago may be another's by now; nobody listens on this one.
    try await FetchFixture.run([:], privateHosts: ["127.0.0.1"]) { (fetch: FetchFixture) async throws -> Void in
      #expect(try await fetch.fetch("http://127.0.0.1:80/x", milliseconds: 20_000).isError)
    }
  }

  // MARK: Redirects

  @Test func `redirects are followed by the rules`() async throws {
    try await FetchFixture.run([
      "/1": HostileServer.redirect("2?x#y", status: 301), "/2": HostileServer.redirect("//inside.test:PORT/3"),
      "/3": HostileServer.answer("end"), "/loop": HostileServer.redirect("/loop"),
    ]) { (fetch: FetchFixture) async throws -> Void in
      // The script does not know its port: this one leads to the standard one, where nobody is.
      #expect(try await fetch.fetch(fetch.url("/1"), milliseconds: 20_000).isError)
      let result = try await fetch.fetch(fetch.url("/loop"))
      #expect(result.code == "tool_failed")
      #expect(result.text.contains("more than 5 times"))
      #expect(fetch.server.heads.filter { $0.hasPrefix("GET /loop") }.count == 6)
    }
  }

  @Test(arguments: [
    "http://169.254.169.254/", "http://loop.test/", "http://[::1]/", "http://10.0.0.1/", "file:///etc/passwd",
    "http://127.0.0.1:22/", "http://2130706433/", "gopher://inside.test/", "//loop.test/", "http://user@inside.test/",
    "http:///", "http://mapped.test/", "ftp://inside.test/", "\u{7F}", "http://localhost%00.inside.test/",
  ])
  func `redirects inside are not followed`(_ location: String) async throws {
    try await FetchFixture.run(
      ["/": HostileServer.redirect(location)],
      resolver: ["loop.test": [["127.0.0.1"]], "mapped.test": [["::ffff:a00:1"]]], privateHosts: ["inside.test"]
    ) { (fetch: FetchFixture) async throws -> Void in
      let result = try await fetch.fetch(fetch.url("/"))
      #expect(result.code == "address_refused", "\(result.text)")
      #expect(fetch.server.heads.count == 1)
    }
  }

  @Test func `bodies go nowhere else`() async throws {
    try await FetchFixture.run([
      "/see": HostileServer.redirect("/end", status: 303), "/same": HostileServer.redirect("/end", status: 307),
      "/other": HostileServer.redirect("http://127.0.0.1/end", status: 307), "/end": HostileServer.answer("end"),
    ]) { (fetch: FetchFixture) async throws -> Void in
      let post: KeyValuePairs = ["body": "secret-body"]
      #expect(try await fetch.fetch(fetch.url("/see"), tool: "http_post", post).text.hasSuffix("end"))
      #expect(fetch.server.heads.last?.hasPrefix("GET /end") == true)
      #expect(try await fetch.fetch(fetch.url("/same"), tool: "http_post", post).text.hasSuffix("end"))
      #expect(fetch.server.heads.last?.hasPrefix("POST /end") == true)
      #expect(fetch.server.heads.last?.lowercased().contains("content-type: application/json") == true)
      let before = fetch.server.heads.count
      #expect(try await fetch.fetch(fetch.url("/other"), tool: "http_post", post).code == "address_refused")
      #expect(fetch.server.heads.count == before + 1)
    }
  }

  @Test func `header fields cannot be smuggled in`() async throws {
    try await FetchFixture.run(["/": HostileServer.answer("x")]) { (fetch: FetchFixture) async throws -> Void in
      _ = try await fetch.fetch(fetch.url("/"), ["accept": "text/plain\r\nX-Evil: 1"])
      let refused = try await fetch.fetch(
        fetch.url("/"), tool: "http_post", ["body": "", "content_type": "a/b\r\nX-Evil: 1"])
      #expect(refused.code == "invalid_arguments")
      #expect(fetch.server.heads.allSatisfy { !$0.contains("X-Evil") })
    }
  }

  // MARK: Content

  @Test func `endless, slow and broken answers end`() async throws {
    try await FetchFixture.run([
      "/endless": { peer, _ in
        peer.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        while !peer.isClosed {
          peer.write([UInt8](repeating: 0x61, count: 65_536))
          try await peer.drained()
        }
      },
      "/slow": { peer, _ in
        peer.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1000\r\n\r\n")
        while !peer.isClosed {
          peer.write("a")
          try await EventLoop.sleep(for: .milliseconds(50))
        }
      },
      "/silent": { _, _ in try await EventLoop.sleep(for: .seconds(3600)) },
      "/cut": { peer, _ in peer.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc") },
      "/lengths": { peer, _ in
        peer.write("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nContent-Length: 5\r\n\r\nabcde")
      },
      "/garbage": { peer, _ in peer.write("SSH-2.0-OpenSSH_9\r\n\r\n") },
      "/nine": { peer, _ in peer.write("hello") },
      "/heads": { peer, _ in
        peer.write("HTTP/1.1 200 OK\r\n")
        for number in 0..<100_000 where !peer.isClosed {
          peer.write("x-\(number): \(String(repeating: "a", count: 100))\r\n")
          if number % 100 == 0 { try await peer.drained() }
        }
      },
      "/line": { peer, _ in
        peer.write("HTTP/1.1 200 OK\r\nx: ")
        for _ in 0..<1000 where !peer.isClosed {
          peer.write([UInt8](repeating: 0x61, count: 10_000))
          try await peer.drained()
        }
      },
      "/early": { peer, _ in
        for _ in 0..<100_000 where !peer.isClosed {
          peer.write("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n")
          try await peer.drained()
        }
      },
    ]) { (fetch: FetchFixture) async throws -> Void in
      let endless = try await fetch.fetch(fetch.url("/endless"))
      #expect(endless.text.contains("cut after 100000 bytes"))
      #expect(endless.text.utf8.count <= 32 << 10)
      #expect(endless.artefacts.count == 1)
      for path in ["/slow", "/silent"] {
        #expect(try await fetch.fetch(fetch.url(path), milliseconds: 300).code == "timed_out")
      }
      // Each under a name of its own, so that no circuit opens.
      for path in ["/cut", "/lengths", "/garbage", "/nine", "/heads", "/line", "/early"] {
        let code = try await fetch.fetch(fetch.url(path, host: "\(path.dropFirst()).inside.test")).code
        #expect(["unreachable", "protocol_violation"].contains(code), "\(path): \(code ?? "none")")
      }
      // A host that keeps failing is left alone; another name is another host.
      for _ in 0..<5 { _ = try await fetch.fetch(fetch.url("/cut")) }
      #expect(try await fetch.fetch(fetch.url("/cut")).code == "circuit_open")
      #expect(try await fetch.fetch(fetch.url("/cut", host: "127.0.0.1")).code == "unreachable")
    }
  }

  @Test func `compressed content is unpacked to a bound`() async throws {
    // Ten megabytes of zeros and a text, made by gzip.
    let bomb = try Self.gzip([UInt8](repeating: 0x30, count: 10_000_000))
    let twice = try Self.gzip(bomb)
    let small = try Self.gzip(Array("unpacked".utf8))
    let head = "content-type: text/plain\r\ncontent-encoding: gzip\r\n"
    try await FetchFixture.run([
      "/bomb": HostileServer.bytes(bomb, head: head), "/small": HostileServer.bytes(small, head: head),
      "/twice": HostileServer.bytes(twice, head: "content-type: text/plain\r\ncontent-encoding: gzip, gzip\r\n"),
      "/cut": HostileServer.bytes(Array(small.dropLast(6)), head: head),
      "/wrong": HostileServer.bytes(Array("plain".utf8), head: head),
      "/unknown": HostileServer.bytes(Array("x".utf8), head: "content-encoding: lzma\r\n"),
      "/empty": HostileServer.bytes([], head: head),
      "/layers": HostileServer.bytes(small, head: "content-encoding: gzip, gzip, gzip, gzip, gzip\r\n"),
    ]) { (fetch: FetchFixture) async throws -> Void in
      #expect(try await fetch.fetch(fetch.url("/small")).text.hasSuffix("unpacked"))
      #expect(try await !fetch.fetch(fetch.url("/empty")).isError)
      for path in ["/bomb", "/twice"] {
        let result = try await fetch.fetch(fetch.url(path))
        #expect(result.text.contains("cut after"), "\(path): \(result.text.prefix(200))")
        #expect(result.text.utf8.count <= 32 << 10)
      }
      for path in ["/cut", "/wrong", "/unknown", "/layers"] {
        #expect(try await fetch.fetch(fetch.url(path)).code == "protocol_violation", "\(path)")
      }
    }
  }

  private static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cadre-gzip-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("a")
    try Data(bytes).write(to: file)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", file.path]
    try process.run()
    process.waitUntilExit()
    return Array(try Data(contentsOf: folder.appendingPathComponent("a.gz")))
  }
}
