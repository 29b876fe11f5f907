package import Primitives

/// What the audit log knows of one event. It holds no bodies, no queries, no header fields and no secrets.
package struct AuditEntry: Sendable, Hashable {
  /// The kinds of events.
  package enum Kind: String, Sendable, CaseIterable {
    /// A change was asked for. Durable before it is made.
    case request
    /// What became of a change: `request` is that of the entry before. Without one the outcome is unknown.
    case outcome
    /// Somebody was refused.
    case refusal
    /// Refusals beyond the bound of a second, as their number.
    case omitted
  }

  /// The kind.
  package let kind: Kind
  /// The request; its outcome has the same.
  package let request: UUID
  /// When, in whole milliseconds.
  package let time: Timestamp
  /// Who: a user, a service account, a key of the configuration; empty for nobody.
  package var subject = ""
  /// What was shown, by a name that gives no rights.
  package var credential = ""
  /// How the caller was identified: `api_key`, `session` and so on; empty for nobody.
  package var identity = ""
  /// The address of the client.
  package var address = ""
  /// The method.
  package var method = ""
  /// The pattern of the address, such as `/api/v1/tasks/{id}`.
  package var route = ""
  /// Ids of the path, as `id=task_...`, separated by commas.
  package var resources = ""
  /// Of a request: SHA-256 of its id, method and target. Of an outcome: SHA-256 of the request's id and the body that
  /// was read, empty when it was not read to its end.
  package var digest: [UInt8] = []
  /// The status of the answer; 0 for a request.
  package var status = 0
  /// The problem code of a refusal, or what has happened to a session.
  package var code = ""
  /// How many events it stands for.
  package var count: Int64 = 1
  /// The id of the policy decision.
  package var decision = ""
  /// The trace.
  package var trace = ""

  /// Makes an entry; microseconds of the time are dropped.
  package init(_ kind: Kind, request: UUID, time: Timestamp) {
    self.kind = kind
    self.request = request
    self.time = Timestamp(unixMicroseconds: time.unixMicroseconds / 1000 * 1000)
  }
}
