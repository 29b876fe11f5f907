package import Contracts

/// The notifications between replicas: that steps are ready, and which runs have changed while another replica has
/// readers that watch runs. Hints only: a replica that misses one polls within a second. A replica alone sends nothing
/// but a heartbeat.
///
/// Pure: `ReplicaNotifier` sends the messages. Times are monotonic nanoseconds.
package struct ReplicaNotificationStateMachine: Sendable {
  /// How often a replica sends a heartbeat.
  package static let heartbeatInterval: UInt64 = 5_000_000_000
  /// A replica that has sent nothing for so long is taken for gone.
  private static let silenceMax: UInt64 = 16_000_000_000
  /// More changed runs than fit one message: all readers read again.
  private static let runsMax = 200
  /// How a message names all runs, and readers.
  private static let allRuns = "*"
  private static let readers = "readers"

  private let own: String
  private var hasSteps = false
  private var runs: Set<RunID> = []
  /// Readers elsewhere shall read again, whatever has changed.
  private var isForAllRuns = false
  /// When the last message of another replica came, and the last one of a replica with readers: only then is it of
  /// interest which runs change.
  private var othersSeenAt: UInt64 = 0
  private var readersSeenAt: UInt64 = 0
  /// Readers of this replica, and when the others were notified of them.
  private var hasReaders = false
  private var readersSentAt: UInt64 = 0
  private var owesHeartbeat = false
  private var nextHeartbeat: UInt64 = 0

  /// Begins alone. `own` marks the messages of this replica.
  package init(own: String) { self.own = own }

  /// Whether other replicas have sent something lately.
  package var hasOthers: Bool { othersSeenAt > 0 }

  // MARK: Sending

  /// Steps are ready here. Returns whether the sender has to be woken.
  package mutating func stepsReady() -> Bool {
    guard hasOthers else { return false }
    let isFirst = !hasSteps && runs.isEmpty
    hasSteps = true
    return isFirst
  }

  /// A run has changed here. Returns whether the sender has to be woken.
  package mutating func runChanged(_ run: RunID) -> Bool {
    guard hasOthers, readersSeenAt > 0 else { return false }
    let isFirst = !hasSteps && runs.isEmpty
    if runs.count <= Self.runsMax { runs.insert(run) }
    return isFirst
  }

  /// Somebody watches a run here. Returns whether the sender has to be woken.
  package mutating func readerCame(now: UInt64) -> Bool {
    hasReaders = true
    guard hasOthers, now > readersSentAt &+ Self.heartbeatInterval else { return false }
    readersSentAt = now
    owesHeartbeat = true
    return true
  }

  /// When the sender has something to send; `nil` for at once.
  package var idleUntil: UInt64? {
    hasSteps || !runs.isEmpty || owesHeartbeat || isForAllRuns ? nil : nextHeartbeat
  }

  /// What is to be sent now; `nil` for nothing. Form: own id, `w` or `-`, and a list of runs, or `*` for too many of
  /// them, with `readers` when somebody watches a run here.
  package mutating func message(now: UInt64) -> String? {
    if othersSeenAt > 0, now > othersSeenAt &+ Self.silenceMax { othersSeenAt = 0 }
    if readersSeenAt > 0, now > readersSeenAt &+ Self.silenceMax { readersSeenAt = 0 }
    let isHeartbeat = owesHeartbeat || now >= nextHeartbeat
    defer {
      hasSteps = false
      owesHeartbeat = false
      isForAllRuns = false
      if isHeartbeat { hasReaders = false }
      runs.removeAll(keepingCapacity: true)
    }
    guard isHeartbeat || (hasOthers && (hasSteps || isForAllRuns || !runs.isEmpty)) else { return nil }
    var names = isForAllRuns || runs.count > Self.runsMax ? [Self.allRuns] : runs.map(\.description)
    if isHeartbeat {
      nextHeartbeat = now &+ Self.heartbeatInterval
      if hasReaders {
        readersSentAt = now
        names.append(Self.readers)
      }
    }
    return "\(own) \(hasSteps ? "w" : "-") \(names.joined(separator: ","))"
  }

  // MARK: Receiving

  /// The content of a message of another replica.
  package struct Notification: Equatable, Sendable {
    /// Steps are ready there.
    package var hasSteps = false
    /// Runs that changed there.
    package var runs: [RunID] = []
    /// Any run may have changed there.
    package var isForAllRuns = false
    /// The sender of this replica has to be woken.
    package var wakesSender = false
  }

  /// A message has come. `nil` for one of this replica, or one that is none.
  package mutating func received(_ text: String, now: UInt64) -> Notification? {
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] != own else { return nil }
    var notification = Notification()
    if !hasOthers {
      // The other replica shall know of this one, too.
      owesHeartbeat = true
      notification.wakesSender = true
    }
    othersSeenAt = now
    notification.hasSteps = parts[1] == "w"
    for part in parts[2].split(separator: ",") {
      if part == Self.allRuns {
        notification.isForAllRuns = true
      } else if part == Self.readers {
        // What changed before this was known, they may have missed.
        if readersSeenAt == 0 {
          isForAllRuns = true
          notification.wakesSender = true
        }
        readersSeenAt = now
      } else if let run = RunID(part) {
        notification.runs.append(run)
      }
    }
    return notification
  }
}
