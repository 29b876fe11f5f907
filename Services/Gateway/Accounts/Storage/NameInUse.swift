internal import APIKit
package import HTTP
internal import Contracts
internal import Postgres

/// Another one of the tenant has the name that was to be written.
package struct NameInUse: Error {
  /// Of what, for example `service account`.
  package let kind: String

  /// Runs `body`, in which a unique violation means that the name of a `kind` is taken.
  static func translating<Value>(_ kind: String, _ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let error as PostgresError where error.isUniqueViolation {
      throw NameInUse(kind: kind)
    }
  }
}

extension NameInUse: ProblemConvertible {
  package var problem: Problem { Problem(.nameTaken, "Another \(kind) of the tenant has this name or address.") }
}
