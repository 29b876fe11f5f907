package import HTTP
internal import Reactor

/// A reader of a feed, as the feed knows it.
///
/// `@unchecked Sendable`: confined to the loop of its connection.
package final class FeedMember: @unchecked Sendable {
  private let filter: RunEventFilter
  private let outlet: ResponseOutlet?
  /// The number of the last event that the reader has, or does not want.
  package var position: Int64
  /// What its task waits for.
  fileprivate var promise: Promise<Void>?
  /// Where it stands among those who wait.
  fileprivate var index = -1

  /// A reader behind an event. Without an outlet its task is woken for whatever comes.
  package init(after position: Int64, filter: RunEventFilter, outlet: ResponseOutlet?) {
    self.position = position
    self.filter = filter
    self.outlet = outlet
  }

  /// Gives events to the reader while its task waits. Returns whether all are given and it may wait on; where not, the
  /// task goes on from `position`: it waits for slow clients, and ends with the run.
  fileprivate func take(_ events: [RunEvent], _ joined: FeedMembers.Joined?) -> Bool {
    guard let outlet, promise?.isSettled == false else { return false }
    if let joined, joined.before == position, filter.includesAll {
      guard outlet.send(joined.piece) else { return false }
      position = joined.last
      return true
    }
    for event in events where event.sequence > position {
      guard event.sequence == position &+ 1, !event.isEnd else { return false }
      if filter.includes(event), !outlet.send(event.piece) { return false }
      position = event.sequence
    }
    return true
  }
}

/// Those readers of a feed that wait on one loop.
///
/// `@unchecked Sendable`: confined to its loop.
final class FeedMembers: @unchecked Sendable {
  /// Events in a row as one piece, for readers that want all of them.
  struct Joined {
    let before: Int64
    let last: Int64
    let piece: SharedPiece

    /// `nil` for no events, and with the end of the run, with which readers end.
    init?(_ events: [RunEvent]) {
      guard let first = events.first, let last = events.last, !events.contains(where: \.isEnd),
        let piece = SharedPiece(joining: events.map(\.piece))
      else { return nil }
      (before, self.last, self.piece) = (first.sequence &- 1, last.sequence, piece)
    }
  }

  let loop: EventLoop
  /// The number of the last event that was given to all of them.
  var position: Int64
  private var waiting: [FeedMember] = []

  init(on loop: EventLoop, after position: Int64) {
    self.loop = loop
    self.position = position
  }

  /// Lets a reader wait.
  func add(_ member: FeedMember) -> Promise<Void> {
    let promise = Promise<Void>(on: loop)
    member.promise = promise
    if member.index < 0 {
      member.index = waiting.count
      waiting.append(member)
    }
    return promise
  }

  /// Forgets a reader that may wait.
  func remove(_ member: FeedMember) {
    guard waiting.indices.contains(member.index), waiting[member.index] === member else { return }
    let last = waiting.removeLast()
    if last !== member {
      last.index = member.index
      waiting[member.index] = last
    }
    member.index = -1
  }

  /// Gives events to all, and wakes those who cannot take them so.
  func give(_ events: [RunEvent]) {
    position = events.last?.sequence ?? position
    let joined = waiting.isEmpty ? nil : Joined(events)
    var kept = 0
    for member in waiting {
      if member.take(events, joined) {
        member.index = kept
        waiting[kept] = member
        kept += 1
      } else {
        member.index = -1
        member.promise?.succeed(())
      }
    }
    waiting.removeLast(waiting.count - kept)
  }

  /// Wakes all.
  func wake() {
    for member in waiting {
      member.index = -1
      member.promise?.succeed(())
    }
    waiting = []
  }
}
