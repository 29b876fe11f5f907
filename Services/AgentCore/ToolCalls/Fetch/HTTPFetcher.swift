public import AgentTools
internal import ContentCoding
public import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor

/// Fetches web addresses for models, and nothing that the operator has not allowed.
///
/// Names are resolved here, every address is checked, and the connection goes to a checked address: nobody looks the
/// name up again. Each redirect begins anew with all checks.
public struct HTTPFetcher: Sendable {
  private static let connectTimeout = Duration.seconds(5)

  /// What may be fetched.
  public let rules: FetchRules
  /// Whether requests may carry a body.
  public let allowsPost: Bool
  private let client: HTTPClient
  private let resolver: any HostResolver
  private let clock: any ToolClock
  private let agent: String

  /// Makes a fetcher. `agent` is what servers see as the name of the client.
  public init(
    rules: FetchRules, allowsPost: Bool, client: HTTPClient, resolver: any HostResolver = SystemResolver(),
    clock: any ToolClock = SystemToolClock(), agent: String
  ) {
    self.rules = rules
    self.allowsPost = allowsPost
    self.client = client
    self.resolver = resolver
    self.clock = clock
    self.agent = agent
  }

  /// What is asked for.
  struct Request: Sendable {
    let url: String
    var method = HTTPMethod.get
    var accept: String?
    var body: [UInt8] = []
    var contentType: String?
  }

  /// What came.
  struct Answer: Sendable {
    let status: Int
    let url: String
    let contentType: String?
    let content: [UInt8]
    /// Whether there was more than the limit.
    let isCut: Bool
  }

  /// Fetches until `deadline` in monotonic nanoseconds. Throws `ToolFault` or `CancellationError`.
  func fetch(_ request: Request, deadline: UInt64) async throws -> Answer {
    var request = request
    var target = try HTTPFetcher.allowed(rules.target(request.url))
    for _ in 0...FetchRules.redirectsMax {
      let response = try await send(request, to: target, deadline)
      guard let location = HTTPFetcher.location(response) else { return try await read(response, target, deadline) }
      let next = try HTTPFetcher.allowed(rules.redirect(from: target, to: location))
      request = try HTTPFetcher.redirected(request, response.status, isSameOrigin: next.hasSameOrigin(as: target))
      target = next
    }
    throw ToolFault(.toolFailed, "the address redirects more than \(FetchRules.redirectsMax) times")
  }

  private static func allowed<Value>(_ checked: Result<Value, FetchRefusal>) throws -> Value {
    do { return try checked.get() } catch {
      throw ToolFault(error.isMissing ? .unreachable : .addressRefused, error.message)
    }
  }

  private static func location(_ response: HTTPClientResponse) -> String? {
    switch Int(response.status.code) {
    case 301, 302, 303, 307, 308: response.headers[.location]
    default: nil
    }
  }

  /// The request behind a redirect. A body goes nowhere else than where it was meant to go.
  private static func redirected(_ request: Request, _ status: HTTPStatus, isSameOrigin: Bool) throws -> Request {
    guard request.method == .post else { return request }
    var next = request
    switch Int(status.code) {
    case 301, 302, 303:
      next.method = .get
      next.body = []
      next.contentType = nil
    default:
      guard isSameOrigin else { throw ToolFault(.addressRefused, "the answer redirects the body to another host") }
    }
    return next
  }

  // MARK: One exchange

  private func send(_ request: Request, to target: FetchTarget, _ deadline: UInt64) async throws -> HTTPClientResponse {
    let addresses = try await resolve(target, deadline)
    var headers = HTTPHeaders()
    headers.append(.userAgent, agent)
    headers.append(.accept, request.accept ?? "text/html, application/json, text/*;q=0.9, */*;q=0.5")
    headers.append(.acceptEncoding, ContentCoding.accepted)
    if let type = request.contentType { headers.append(.contentType, type) }
    let now = clock.now()
    guard deadline > now else { throw HTTPFetcher.timedOut }
    var outgoing = HTTPClientRequest(
      request.method, target.url, headers: headers, body: request.method == .post ? .bytes(request.body) : .none,
      timeout: .nanoseconds(Int64(clamping: deadline - now)), isIdempotent: false)
    outgoing.connectTimeout = HTTPFetcher.connectTimeout
    do {
      return try await client.send(outgoing, to: addresses, peer: "tool").0
    } catch let error as HTTPClientError { throw HTTPFetcher.fault(error) }
  }

  private func resolve(_ target: FetchTarget, _ deadline: UInt64) async throws -> [WebAddress] {
    do {
      let found = try await resolver.addresses(of: target.host.text, before: deadline)
      return try HTTPFetcher.allowed(target.checked(found))
    } catch let error as ReactorError {
      throw error.code == .timedOut
        ? HTTPFetcher.timedOut
        : ToolFault(.unreachable, "the name \(target.host.text) cannot be looked up at the moment")
    }
  }

  // MARK: The content

  private func read(_ response: HTTPClientResponse, _ target: FetchTarget, _ deadline: UInt64) async throws -> Answer {
    var content: [UInt8] = []
    var received = 0
    var isCut = false
    let decoder = try HTTPFetcher.decoder(response.headers[.contentEncoding], rules.bytesMax)
    do {
      while !isCut, let piece = try await response.body.next(before: deadline) {
        received += piece.count
        // Compressed content is bounded on both sides.
        if received > rules.bytesMax { isCut = true }
        if let decoder {
          decoder.feed(piece)
          isCut = try HTTPFetcher.unpack(decoder, into: &content, rules.bytesMax) || isCut
        } else {
          content += piece.prefix(max(0, rules.bytesMax - content.count))
        }
      }
      // An answer without content has nothing to unpack, whatever its head says.
      if let decoder, !isCut, received > 0 {
        do throws(ContentCodingError) { try decoder.finish() } catch {
          throw ToolFault(.protocolViolation, "the compressed content is cut off")
        }
      }
    } catch let error as HTTPClientError { throw HTTPFetcher.fault(error) }
    return Answer(
      status: Int(response.status.code), url: target.url.description, contentType: response.headers[.contentType],
      content: content, isCut: isCut)
  }

  private static func decoder(_ value: String?, _ bytesMax: Int) throws -> ContentDecoder? {
    guard let value else { return nil }
    do throws(ContentCodingError) {
      let codings = try ContentCoding.list(value)
      return codings.isEmpty ? nil : try ContentDecoder(codings, bytesMax: bytesMax)
    } catch { throw ToolFault(.protocolViolation, "the content is coded in a way that was not asked for") }
  }

  /// Takes what is unpacked; whether that is more than allowed.
  private static func unpack(_ decoder: ContentDecoder, into content: inout [UInt8], _ bytesMax: Int) throws -> Bool {
    do throws(ContentCodingError) {
      while let piece = try decoder.next() {
        content += piece.prefix(max(0, bytesMax - content.count))
        if content.count >= bytesMax { return true }
      }
      return false
    } catch {
      if case .tooLarge = error { return true }
      throw ToolFault(.protocolViolation, "the compressed content is malformed")
    }
  }

  // MARK: Faults

  private static let timedOut = ToolFault(.timedOut, "the server did not answer in time")

  private static func fault(_ error: HTTPClientError) -> ToolFault {
    switch error.code {
    case .cannotConnect: ToolFault(.unreachable, "the server cannot be reached")
    case .timedOut: timedOut
    case .connectionLost: ToolFault(.unreachable, "the connection ended before the answer was complete")
    case .protocolViolation: ToolFault(.protocolViolation, "the server does not speak HTTP correctly")
    case .bodyTooLarge: ToolFault(.tooLarge, "the answer is too large")
    case .overloaded: ToolFault(.unavailable, "too many requests are under way")
    }
  }
}
