internal import Contracts
internal import Crypto
internal import HTTP
internal import HTTPWire
internal import JSON
internal import RunStorage

/// A request that is carried out once for its Idempotency-Key, however often it arrives.
struct RepeatableRequest: Sendable {
  let key: String
  /// Of the address and the document: the same key with another request is a mistake.
  let digest: [UInt8]

  /// `nil` for a request without a key. Throws a 400 `Problem` for a key that is none.
  init?(_ request: HTTPRequest, document: JSONDocument?) throws(Problem) {
    guard let key = try RepeatableRequest.key(of: request) else { return nil }
    self.key = key
    let body = document.map { JSONValue($0.root).canonicalBytes() } ?? []
    digest = Digest.sha256(Array("\(request.head.path)\n".utf8) + body)
  }

  /// The key of a request: 1 to 255 bytes.
  static func key(of request: HTTPRequest) throws(Problem) -> String? {
    guard let key = request.headers[.idempotencyKey] else { return nil }
    guard (1...255).contains(key.utf8.count) else {
      throw .badParameter("Idempotency-Key", "The key must have 1 to 255 bytes.")
    }
    return key
  }

  /// What is remembered with the run that the request makes.
  func row(_ tenant: TenantID, task: TaskID, run: RunID) -> IdempotencyRow {
    IdempotencyRow(tenant: tenant, key: key, requestSHA256: digest, task: task, run: run)
  }

  /// The run that the request has made before. Throws a 422 `Problem` when the key belongs to another request.
  func known(_ store: RunStore, _ tenant: TenantID) async throws -> RunID? {
    guard let known = try await store.idempotency(tenant, key) else { return nil }
    guard known.requestSHA256 == digest else {
      throw Problem(
        .unprocessableContent, code: "idempotency_key_reused",
        "This Idempotency-Key was used for another request; use a new key for a new one.")
    }
    return known.run
  }
}
