internal import Contracts
internal import Crypto
internal import HTTP
internal import HTTPWire
internal import JSON
internal import RunEngine
internal import RunStorage

/// The `Idempotency-Key` of a request.
extension IdempotencyKey {
  /// The key with a digest of the address and the document. `nil` for a request without a key. Throws a 400 `Problem`
  /// for a key that is none.
  init?(_ request: HTTPRequest, document: JSONDocument?) throws(Problem) {
    guard let key = try IdempotencyKey.header(of: request) else { return nil }
    let body = document.map { $0.root.canonicalBytes() } ?? []
    self.init(key: key, digest: Digest.sha256(Array("\(request.head.path)\n".utf8) + body))
  }

  /// The key of a request: 1 to 255 bytes.
  static func header(of request: HTTPRequest) throws(Problem) -> String? {
    guard let key = request.headers[.idempotencyKey] else { return nil }
    guard (1...255).contains(key.utf8.count) else {
      throw .badParameter("Idempotency-Key", "The key must have 1 to 255 bytes.")
    }
    return key
  }

  /// The task and run that the request has made before. Throws a 422 `Problem` when the key belongs to another request,
  /// with `advice`.
  func made(
    _ store: RunStore, _ tenant: TenantID, _ advice: String = "use a new key for a new one"
  ) async throws -> (task: TaskID, run: RunID)? {
    guard let known = try await store.idempotency(tenant, key) else { return nil }
    guard known.requestSHA256 == digest else {
      throw Problem(.idempotencyKeyReused, "This Idempotency-Key was used for another request; \(advice).")
    }
    return (known.task, known.run)
  }
}
