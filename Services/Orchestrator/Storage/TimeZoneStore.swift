package import Cron
package import Postgres
package import Primitives
internal import Synchronization
internal import SystemSources

/// Time zones as the database knows them: their names, and what their clocks show.
///
/// Offsets are cached for an hour, so that a schedule costs no query for its next time.
package final class TimeZoneStore: Sendable {
  /// Zones in the cache; there are about 600.
  private static let zonesMax = 1024
  private static let cacheNanoseconds: UInt64 = 3_600_000_000_000
  /// A window of offsets begins this long before the instant that was asked about.
  private static let daysBefore: Int64 = 10
  private static let daysAfter: Int64 = 800
  /// Windows read for one time: rare dates of a leap year are decades away.
  private static let windowsMax = 64

  private struct CachedOffsets {
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
  private let cache = Mutex<[String: CachedOffsets]>([:])

  package init(pool: PostgresPool) { self.pool = pool }

  /// The database's own spelling of a zone's name; `nil` for what is no name of the time zone database.
  package func canonicalName(_ name: String) async throws -> String? {
    let now = MonotonicClock.now()
    let lower = name.lowercased()
    let (found, readAt) = names.withLock { ($0.byLower[lower], $0.readAt) }
    if let found { return found }
    // The query reads hundreds of files of the database's host: not for each wrong name.
    if readAt != 0, now &- readAt < TimeZoneStore.namesNanoseconds { return nil }
    let read = try await readNames()
    names.withLock { $0 = Names(byLower: read, readAt: now) }
    return read[lower]
  }

  /// POSIX strings (`UTC+2` is two hours WEST of UTC there) and abbreviations (`CET` never changes its clocks) are left
  /// out: they mean something else than people expect.
  private func readNames() async throws -> [String: String] {
    var names: [String: String] = [:]
    for name in try await pool.query(TimeZoneStore.listNames, ()) { names[name.lowercased()] = name }
    return names
  }

  private static let name = ResultColumns<String> { column in
    let name = column("z.name", .text)
    return { row in try row[name] }
  }

  static let listNames = Statement<Void, String>(name) { _ in
    """
    select \(name) from pg_timezone_names z
    where z.name !~ '^(posix|right)/' and z.name not in ('localtime', 'posixrules', 'Factory')
      and (z.name ~ '/' or z.name !~ '[0-9]')
      and (z.name in ('UTC', 'GMT', 'UCT', 'Zulu', 'Universal')
        or not exists (select 1 from pg_timezone_abbrevs a where a.abbrev = upper(z.name)))
    """
  }

  /// The first time behind `time` at which the expression comes true in a zone; `nil` for never. Throws the store's
  /// error with SQLSTATE 22023 for an unknown zone.
  package func next(_ expression: CronExpression, after time: Timestamp, zone: String) async throws -> Timestamp? {
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
    let known = cache.withLock { $0[zone] }
    if let known, now &- known.readAt < TimeZoneStore.cacheNanoseconds,
      known.offsets.covers(instant, margin: CronExpression.marginSeconds)
    {
      return known.offsets
    }
    guard let read = try await read(zone, around: instant) else { return nil }
    cache.withLock { cache in
      if cache.count >= TimeZoneStore.zonesMax { cache.removeAll() }
      cache[zone] = CachedOffsets(offsets: read, readAt: now)
    }
    return read
  }

  /// Reads a window: offsets every twelve hours, and the minute of each change between two that differ.
  private func read(_ zone: String, around instant: Int64) async throws -> ZoneOffsets? {
    let start = instant - TimeZoneStore.daysBefore * 86_400
    let end = instant + TimeZoneStore.daysAfter * 86_400
    let spans = try await pool.query(TimeZoneStore.window, (start - start % 60, end, zone))
    return ZoneOffsets(start: start, end: end, spans: spans)
  }

  private static let span = ResultColumns<ZoneOffsets.Span> { column in
    let start = column(
      """
      case when before is null then t else (
          select min(m) from generate_series(since, t, 60) m where \(offset(at: "m")) = o) end
      """, .int8)
    let offset = column("o", .int8)
    return { row in ZoneOffsets.Span(start: try row[start], offset: try row[offset]) }
  }

  /// Seconds by which the zone of the input `i` is ahead of UTC at an instant.
  private static func offset(at instant: String) -> String {
    """
    extract(epoch from (to_timestamp(\(instant)) at time zone i.zone) - (to_timestamp(\(instant)) at time zone 'UTC'))
    """
  }

  static let window = Statement<(start: Int64, end: Int64, zone: String), ZoneOffsets.Span>(span) { parameter in
    let start = parameter("start", .int8) { $0.start }
    let end = parameter("end", .int8) { $0.end }
    let zone = parameter("zone", .text) { $0.zone }
    return """
      with i as (
        select \(zone) as zone
      ), grid as (
        select t, \(offset(at: "t"))::int8 as o from i cross join generate_series(\(start), \(end), 43200) t
      ), pairs as (
        select t, o, lag(t) over (order by t) as since, lag(o) over (order by t) as before from grid
      )
      select \(span) from i cross join pairs where before is distinct from o order by 1
      """
  }
}

extension Int64 {
  fileprivate var flooredSeconds: Int64 { self >= 0 ? self / 1_000_000 : -((999_999 - self) / 1_000_000) }
}
