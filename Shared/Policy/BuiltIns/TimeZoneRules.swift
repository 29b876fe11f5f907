/// A time zone as a file of the IANA database gives it (TZif, RFC 9636), versions 1 to 4. Read strictly: what is not
/// exactly of this form is no zone. Leap seconds are refused, as in the folder `right`.
struct TimeZoneRules: Sendable {
  /// What the clocks of a zone show for a while.
  struct Offset: Hashable, Sendable {
    /// Seconds east of UTC.
    let seconds: Int64
    /// The abbreviation, such as `CET`.
    let name: String
  }

  /// Bytes of a file.
  static let bytesMax = 64 << 10
  private static let transitionsMax = 2000
  private static let kindsMax = 256
  private static let nameBytesMax = 512
  static let offsetSecondsMax: Int64 = 26 * 3600

  private var transitions: [Int64] = []
  private var kinds: [Int] = []
  private var offsets: [Offset] = []
  /// What holds behind the last transition.
  private var recurring: RecurringZone?

  /// Coordinated universal time.
  static let utc = TimeZoneRules(Offset(seconds: 0, name: "UTC"))

  private init(_ offset: Offset) { offsets = [offset] }

  /// Reads a file; `nil` when it is malformed.
  init?(_ bytes: [UInt8]) {
    guard bytes.count <= TimeZoneRules.bytesMax else { return nil }
    var reader = Reader(bytes: bytes)
    guard let first = reader.header() else { return nil }
    if first.version == 0 {
      guard readBlock(first, &reader, timeBytes: 4), reader.isAtEnd else { return nil }
      return
    }
    // The first block says the same in 32 bits.
    guard reader.skip(first.blockBytes(timeBytes: 4)), let second = reader.header(), second.version == first.version,
      readBlock(second, &reader, timeBytes: 8), let footer = reader.footer(), reader.isAtEnd
    else { return nil }
    guard !footer.isEmpty else { return }
    guard let zone = RecurringZone(footer) else { return nil }
    recurring = zone
  }

  private mutating func readBlock(_ header: Header, _ reader: inout Reader, timeBytes: Int) -> Bool {
    guard (0...TimeZoneRules.transitionsMax).contains(header.transitions),
      (1...TimeZoneRules.kindsMax).contains(header.kinds),
      (1...TimeZoneRules.nameBytesMax).contains(header.nameBytes), header.leapSeconds == 0,
      header.standards == 0 || header.standards == header.kinds,
      header.universals == 0 || header.universals == header.kinds
    else { return false }
    for _ in 0..<header.transitions {
      guard let time = reader.number(timeBytes), transitions.last.map({ $0 < time }) ?? true else { return false }
      transitions.append(time)
    }
    for _ in 0..<header.transitions {
      guard let kind = reader.byte(), Int(kind) < header.kinds else { return false }
      kinds.append(Int(kind))
    }
    var described: [(seconds: Int64, name: Int)] = []
    for _ in 0..<header.kinds {
      guard let seconds = reader.number(4), abs(seconds) < TimeZoneRules.offsetSecondsMax,
        let isDaylight = reader.byte(),
        isDaylight <= 1, let name = reader.byte(), Int(name) < header.nameBytes
      else { return false }
      described.append((seconds, Int(name)))
    }
    guard let names = reader.take(header.nameBytes), names.last == 0 else { return false }
    for (seconds, start) in described {
      let name = names.dropFirst(start).prefix { $0 != 0 }
      guard name.count <= 16, name.allSatisfy({ (0x21...0x7E).contains($0) }) else { return false }
      offsets.append(Offset(seconds: seconds, name: String(decoding: name, as: UTF8.self)))
    }
    return reader.skip(header.standards + header.universals)
  }

  /// What the clocks show at an instant, in seconds since 1970.
  func offset(at instant: Int64) -> Offset {
    guard let last = transitions.last, instant < last else {
      if let recurring { return recurring.offset(at: instant) }
      return offsets[kinds.last ?? 0]
    }
    var (low, high) = (0, transitions.count)
    while low < high {
      let middle = (low + high) / 2
      if transitions[middle] <= instant { low = middle + 1 } else { high = middle }
    }
    return offsets[low == 0 ? 0 : kinds[low - 1]]
  }

  /// The instant at which the clocks show a time, given as if it were UTC. Of two the one that the offset before them
  /// gives; a time that is left out is moved by the jump.
  func instant(ofLocal local: Int64) -> Int64 {
    local - offset(at: local - offset(at: local).seconds).seconds
  }

  // MARK: Bytes

  private struct Header {
    let version: UInt8
    let universals: Int
    let standards: Int
    let leapSeconds: Int
    let transitions: Int
    let kinds: Int
    let nameBytes: Int

    /// Below 2^38: every count has 32 bits.
    func blockBytes(timeBytes: Int) -> Int {
      transitions * (timeBytes + 1) + kinds * 6 + nameBytes + leapSeconds * (timeBytes + 4) + standards + universals
    }
  }

  private struct Reader {
    let bytes: [UInt8]
    var at = 0

    var isAtEnd: Bool { at == bytes.count }

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
      guard count >= 0, count <= bytes.count - at else { return nil }
      at += count
      return bytes[(at - count)..<at]
    }

    mutating func skip(_ count: Int) -> Bool { take(count) != nil }

    mutating func byte() -> UInt8? { take(1)?.first }

    /// A number with its sign, the most significant byte first.
    mutating func number(_ count: Int) -> Int64? {
      guard let digits = take(count) else { return nil }
      let value = digits.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    mutating func header() -> Header? {
      guard take(4).map(Array.init) == Array("TZif".utf8), let version = byte(),
        version == 0 || (50...52).contains(version),
        skip(15)
      else { return nil }
      var counts: [Int] = []
      for _ in 0..<6 {
        guard let count = number(4) else { return nil }
        counts.append(Int(UInt32(truncatingIfNeeded: count)))
      }
      return Header(
        version: version, universals: counts[0], standards: counts[1], leapSeconds: counts[2], transitions: counts[3],
        kinds: counts[4], nameBytes: counts[5])
    }

    mutating func footer() -> [UInt8]? {
      guard byte() == 10, let end = bytes[at...].firstIndex(of: 10) else { return nil }
      let text = Array(bytes[at..<end])
      at = end + 1
      return text
    }
  }
}
