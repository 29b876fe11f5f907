import Contracts
import Foundation
import HTTP
import HTTPWire
import Telemetry
import Testing

/// A server as it stands at the edge: what it does beside its routes.
@Suite struct EdgeTests {
  private static let page = "https://app.example.com"

  private static func edge(
    origins: [String] = [], credentials: Bool = false, hsts: Int = 0, compression: Int = 0
  ) throws -> HTTPEdge {
    var edge = HTTPEdge()
    if !origins.isEmpty { edge.cors = try CORSPolicy(origins: origins, allowsCredentials: credentials) }
    edge.securityHeaders = SecurityHeaders(transportSecuritySeconds: hsts)
    if compression > 0 { edge.compression = ResponseCompression(bytesMin: compression) }
    return edge
  }

  private static func run(
    _ edge: HTTPEdge, _ body: @escaping @Sendable (ServerFixture) async throws -> Void
  ) async throws {
    try await ServerFixture.run(
      { $0.edge = edge },
      routes: { router in
        ServerFixture.standardRoutes(&router)
        router.on(.get, "/large") { _ in .json(.ok, large) }
        router.on(.get, "/secret") { _ in
          var answer = HTTPResponse.json(.ok, large)
          answer.headers.append(.cacheControl, "no-store")
          return answer
        }
        router.on(.get, "/tagged") { _ in
          var answer = HTTPResponse.json(.ok, large)
          answer.headers.append(.eTag, "\"1\"")
          return answer
        }
        router.on(.get, "/client") { request in .text(.ok, request.clientAddress?.description ?? "none") }
        router.on(.get, "/events") { _ in .events { try await $0.send(ServerSentEvent(data: Array("one".utf8))) } }
        router.on(.post, "/reflect") { request in
          var answer = HTTPResponse.text(.ok, "ok")
          answer.headers.append("x-reflected", try request.query()["value"] ?? "")
          return answer
        }
      }, body)
  }

  private static let large = Array(
    ("[" + (0..<200).map { "{\"name\":\"item\",\"number\":\($0)}" }.joined(separator: ",") + "]").utf8)

  private static func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)Connection: close\r\n\r\n"
  }

  @Test(arguments: ["/hello", "/nothing", "/fail"])
  func `every answer says what browsers must not do with it`(path: String) async throws {
    try await EdgeTests.run(EdgeTests.edge(hsts: 300)) { server in
      let answer = try await server.exchange(EdgeTests.get(path))
      for field in [
        "x-content-type-options: nosniff", "content-security-policy: default-src 'none'; frame-ancestors 'none'",
        "x-frame-options: DENY", "referrer-policy: no-referrer", "cache-control: no-store",
        "strict-transport-security: max-age=300; includeSubDomains",
      ] { #expect(answer.contains("\r\n\(field)\r\n"), "\(field)") }
    }
  }

  @Test func `a head that cannot be read is answered with them too, and without TLS nothing demands it`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange("GET / HTTP/1.1\nHost: x\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 400"))
      #expect(answer.contains("x-content-type-options: nosniff"))
      #expect(!answer.contains("strict-transport-security"))
    }
  }

  @Test func `what has a validator may be kept, if it is asked for again`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(EdgeTests.get("/tagged"))
      #expect(answer.contains("cache-control: private, no-cache\r\n"))
    }
  }

  @Test func `without origins nothing is said of other pages`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(EdgeTests.get("/hello", "Origin: \(EdgeTests.page)\r\n"))
      #expect(!answer.contains("access-control"))
      let preflight = try await server.exchange(
        "OPTIONS /hello HTTP/1.1\r\nHost: x\r\nOrigin: \(EdgeTests.page)\r\nAccess-Control-Request-Method: GET\r\nConnection: close\r\n\r\n"
      )
      #expect(preflight.hasPrefix("HTTP/1.1 405"))
    }
  }

  @Test func `pages of allowed origins may ask, and browsers may remember that`() async throws {
    try await EdgeTests.run(EdgeTests.edge(origins: [EdgeTests.page], credentials: true)) { server in
      let answer = try await server.exchange(EdgeTests.get("/hello", "Origin: \(EdgeTests.page)\r\n"))
      #expect(answer.contains("access-control-allow-origin: \(EdgeTests.page)\r\n"))
      #expect(answer.contains("access-control-allow-credentials: true\r\n"))
      #expect(answer.contains("vary: origin\r\n"))
      let preflight = try await server.exchange(
        "OPTIONS /hello HTTP/1.1\r\nHost: x\r\nOrigin: \(EdgeTests.page)\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
      )
      #expect(preflight.hasPrefix("HTTP/1.1 204"))
      #expect(preflight.contains("access-control-max-age: 600\r\n"))
      let other = try await server.exchange(EdgeTests.get("/hello", "Origin: https://evil.example\r\n"))
      #expect(!other.contains("access-control-allow-origin"))
      #expect(other.contains("vary: origin\r\n"))
      let refused = try await server.exchange(
        "OPTIONS /hello HTTP/1.1\r\nHost: x\r\nOrigin: null\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n"
      )
      #expect(refused.hasPrefix("HTTP/1.1 403"))
    }
  }

  @Test(arguments: [
    ("https://*.example.com", "https://a.example.com", true),
    ("https://*.example.com", "https://a.b.example.com", true),
    ("https://*.example.com", "https://example.com", false), ("https://*.example.com", "http://a.example.com", false),
    ("https://*.example.com", "https://aexample.com", false),
    ("https://*.example.com", "https://evil.com/.example.com", false),
    ("https://*.example.com", "https://evil.com#.example.com", false),
    ("https://*.example.com:8443", "https://a.example.com:8443", true),
    ("https://app.example.com", "https://app.example.com.evil.com", false),
    ("https://app.example.com", "https://APP.example.com", true), ("*", "null", true),
    ("https://app.example.com", "null", false),
  ])
  func `an origin is allowed by its whole text or below a host`(pattern: String, origin: String, allowed: Bool) throws {
    #expect(try CORSPolicy(origins: [pattern], allowsCredentials: false).allows(origin) == allowed)
  }

  @Test func `credentials for every page, and what is no origin, stop the start`() {
    #expect(throws: CORSPolicy.Fault.credentialsForAll) { try CORSPolicy(origins: ["*"], allowsCredentials: true) }
    for text in ["example.com", "https://", "https://*.", "https://a/b", "https://a b", "null", "ftp://a"] {
      #expect(throws: CORSPolicy.Fault.malformed(text)) { try CORSPolicy(origins: [text], allowsCredentials: false) }
    }
  }

  @Test(arguments: [
    ("gzip", "gzip"), ("zstd, gzip", "zstd"), ("gzip;q=1, zstd;q=0.5", "gzip"), ("gzip;q=0, zstd;q=0", ""),
    ("*", "zstd"), ("identity;q=1, gzip;q=0.5", ""), ("br", ""), ("gzip;q=0.0", ""), ("*;q=0", ""), ("gzip;q=x", ""),
  ])
  func `answers are compressed as clients take it`(accepted: String, coding: String) async throws {
    try await EdgeTests.run(EdgeTests.edge(compression: 1024)) { server in
      let answer = try await server.exchange(EdgeTests.get("/large", "Accept-Encoding: \(accepted)\r\n"))
      #expect(answer.contains("vary: accept-encoding\r\n"))
      if coding.isEmpty {
        #expect(!answer.contains("content-encoding"))
        #expect(answer.contains("\"number\":199"))
      } else {
        #expect(answer.contains("content-encoding: \(coding)\r\n"))
      }
    }
  }

  @Test(arguments: ["/hello", "/secret", "/tagged", "/events"])
  func `what is small, secret, named by its bytes or a stream goes out as it is`(path: String) async throws {
    try await EdgeTests.run(EdgeTests.edge(compression: 64)) { server in
      let answer = try await server.exchange(EdgeTests.get(path, "Accept-Encoding: gzip, zstd\r\n"))
      #expect(answer.hasPrefix("HTTP/1.1 200"))
      #expect(!answer.contains("content-encoding"))
    }
  }

  @Test(arguments: [
    "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", "Idempotency-Key: a\r\nidempotency-key: a\r\n",
    "Content-Type: text/plain\r\nCONTENT-TYPE: application/json\r\n", "Cookie: a=1\r\nCookie: a=2\r\n",
    "X-API-Key: a\r\nX-Api-Key: b\r\n", "Origin: https://a.example\r\nOrigin: https://b.example\r\n",
  ])
  func `a header that names one thing may come once`(fields: String) async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(EdgeTests.get("/hello", fields))
      #expect(answer.hasPrefix("HTTP/1.1 400"))
      #expect(answer.contains("\"code\":\"duplicate_header\""))
    }
  }

  @Test func `headers that override the method change nothing`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(
        EdgeTests.get(
          "/hello", "X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: PUT\r\nX-Method-Override: POST\r\n"))
      #expect(answer.hasPrefix("HTTP/1.1 200"))
    }
  }

  @Test func `the preface of HTTP 2 and an upgrade to it are no way in`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let preface = try await server.exchange("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
      #expect(preface.hasPrefix("HTTP/1.1 505"))
      let upgrade = try await server.exchange(
        EdgeTests.get("/hello", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"))
      #expect(upgrade.hasPrefix("HTTP/1.1 200"))
      #expect(!upgrade.contains("101 Switching"))
    }
  }

  @Test func `a value that is reflected cannot end its header`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(
        "POST /reflect?value=a%0d%0aSet-Cookie:%20x=1%0d%0a%0d%0a<b> HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
          .replacingOccurrences(of: "<b>", with: "%3Cb%3E"))
      #expect(answer.hasPrefix("HTTP/1.1 200"))
      #expect(!answer.lowercased().contains("\r\nset-cookie"))
      #expect(answer.contains("x-reflected: a  Set-Cookie: x=1"))
    }
  }

  @Test(arguments: [
    "//hello", "/./hello", "/x/../hello", "/%2e%2e/hello", "/hello/", "/hello%2f", "/hello%00", "/%68ello%c0%af",
    "/hello;x=1", "/HELLO",
  ])
  func `a path is what it says, letter by letter`(path: String) async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(EdgeTests.get(path))
      #expect(answer.hasPrefix("HTTP/1.1 404") || answer.hasPrefix("HTTP/1.1 400"))
    }
  }

  @Test(arguments: ["%c0%af", "%ff", "%ed%a0%80", "%f8%88%80%80%80", "%e0%80%af", "%", "%2", "%zz"])
  func `a part of a path that is not UTF-8 is refused`(part: String) async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let answer = try await server.exchange(EdgeTests.get("/items/\(part)"))
      #expect(answer.hasPrefix("HTTP/1.1 400"))
    }
  }

  @Test func `paths, cookies and heads that are too long are refused with their own status`() async throws {
    try await EdgeTests.run(EdgeTests.edge()) { server in
      let path = try await server.exchange(EdgeTests.get("/items/" + String(repeating: "a", count: 100_000)))
      #expect(path.hasPrefix("HTTP/1.1 414"))
      let cookie = try await server.exchange(
        EdgeTests.get("/hello", "Cookie: a=" + String(repeating: "b", count: 200_000) + "\r\n"))
      #expect(cookie.hasPrefix("HTTP/1.1 431"))
      let fields = (0..<2000).map { "X-\($0): 1\r\n" }.joined()
      let head = try await server.exchange(EdgeTests.get("/hello", fields))
      #expect(head.hasPrefix("HTTP/1.1 431"))
    }
  }

  @Test(arguments: [
    ("", "127.0.0.1", "203.0.113.9"), ("127.0.0.0/8", "127.0.0.1", "203.0.113.9"),
  ])
  func `the word of a proxy counts where it is trusted`(network: String, peer: String, forwarded: String) async throws {
    var edge = HTTPEdge()
    edge.trustedProxies = TrustedProxies([network].compactMap { IPNetwork($0) })
    try await EdgeTests.run(edge) { server in
      let answer = try await server.exchange(EdgeTests.get("/client", "X-Forwarded-For: \(forwarded)\r\n"))
      #expect(answer.hasSuffix(network.isEmpty ? peer : forwarded))
    }
  }
}

@Suite struct TrustedProxyTests {
  private static let proxies = TrustedProxies(["10.0.0.0/8", "fd00::/8"].compactMap { IPNetwork($0) })

  @Test(arguments: [
    // What a client wrote itself stands left and does not count.
    ("1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"), ("203.0.113.9", "203.0.113.9"),
    ("203.0.113.9:4711", "203.0.113.9"), ("[2001:db8::1]:4711, 10.1.1.1", "2001:db8::1"), ("10.0.0.9", "10.0.0.9"),
    // What cannot be read ends the search at the last proxy that is known.
    ("unknown", "10.0.0.1"), ("", "10.0.0.1"), ("203.0.113.9, evil", "10.0.0.1"), ("203.0.113.9,,10.0.0.7", "10.0.0.7"),
    ("1.2.3.4.5", "10.0.0.1"), ("::ffff:203.0.113.9", "203.0.113.9"),
    ("\u{1F600}", "10.0.0.1"), (String(repeating: "10.0.0.2,", count: 1000) + "10.0.0.3", "10.0.0.2"),
  ])
  func `the rightmost address that is no proxy is the client`(field: String, client: String) throws {
    let peer = try #require(NetworkAddress("10.0.0.1"))
    let headers: HTTPHeaders = ["x-forwarded-for": field]
    #expect(TrustedProxyTests.proxies.client(of: headers, from: peer)?.description == client)
  }

  @Test(arguments: [
    ("for=203.0.113.9;proto=https", "203.0.113.9"), ("for=\"[2001:db8::1]:80\", for=10.0.0.2", "2001:db8::1"),
    ("proto=https", "10.0.0.1"), ("for=_hidden", "10.0.0.1"), ("FOR=203.0.113.9", "203.0.113.9"),
  ])
  func `Forwarded is read before X-Forwarded-For`(field: String, client: String) throws {
    let peer = try #require(NetworkAddress("10.0.0.1"))
    let headers: HTTPHeaders = ["forwarded": field, "x-forwarded-for": "9.9.9.9"]
    #expect(TrustedProxyTests.proxies.client(of: headers, from: peer)?.description == client)
  }

  @Test func `who is no proxy is believed nothing`() throws {
    let peer = try #require(NetworkAddress("192.0.2.1"))
    let headers: HTTPHeaders = ["x-forwarded-for": "203.0.113.9"]
    #expect(TrustedProxyTests.proxies.client(of: headers, from: peer) == peer)
  }

  @Test func `networks hold what their bits say`() throws {
    let network = try #require(IPNetwork("10.1.2.0/23"))
    #expect(network.contains(try #require(NetworkAddress("10.1.3.255"))))
    #expect(!network.contains(try #require(NetworkAddress("10.1.4.0"))))
    #expect(!network.contains(try #require(NetworkAddress("::1"))))
    #expect(try #require(IPNetwork("0.0.0.0/0")).contains(try #require(NetworkAddress("1.2.3.4"))))
    for text in ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "x", "10.0.0/8", "::/129", "/8"] {
      #expect(IPNetwork(text) == nil, "\(text)")
    }
  }

  @Test func `hosts of one IPv6 network are one client`() throws {
    let one = try #require(NetworkAddress("2001:db8:1:2:3::1"))
    let other = try #require(NetworkAddress("2001:db8:1:2:4::9"))
    #expect(one.clientNetwork == other.clientNetwork)
    #expect(one.clientNetwork != NetworkAddress("2001:db8:1:3::1")?.clientNetwork)
  }
}
