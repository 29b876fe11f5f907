/// What is known of the next time of an expression.
public enum NextTime: Hashable, Sendable {
  /// It comes at this instant (seconds since 1970).
  case at(Int64)
  /// Not within the window of offsets: there is none up to this instant, from which to look on.
  case notBefore(Int64)
  /// It never comes again.
  case never
}

extension CronExpression {
  /// Windows of offsets reach at least this many seconds to both sides of the instant that is asked about.
  public static let marginSeconds: Int64 = 3 * 86_400
  /// Clocks jump by a day at the most (a zone that changes its side of the date line).
  private static let jumpSecondsMax: Int64 = 25 * 3600
  /// Local times looked at around one answer: all minutes of the largest jump, twice.
  private static let candidatesMax = 4 * 25 * 60

  /// The first instant behind `instant` at which the expression comes true on the clocks of a zone.
  ///
  /// An expression that allows every hour holds at each minute whose local time matches: it goes on through an hour
  /// that the clocks repeat. Any other names times of the day: one that the clocks leave out comes as much later as
  /// they jump, one that they repeat comes once, at the first of the two.
  public func next(after instant: Int64, in zone: ZoneOffsets) -> NextTime {
    isEveryHour ? nextMatch(after: instant, zone) : nextNamed(after: instant, zone)
  }

  private func nextMatch(after instant: Int64, _ zone: ZoneOffsets) -> NextTime {
    var index = max(0, zone.index(at: instant))
    var local = instant + zone.spans[index].offset
    while true {
      guard let candidate = next(after: CivilTime(seconds: local)) else { return .never }
      let found = candidate.minutes * 60 - zone.spans[index].offset
      if found < zone.end(of: index) { return .at(found) }
      guard index + 1 < zone.spans.count else { return beyond(zone, found) }
      // From the change on, the minute of the change included, by the new offset.
      index += 1
      local = zone.spans[index].start + zone.spans[index].offset - 60
    }
  }

  private func nextNamed(after instant: Int64, _ zone: ZoneOffsets) -> NextTime {
    var local = CivilTime(seconds: instant + zone.offset(at: instant) - CronExpression.jumpSecondsMax)
    var best: Int64?
    for _ in 0..<CronExpression.candidatesMax {
      guard let candidate = next(after: local) else { break }
      local = candidate
      let seconds = candidate.minutes * 60
      // Times that were left out may come behind later ones: the clocks decide.
      if let best, seconds >= best + zone.offset(at: best) { return .at(best) }
      guard let found = zone.instant(local: seconds) else {
        return best.map { .at($0) } ?? beyond(zone, seconds - (zone.spans.last?.offset ?? 0))
      }
      if found > instant, found < best ?? .max { best = found }
    }
    return best.map { .at($0) } ?? .never
  }

  private func beyond(_ zone: ZoneOffsets, _ candidate: Int64) -> NextTime {
    .notBefore(max(zone.end, candidate) - CronExpression.jumpSecondsMax)
  }
}
