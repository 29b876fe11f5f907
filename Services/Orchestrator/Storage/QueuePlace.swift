internal import Postgres
package import Primitives

/// A step in the queue, with what it waits for.
package struct QueuePlace: Sendable {
  /// A limit or lock of which no slot is left.
  package struct Limit: Sendable {
    package let key: String
    package let slots: Int
    package let inUse: Int
  }

  package let jobType: String
  package let queuedAt: Timestamp
  /// When it will be queued, if it is not yet.
  package let dueAt: Timestamp?
  /// The first limit that has no slot for it.
  package let fullLimit: Limit?

  /// Of a step `q` with a full limit `u`.
  static let columns = ResultColumns<QueuePlace> { column in
    let jobType = column("q.job_type", .text)
    let queuedAt = column("q.queued_at", .timestamptz)
    let dueAt = column(nullable: "q.due_at", .timestamptz)
    let key = column(nullable: "u.key", .text)
    let slots = column(nullable: "u.slots", .int4)
    let inUse = column(nullable: "u.n", .int4)
    return { row in
      var limit: Limit?
      if let key = try row[key], let slots = try row[slots], let inUse = try row[inUse] {
        limit = Limit(key: key, slots: Int(slots), inUse: Int(inUse))
      }
      return QueuePlace(
        jobType: try row[jobType], queuedAt: try row[queuedAt], dueAt: try row[dueAt], fullLimit: limit)
    }
  }
}
