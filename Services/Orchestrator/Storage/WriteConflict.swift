internal import Postgres

/// Another one of the tenant has the name that was to be written.
package struct NameTaken: Error {
  /// Of what, for example `project`.
  package let kind: String

  /// Runs `body`, in which a unique violation means that the name of a `kind` is taken.
  static func translating<Value>(_ kind: String, _ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let error as PostgresError where error.isUniqueViolation {
      throw NameTaken(kind: kind)
    }
  }
}

/// A run was accepted under the same idempotency key before; nothing is written.
package struct KeyInUse: Error {}
