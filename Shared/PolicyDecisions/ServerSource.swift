internal import HTTP
internal import HTTPWire
internal import JSON
internal import Policy
internal import Primitives
internal import Settings
internal import Synchronization
internal import SystemSources

/// Decides by an OPA server, through its REST API. Whatever goes wrong on the way is a refusal.
///
/// The data of a tenant go along with each question about it, to the document of the package `cadre.with_data`, and are
/// never stored at the server: several processes ask it, and each may know another state of a tenant for a moment.
final class ServerSource: PolicySource {
  /// Largest answer in bytes.
  static let answerBytesMax = 256 << 10
  private static let answerLimits = JSONLimits(depthMax: 64, bytesMax: answerBytesMax, nodesMax: 50_000)
  private static let unknownRevision = "server"
  private static let revisionBytesMax = 200

  let name = "server"
  private let base: String
  private let token: Secret
  private let client: HTTPClient
  private let cacheNanoseconds: UInt64
  /// What the server said of its bundles last.
  private let said = Mutex(ServerSource.unknownRevision)

  /// Asks the server at `base`, for example `http://127.0.0.1:8181`. Answers are remembered for `cacheTime`: the server
  /// may get other policies at any time.
  init(_ base: String, token: Secret, client: HTTPClient, cacheTime: Duration) {
    self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
    self.token = token
    self.client = client
    cacheNanoseconds = UInt64(clamping: cacheTime.nanoseconds)
  }

  func revision() -> String? { said.withLock { $0 } }

  func cacheNanoseconds(_ path: [String]) -> UInt64 { cacheNanoseconds }

  func decideAtOnce(_ query: PolicyQuery, _ data: TenantPolicyData?) -> PolicyDecision? { nil }

  func decide(_ query: PolicyQuery, _ data: TenantPolicyData?, timeout: Duration) async -> PolicyDecision {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: timeout.nanoseconds)
    do {
      guard let (path, input) = question(query, data) else {
        return PolicyDecision(.error, "the data of the tenant cannot be brought to this document")
      }
      var writer = JSONWriter(reservingBytes: 1024)
      writer.beginObject()
      writer.key("input")
      input.write(to: &writer)
      writer.endObject()
      let target = "/v1/data/" + path.map(ServerSource.encoded).joined(separator: "/") + "?provenance=true"
      let (status, body) = try await send(target, writer.bytes, query, before: deadline)
      return decision(status, body)
    } catch let error as HTTPClientError {
      return PolicyDecision(.unavailable, error.description)
    } catch { return PolicyDecision(.unavailable, "the policy server cannot be asked") }
  }

  // MARK: Requests

  /// Which document is asked for, with which input. Of a tenant without data the server says what it has of its own;
  /// `nil` when the data cannot go along.
  private func question(_ query: PolicyQuery, _ data: TenantPolicyData?) -> (path: [String], input: RegoValue)? {
    guard let data, let tenant = query.tenant else { return (query.path, query.input) }
    guard query.path.count == 3, query.path[0] == "cadre", query.path[2] == "decision",
      case .object(var input) = query.input
    else { return nil }
    input.set(.string("tenants"), .object(RegoObject([(.string(tenant), data.document)])))
    return (["cadre", "with_data", query.path[1]], .object(input))
  }

  private func send(
    _ target: String, _ body: [UInt8], _ query: PolicyQuery, before deadline: UInt64
  ) async throws -> (HTTPStatus, [UInt8]) {
    let now = MonotonicClock.now()
    guard now < deadline else { throw HTTPClientError(.timedOut) }
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/json")
    let token = token.reveal()
    if !token.isEmpty { headers.append(.authorization, "Bearer \(token)") }
    var request = HTTPClientRequest(
      .post, try HTTPURL(base + target), headers: headers, body: .bytes(body),
      timeout: .nanoseconds(Int64(clamping: deadline - now)), isIdempotent: true, trace: query.trace)
    request.pauseMax = request.timeout
    let response = try await client.send(request, peer: "policy-server")
    let answer = try await response.body.collect(upTo: ServerSource.answerBytesMax, before: deadline)
    return (response.status, answer)
  }

  private static func encoded(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default: text += "%" + Hex.encode([byte])
      }
    }
    return text
  }

  // MARK: Answers

  private func decision(_ status: HTTPStatus, _ body: [UInt8]) -> PolicyDecision {
    guard let document = try? JSONDocument(parsing: body, limits: ServerSource.answerLimits),
      document.root.kind == .object
    else { return PolicyDecision(.unavailable, "the policy server answers \(status.code) and no JSON object") }
    let root = document.root
    guard status.code == 200 else {
      let codes = (root["errors"]?.elements).map { $0.prefix(16).compactMap { $0["code"]?.string } } ?? []
      let message = "the policy server answers \(status.code)"
      if codes.contains("eval_conflict_error") { return PolicyDecision(.conflict, message) }
      if codes.contains("eval_cancel_error") { return PolicyDecision(.timeout, message) }
      return PolicyDecision(codes.isEmpty ? .unavailable : .error, message)
    }
    note(root["provenance"])
    return PolicyDecision(root["result"].map { RegoValue($0) })
  }

  /// Keeps the revisions of the server's bundles.
  private func note(_ provenance: JSONView?) {
    guard let bundles = provenance?["bundles"], bundles.kind == .object else { return }
    var parts: [String] = []
    for member in bundles.members.prefix(16) {
      parts.append("\(member.key.string ?? "")=\(member.value["revision"]?.string ?? "")")
    }
    guard !parts.isEmpty else { return }
    let text = String(decoding: parts.joined(separator: ",").utf8.prefix(ServerSource.revisionBytesMax), as: UTF8.self)
    said.withLock { $0 = text }
  }
}
