package import Contracts
package import RunStorage

/// The key under which a request is carried out once, however often it arrives.
package struct IdempotencyKey: Sendable {
  package let key: String
  /// Of what the request asks for: the same key with another request is a mistake.
  package let digest: [UInt8]

  /// Makes a key.
  package init(key: String, digest: [UInt8]) {
    self.key = key
    self.digest = digest
  }

  /// What is remembered with the run that the request makes.
  package func row(_ tenant: TenantID, task: TaskID, run: RunID) -> IdempotencyRow {
    IdempotencyRow(tenant: tenant, key: key, requestSHA256: digest, task: task, run: run)
  }
}
