package import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources
package import Telemetry

/// Asks issuers and identity providers. Addresses come from the configuration, or from the discovery document of a
/// configured issuer; redirects are not followed.
///
/// What the configuration names is the operator's choice. What a discovery document names is not: its hosts are looked
/// up once, refused by `IssuerReach`, and connected to at the addresses that were checked, without a proxy.
package struct IssuerClient: Sendable {
  /// Time for a whole answer.
  static let timeout = Duration.seconds(10)

  /// Why an answer is not used.
  enum Failure: Error, CustomStringConvertible {
    case status(Int)
    case malformed
    case refusedAddress

    var description: String {
      switch self {
      case .status(let status): "the answer has the status \(status)"
      case .malformed: "the answer is not what it should be"
      case .refusedAddress: "the discovery document leads to an address that must not be reached from here"
      }
    }
  }

  private let client: HTTPClient
  private let resolver: any HostResolver
  private let metrics: SignInMetrics
  private let logger: Logger

  /// Makes a client that looks names up at `resolver`.
  package init(
    _ client: HTTPClient, resolver: any HostResolver = SystemResolver(), metrics: SignInMetrics, logger: Logger
  ) {
    self.client = client
    self.resolver = resolver
    self.metrics = metrics
    self.logger = logger
  }

  /// Fetches a document that the configuration or, with `reach`, a discovery document names, and reads it with `read`.
  func fetch<Value>(
    _ document: String, from url: HTTPURL, within reach: IssuerReach? = nil, bytesMax: Int,
    _ read: ([UInt8]) -> Value?
  ) async throws -> Value {
    try await counted(document) {
      let (bytes, _) = try await answer(IssuerClient.get(url), bytesMax: bytesMax) { request in
        if let reach { return try await checked(request, within: reach) }
        return (try await client.send(request, peer: IssuerClient.peer), nil)
      }
      guard let value = read(bytes) else { throw Failure.malformed }
      return value
    }
  }

  /// Fetches the discovery document at `url`, which the configuration names, and reads it with `read`; with it comes
  /// what it may lead to.
  func discover<Value>(
    from url: HTTPURL, bytesMax: Int, _ read: ([UInt8]) -> Value?
  ) async throws -> (Value, IssuerReach) {
    try await counted("discovery") {
      let (bytes, address) = try await answer(IssuerClient.get(url), bytesMax: bytesMax) { request in
        let (response, address) = try await client.send(
          request, to: try await addresses(of: url.host), peer: IssuerClient.peer)
        return (response, address)
      }
      guard let value = read(bytes), let address else { throw Failure.malformed }
      return (value, IssuerReach(host: url.host, answered: AddressRules.kind(of: address)))
    }
  }

  /// Sends a form to where a discovery document leads, and returns the bytes of the answer.
  func post(
    _ document: String, form: [(String, String)], authorization: String?, to url: HTTPURL, within reach: IssuerReach,
    bytesMax: Int
  ) async throws -> [UInt8] {
    var headers = HTTPHeaders()
    headers.append(.accept, "application/json")
    headers.append(.contentType, "application/x-www-form-urlencoded")
    if let authorization { headers.append(.authorization, authorization) }
    let text = form.map { "\($0.0)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
    let request = HTTPClientRequest(.post, url, headers: headers, body: .bytes(Array(text.utf8)))
    return try await counted(document) {
      try await answer(request, bytesMax: bytesMax) { try await checked($0, within: reach) }.0
    }
  }

  // MARK: One exchange

  private static let peer = "identity_provider"

  private static func get(_ url: HTTPURL) -> HTTPClientRequest {
    var headers = HTTPHeaders()
    headers.append(.accept, "application/json")
    return HTTPClientRequest(.get, url, headers: headers)
  }

  private func counted<Value>(_ document: String, _ work: () async throws -> Value) async throws -> Value {
    do {
      let value = try await work()
      metrics.fetched(document, true)
      return value
    } catch {
      metrics.fetched(document, false)
      // A code that a provider does not take is its browser's business; the rest is the operator's.
      let isOfBrowser = if case Failure.status(400...499) = error { true } else { false }
      if !isOfBrowser {
        logger.warning(
          "an identity provider cannot be used", ["document": .string(document), "reason": .string("\(error)")])
      }
      throw error
    }
  }

  private func answer(
    _ request: HTTPClientRequest, bytesMax: Int,
    by send: (HTTPClientRequest) async throws -> (HTTPClientResponse, WebAddress?)
  ) async throws -> ([UInt8], WebAddress?) {
    var request = request
    request.timeout = IssuerClient.timeout
    request.connectTimeout = IssuerClient.timeout
    let deadline = MonotonicClock.now() &+ UInt64(clamping: IssuerClient.timeout.nanoseconds)
    let (answer, address) = try await send(request)
    guard answer.status == .ok else { throw Failure.status(Int(answer.status.code)) }
    return (try await answer.body.collect(upTo: bytesMax, before: deadline), address)
  }

  private func checked(
    _ request: HTTPClientRequest, within reach: IssuerReach
  ) async throws -> (HTTPClientResponse, WebAddress?) {
    let found = try await addresses(of: request.url.host)
    guard found.isEmpty || !reach.allowed(found, of: request.url.host).isEmpty else { throw Failure.refusedAddress }
    let (response, address) = try await client.send(
      request, to: reach.allowed(found, of: request.url.host), peer: IssuerClient.peer)
    return (response, address)
  }

  private func addresses(of host: String) async throws -> [WebAddress] {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: IssuerClient.timeout.nanoseconds)
    return try await resolver.addresses(of: host, before: deadline)
  }
}
