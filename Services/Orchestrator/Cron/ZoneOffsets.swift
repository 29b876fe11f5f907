/// What the clocks of a time zone show during a window of time: offsets from UTC and the instants at which they change.
///
/// All instants are seconds since 1970 (UTC), all offsets seconds east of UTC.
public struct ZoneOffsets: Hashable, Sendable {
  /// A stretch of time with one offset.
  public struct Span: Hashable, Sendable {
    /// The first instant with the offset.
    public let start: Int64
    /// Local time minus UTC.
    public let offset: Int64

    /// Makes a stretch.
    public init(start: Int64, offset: Int64) {
      self.start = start
      self.offset = offset
    }
  }

  /// Instants before it are not known.
  public let start: Int64
  /// Instants from it on are not known.
  public let end: Int64
  let spans: [Span]

  /// Makes offsets of a window: the first span begins at `start` or earlier. `nil` when there is none.
  public init?(start: Int64, end: Int64, spans: [Span]) {
    guard let first = spans.first, first.start <= start, start < end else { return nil }
    self.start = start
    self.end = end
    self.spans = spans
  }

  /// Whether the window holds an instant with `margin` seconds on both sides.
  public func covers(_ instant: Int64, margin: Int64) -> Bool {
    instant >= start + margin && instant <= end - margin
  }

  func index(at instant: Int64) -> Int { (spans.firstIndex { $0.start > instant } ?? spans.count) - 1 }

  /// The offset at an instant.
  public func offset(at instant: Int64) -> Int64 { spans[max(0, index(at: instant))].offset }

  func end(of index: Int) -> Int64 { index + 1 < spans.count ? spans[index + 1].start : end }

  /// The first instant at which the clocks show a local time. A time that they leave out comes as much later as they
  /// jump. `nil` behind the window.
  func instant(local: Int64) -> Int64? {
    for (index, span) in spans.enumerated() {
      let instant = local - span.offset
      guard instant < end(of: index) else { continue }
      // Before this span and behind the one before: left out by the change between them.
      if instant < span.start, index > 0 { return local - spans[index - 1].offset }
      return instant
    }
    return nil
  }
}
