internal import Cron
internal import Postgres
internal import Primitives
internal import Synchronization
internal import SystemSources

/// Time zones as the database knows them: their names, and what their clocks show.
///
/// Offsets are kept for an hour, so that a schedule costs no query for its next time.
final class TimeZoneStore: Sendable {
  /// Zones kept; there are about 600.
  private static let zonesMax = 1024
  private static let keptNanoseconds: UInt64 = 3_600_000_000_000
  /// A window of offsets begins this long before the instant that was asked about.
  private static let daysBefore: Int64 = 10
  private static let daysAfter: Int64 = 800
  /// Windows looked at for one time: rare dates of a leap year are decades away.
  private static let windowsMax = 64

  private struct Kept {
    let offsets: ZoneOffsets
    let readAt: UInt64
  }

  /// The list of names is read again for an unknown one after this long at the earliest.
  private static let namesNanoseconds: UInt64 = 60_000_000_000

  private struct Names {
    var byLower: [String: String] = [:]
    var readAt: UInt64 = 0
  }

  private let pool: PostgresPool
  private let names = Mutex(Names())
  private let kept = Mutex<[String: Kept]>([:])

  init(pool: PostgresPool) { self.pool = pool }

  /// The database's own spelling of a zone's name; `nil` for what is no name of the time zone database.
  func canonicalName(_ name: String) async throws -> String? {
    let now = MonotonicClock.now()
    let lower = name.lowercased()
    let (found, readAt) = names.withLock { ($0.byLower[lower], $0.readAt) }
    if let found { return found }
    // Looking reads hundreds of files of the database's host: not for each wrong name.
    if readAt != 0, now &- readAt < TimeZoneStore.namesNanoseconds { return nil }
    let read = try await readNames()
    names.withLock { $0 = Names(byLower: read, readAt: now) }
    return read[lower]
  }

  /// POSIX strings (`UTC+2` is two hours WEST of UTC there) and abbreviations (`CET` never changes its clocks) are left
  /// out: they mean something else than people expect.
  private func readNames() async throws -> [String: String] {
    let rows = try await pool.query(
      """
      select z.name from pg_timezone_names z
      where z.name !~ '^(posix|right)/' and z.name not in ('localtime', 'posixrules', 'Factory')
        and (z.name ~ '/' or z.name !~ '[0-9]')
        and (z.name in ('UTC', 'GMT', 'UCT', 'Zulu', 'Universal')
          or not exists (select 1 from pg_timezone_abbrevs a where a.abbrev = upper(z.name)))
      """)
    var names: [String: String] = [:]
    for row in rows {
      let name = try row.decode(0, as: String.self)
      names[name.lowercased()] = name
    }
    return names
  }

  /// The first time behind `time` at which the expression comes true in a zone; `nil` for never. Throws the store's
  /// error with SQLSTATE 22023 for an unknown zone.
  func next(_ expression: CronExpression, after time: Timestamp, zone: String) async throws -> Timestamp? {
    var instant = time.unixMicroseconds.flooredSeconds
    for _ in 0..<TimeZoneStore.windowsMax {
      guard let offsets = try await offsets(zone, around: instant) else { return nil }
      switch expression.next(after: instant, in: offsets) {
      case .at(let seconds): return Timestamp(unixMicroseconds: seconds * 1_000_000)
      case .notBefore(let seconds): instant = max(seconds, instant + 60)
      case .never: return nil
      }
    }
    return nil
  }

  private func offsets(_ zone: String, around instant: Int64) async throws -> ZoneOffsets? {
    let now = MonotonicClock.now()
    let known = kept.withLock { $0[zone] }
    if let known, now &- known.readAt < TimeZoneStore.keptNanoseconds,
      known.offsets.covers(instant, margin: CronExpression.marginSeconds)
    {
      return known.offsets
    }
    guard let read = try await read(zone, around: instant) else { return nil }
    kept.withLock { kept in
      if kept.count >= TimeZoneStore.zonesMax { kept.removeAll() }
      kept[zone] = Kept(offsets: read, readAt: now)
    }
    return read
  }

  /// Reads a window: offsets every twelve hours, and the minute of each change between two that differ.
  private func read(_ zone: String, around instant: Int64) async throws -> ZoneOffsets? {
    let start = instant - TimeZoneStore.daysBefore * 86_400
    let end = instant + TimeZoneStore.daysAfter * 86_400
    let rows = try await pool.query(
      """
      with grid as (
        select t, extract(epoch from (to_timestamp(t) at time zone $3) - (to_timestamp(t) at time zone 'UTC'))::int8 as o
        from generate_series($1::int8, $2::int8, 43200) t),
      pairs as (select t, o, lag(t) over (order by t) as since, lag(o) over (order by t) as before from grid)
      select case when before is null then t else (
          select min(m) from generate_series(since, t, 60) m
          where extract(epoch from (to_timestamp(m) at time zone $3) - (to_timestamp(m) at time zone 'UTC')) = o) end, o
      from pairs where before is distinct from o order by 1
      """, [start - start % 60, end, zone])
    var spans: [ZoneOffsets.Span] = []
    for row in rows {
      spans.append(
        ZoneOffsets.Span(start: try row.decode(0, as: Int64.self), offset: try row.decode(1, as: Int64.self)))
    }
    return ZoneOffsets(start: start, end: end, spans: spans)
  }
}

extension Int64 {
  fileprivate var flooredSeconds: Int64 { self >= 0 ? self / 1_000_000 : -((999_999 - self) / 1_000_000) }
}
