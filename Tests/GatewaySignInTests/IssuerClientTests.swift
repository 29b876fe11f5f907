import HTTP
import HTTPWire
import Reactor
import Synchronization
import Telemetry
import Testing

@testable import GatewaySignIn

/// A resolver that answers as a test wants: for each look-up of a name the next of its lists, then the last again.
final class NamesForTests: HostResolver {
  private let state: Mutex<(lists: [String: [[String]]], lookUps: [String])>

  init(_ lists: [String: [[String]]]) { state = Mutex((lists, [])) }

  var lookUps: [String] { state.withLock { $0.lookUps } }

  func addresses(of name: String) async throws -> [WebAddress] {
    let texts = state.withLock { state -> [String] in
      state.lookUps.append(name)
      guard var lists = state.lists[name], let first = lists.first else { return [] }
      if lists.count > 1 { lists.removeFirst() }
      state.lists[name] = lists
      return first
    }
    return texts.compactMap { WebAddress($0) }
  }
}

/// Where the discovery document of an issuer leads.
@Suite struct IssuerClientTests {
  @Test(arguments: [
    // An issuer on the internet leads to the internet.
    ("93.184.216.34", "other", ["93.184.216.35"], ["93.184.216.35"]),
    ("93.184.216.34", "other", ["10.0.0.1"], []),
    ("93.184.216.34", "other", ["127.0.0.1"], []),
    ("93.184.216.34", "other", ["::1"], []),
    ("93.184.216.34", "other", ["93.184.216.35", "10.0.0.1"], []),
    ("93.184.216.34", "other", ["::ffff:10.0.0.1"], []),
    ("93.184.216.34", "other", ["169.254.169.254"], []),
    ("93.184.216.34", "issuer", ["10.0.0.1"], []),
    ("93.184.216.34", "issuer", ["10.0.0.1", "93.184.216.34"], ["93.184.216.34"]),
    // One inside leads to others inside, but never to metadata services.
    ("10.0.0.1", "other", ["10.0.0.2", "93.184.216.35"], ["10.0.0.2", "93.184.216.35"]),
    ("10.0.0.1", "other", ["10.0.0.2", "169.254.169.254"], []),
    ("10.0.0.1", "other", ["fe80::1"], []),
    ("127.0.0.1", "issuer", ["169.254.169.254"], []),
    // The operator has named an address of another kind.
    ("64:ff9b::1", "issuer", ["64:ff9b::1", "10.0.0.1"], ["64:ff9b::1"]),
    ("64:ff9b::1", "other", ["64:ff9b::1"], []),
  ])
  func `where an issuer may lead follows from where it is`(
    _ answered: String, _ host: String, _ found: [String], _ allowed: [String]
  ) throws {
    let reach = IssuerReach(host: "Issuer", answered: AddressRules.kind(of: try #require(WebAddress(answered))))
    #expect(reach.allowed(found.compactMap { WebAddress($0) }, of: host) == allowed.compactMap { WebAddress($0) })
  }

  private struct World: Sendable {
    let client: IssuerClient
    let names: NamesForTests
    let port: Int
    let asked: @Sendable () -> [String]

    func url(_ host: String, _ path: String = "/keys") throws -> HTTPURL {
      try HTTPURL("http://\(host):\(port)\(path)")
    }

    func discover(at host: String) async throws -> IssuerReach {
      try await client.discover(from: url(host, "/discovery"), bytesMax: 100) { String(decoding: $0, as: UTF8.self) }.1
    }

    func keys(at host: String, _ reach: IssuerReach, _ path: String = "/keys") async throws -> String {
      try await client.fetch("keys", from: url(host, path), within: reach, bytesMax: 100) {
        String(decoding: $0, as: UTF8.self)
      }
    }
  }

  private static func run(
    _ names: [String: [[String]]], _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    let telemetry = Telemetry.disabled()
    let log = SharedPaths()
    var router = Router()
    for path in ["/discovery", "/keys", "/token"] {
      router.on(path == "/token" ? .post : .get, path) { _ in
        log.add(path)
        return HTTPResponse(.ok, body: .bytes(Array(path.utf8)))
      }
    }
    router.on(.get, "/away") { _ in
      var headers = HTTPHeaders()
      headers.append(.location, "/keys")
      return HTTPResponse(HTTPStatus(code: 302), headers: headers)
    }
    let server = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
      telemetry: telemetry)
    let client = HTTPClient(group: group, telemetry: telemetry)
    let resolver = NamesForTests(names)
    let world = World(
      client: IssuerClient(
        client, resolver: resolver, metrics: SignInMetrics(telemetry.registry), logger: telemetry.logger),
      names: resolver, port: try await server.start(), asked: { log.all })
    let result = await group.loops[0].task { try await body(world) }.result
    await client.close(group: group)
    await server.stop(grace: .milliseconds(100))
    group.stop()
    try result.get()
  }

  private final class SharedPaths: Sendable {
    private let paths = Mutex<[String]>([])
    var all: [String] { paths.withLock { $0 } }
    func add(_ path: String) { paths.withLock { $0.append(path) } }
  }

  private static func isRefused(_ work: () async throws -> String) async -> Bool {
    do {
      _ = try await work()
      return false
    } catch IssuerClient.Failure.refusedAddress { return true } catch { return false }
  }

  // Connections to 0.0.0.0 reach this machine, and it is no private address: the one way to be an issuer elsewhere.
  @Test func `an issuer elsewhere cannot have its neighbours asked, by another name or by its own`() async throws {
    try await Self.run([
      "inside.test": [["127.0.0.1"]], "issuer.test": [["0.0.0.0"], ["127.0.0.1"]],
    ]) { world in
      let reach = try await world.discover(at: "issuer.test")
      for host in ["inside.test", "127.0.0.1", "issuer.test"] {
        #expect(await Self.isRefused { try await world.keys(at: host, reach) }, "\(host)")
        let isRefused = await Self.isRefused {
          _ = try await world.client.post(
            "token", form: [("code", "secret")], authorization: nil, to: world.url(host, "/token"), within: reach,
            bytesMax: 100)
          return ""
        }
        #expect(isRefused, "\(host)")
      }
      #expect(world.asked() == ["/discovery"])
    }
  }

  @Test func `an issuer inside is asked at its other hosts, each looked up once, and redirects lead nowhere`()
    async throws
  {
    try await Self.run([
      "issuer.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"], ["169.254.169.254"]], "none.test": [[]],
    ]) { world in
      let reach = try await world.discover(at: "issuer.test")
      #expect(try await world.keys(at: "other.test", reach) == "/keys")
      #expect(world.names.lookUps == ["issuer.test", "other.test"])
      #expect(await Self.isRefused { try await world.keys(at: "other.test", reach) })
      await #expect(throws: IssuerClient.Failure.self) { try await world.keys(at: "issuer.test", reach, "/away") }
      let error = await #expect(throws: HTTPClientError.self) { try await world.keys(at: "none.test", reach) }
      #expect(error?.code == .cannotConnect)
      #expect(world.asked() == ["/discovery", "/keys"])
    }
  }
}
