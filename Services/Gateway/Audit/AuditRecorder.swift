internal import AuditChain
package import Contracts
internal import Crypto
package import GatewayRequests
package import HTTP
package import HTTPWire
internal import Primitives
internal import SystemSources
internal import Telemetry

/// What requests of the gateway leave in the audit log.
package struct AuditRecorder: AuditRecording {
  private static let textBytesMax = 256
  private static let credentialBytesMax = 128
  private static let resourcesBytesMax = 512
  private static let resourceBytesMax = 128
  /// Parts of paths that give rights are no ids.
  private static let secretParameters: Set<String> = ["token", "secret", "code", "key"]

  /// A change that is under way.
  private struct Pending: PendingAuditEntry {
    let chain: AuditChainID
    let entry: AuditEntry
    let body: BodyDigest
  }

  private let writer: AuditWriter
  private let address: @Sendable (HTTPRequest) -> String

  /// Records with a writer; `address` says where a request comes from.
  package init(writer: AuditWriter, address: @escaping @Sendable (HTTPRequest) -> String) {
    self.writer = writer
    self.address = address
  }

  /// Whether a request is a change: all but reading, and calls of models, which the ledger of the llm-router has.
  package static func isChange(_ route: RouteSpecification) -> Bool {
    switch route.method {
    case .get, .head, .options: false
    default: !route.isModelRoute
    }
  }

  package func begin(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification, decision: String
  ) async throws(Problem) -> (any PendingAuditEntry)? {
    guard AuditRecorder.isChange(route) else { return nil }
    let chain = AuditChainID(identity.tenant)
    // Who has no tenant has not been limited by one.
    guard chain != .installation || writer.admitsChange(chain) else {
      throw Problem(.auditOverloaded, retryAfterSeconds: 1)
    }
    var entry = entry(.request, identity, request, route, decision)
    entry.digest = AuditRecorder.digest(entry.request, request)
    do { try await writer.write(chain, entry) } catch { throw Problem(.auditUnavailable, retryAfterSeconds: 1) }
    return Pending(chain: chain, entry: entry, body: BodyDigest(request.body, of: entry.request))
  }

  package func end(_ pending: any PendingAuditEntry, _ status: HTTPStatus) async {
    guard let pending = pending as? Pending else { return }
    var entry = AuditEntry(.outcome, request: pending.entry.request, time: WallClock.now())
    entry.subject = pending.entry.subject
    entry.method = pending.entry.method
    entry.route = pending.entry.route
    entry.status = Int(status.code)
    entry.digest = pending.body.finish()
    writer.note(pending.chain, entry)
  }

  package func refused(
    _ identity: Identity?, _ request: HTTPRequest, at route: RouteSpecification, _ problem: Problem, decision: String
  ) async {
    // Another failure is no refusal of access.
    guard [.unauthorized, .forbidden, .tooManyRequests].contains(problem.status) else { return }
    let status = Int(problem.status.code)
    writer.refuse(AuditChainID(identity?.tenant), code: problem.code, status: status) {
      var entry = entry(.refusal, identity, request, route, decision)
      entry.status = status
      entry.code = StorableText.make(problem.code, bytesMax: AuditRecorder.textBytesMax)
      return entry
    }
  }

  private func entry(
    _ kind: AuditEntry.Kind, _ identity: Identity?, _ request: HTTPRequest, _ route: RouteSpecification,
    _ decision: String
  ) -> AuditEntry {
    var entry = AuditEntry(kind, request: .version7(), time: WallClock.now())
    if let identity {
      entry.subject = AuditRecorder.text(identity.subject)
      entry.credential = StorableText.make(identity.credential, bytesMax: AuditRecorder.credentialBytesMax)
      entry.identity = identity.kind.rawValue
    }
    entry.address = StorableText.make(address(request), bytesMax: AuditRecorder.credentialBytesMax)
    entry.method = "\(route.method.name)"
    entry.route = route.pattern
    entry.resources = AuditRecorder.resources(of: request.parameters, in: route.pattern)
    entry.decision = StorableText.make(decision, bytesMax: AuditRecorder.credentialBytesMax)
    entry.trace = request.trace.traceIDText
    return entry
  }

  private static func text(_ text: String) -> String { StorableText.make(text, bytesMax: textBytesMax) }

  /// The ids of a path as `name=value`. Only what looks like an id or a name is kept: letters, digits and `._:-`.
  static func resources(of parameters: PathParameters, in pattern: String) -> String {
    var text = ""
    for part in pattern.split(separator: "/") where part.hasPrefix("{") && part.hasSuffix("}") {
      let name = part.dropFirst().dropLast().prefix { $0 != "*" }
      guard let value = parameters[String(name)], !secretParameters.contains(String(name)) else { continue }
      let isPlain = value.utf8.count <= resourceBytesMax && value.utf8.allSatisfy(isOfName)
      let item = "\(text.isEmpty ? "" : ",")\(name)=\(isPlain ? value : "?")"
      guard text.utf8.count + item.utf8.count <= resourcesBytesMax else { break }
      text += item
    }
    return text
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || "._:-".utf8.contains(byte)
  }

  /// The digest of what was asked for: id, method and target, with the query, which is not kept itself.
  private static func digest(_ id: UUID, _ request: HTTPRequest) -> [UInt8] {
    var bytes = id.bytes
    bytes.append(contentsOf: "\(request.head.methodName) ".utf8)
    request.head.withTargetBytes { bytes.append(contentsOf: $0) }
    return Digest.sha256(bytes)
  }
}
