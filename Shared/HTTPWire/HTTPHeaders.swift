/// Header fields in their order, parsed or built.
///
/// The bytes of all fields stand in one array and each field is a small index record, so a parsed message costs two
/// allocations however many fields it has, and a lookup compares bytes (names: ASCII case ignored).
///
/// A value of this type never holds a field that could break out of its line: the parsers refuse such bytes, and
/// `append` refuses a name that is not a token and replaces control characters in values (CR, LF and NUL among them,
/// HTAB excepted) by spaces. Writers therefore copy without looking.
public struct HTTPHeaders: Sendable {
  struct Record: BitwiseCopyable {
    var nameStart: UInt32
    var valueStart: UInt32
    var valueLength: UInt32
    var nameLength: UInt16
    var kind: FieldKind
  }

  /// Longest name in bytes; the size of its index field.
  static let nameBytesMax = Int(UInt16.max)

  /// For a parsed message the whole head with its start line.
  var bytes: [UInt8]
  var records: [Record]

  /// No fields.
  public init() {
    bytes = []
    records = []
  }

  /// No fields yet, room for so many with so many bytes, the separators included.
  public init(reservingCount count: Int, bytes bytesCount: Int? = nil) {
    bytes = []
    records = []
    bytes.reserveCapacity(bytesCount ?? count * 40)
    records.reserveCapacity(count)
  }

  init(bytes: [UInt8], records: [Record]) {
    self.bytes = bytes
    self.records = records
  }

  /// How many fields there are; repeated names count each time.
  public var count: Int { records.count }

  /// Whether there are no fields.
  public var isEmpty: Bool { records.isEmpty }
}

// MARK: - Lookup

extension HTTPHeaders {
  /// The first value of that name, decoded as UTF-8 with repair.
  public subscript(name: String) -> String? {
    withUTF8(name) { first($0) }
  }

  /// The first value of that name, decoded as UTF-8 with repair.
  public subscript(name: HTTPFieldName) -> String? { first(name.buffer) }

  /// All values of that name in their order.
  public func values(of name: String) -> [String] { withUTF8(name) { all($0) } }

  /// All values of that name in their order.
  public func values(of name: HTTPFieldName) -> [String] { all(name.buffer) }

  /// How often a name stands there.
  public func count(of name: HTTPFieldName) -> Int {
    var (count, next) = (0, index(of: name.buffer, from: 0))
    while let found = next {
      count += 1
      next = index(of: name.buffer, from: found + 1)
    }
    return count
  }

  /// Whether a field of that name exists.
  public func contains(_ name: String) -> Bool { withUTF8(name) { index(of: $0, from: 0) != nil } }

  /// Whether a field of that name exists.
  public func contains(_ name: HTTPFieldName) -> Bool { index(of: name.buffer, from: 0) != nil }

  /// Whether a comma-separated field lists the token (in lower case; ASCII case ignored), in any of its lines.
  public func contains(token: StaticString, in name: HTTPFieldName) -> Bool {
    var found = false
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      for record in records where Self.matches(record, name.buffer, base) {
        forEachListElement(base + Int(record.valueStart), Int(record.valueLength)) { element, count in
          if equalIgnoringCase(element, count, token) { found = true }
        }
      }
    }
    return found
  }

  /// Runs `body` with the bytes of the first value of that name, without making a string. Nil when there is none.
  public func withValue<R>(of name: HTTPFieldName, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R? {
    guard let index = index(of: name.buffer, from: 0) else { return nil }
    return try bytes.withUnsafeBytes { try body(Self.value(records[index], $0)) }
  }

  /// Calls `body` with each field as strings.
  public func forEach(_ body: (_ name: String, _ value: String) throws -> Void) rethrows {
    try forEachRaw { name, value in
      try body(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }
  }

  /// Calls `body` with the bytes of each field; the pointers are valid during the call only.
  public func forEachRaw(
    _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    try bytes.withUnsafeBytes { buffer in
      for record in records { try body(Self.name(record, buffer), Self.value(record, buffer)) }
    }
  }

  @inline(__always)
  static func name(_ record: Record, _ buffer: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let start = Int(record.nameStart)
    return UnsafeRawBufferPointer(rebasing: buffer[start..<start + Int(record.nameLength)])
  }

  @inline(__always)
  static func value(_ record: Record, _ buffer: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let start = Int(record.valueStart)
    return UnsafeRawBufferPointer(rebasing: buffer[start..<start + Int(record.valueLength)])
  }

  @inline(__always)
  static func matches(_ record: Record, _ name: UnsafeBufferPointer<UInt8>, _ base: UnsafePointer<UInt8>) -> Bool {
    guard Int(record.nameLength) == name.count, let other = name.baseAddress else { return false }
    return equalIgnoringCase(base + Int(record.nameStart), other, name.count)
  }

  func index(of name: UnsafeBufferPointer<UInt8>, from: Int) -> Int? {
    bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return nil }
      return records.withUnsafeBufferPointer { records in
        var i = from
        while i < records.count {
          if Self.matches(records[i], name, base) { return i }
          i &+= 1
        }
        return nil
      }
    }
  }

  private func string(at index: Int) -> String {
    bytes.withUnsafeBytes { String(decoding: Self.value(records[index], $0), as: UTF8.self) }
  }

  private func first(_ name: UnsafeBufferPointer<UInt8>) -> String? {
    index(of: name, from: 0).map { string(at: $0) }
  }

  private func all(_ name: UnsafeBufferPointer<UInt8>) -> [String] {
    var values: [String] = []
    var next = index(of: name, from: 0)
    while let found = next {
      values.append(string(at: found))
      next = index(of: name, from: found + 1)
    }
    return values
  }
}

// MARK: - Conformances

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
  /// The fields of a literal such as `["content-type": "text/plain"]`, in its order; invalid names are left out.
  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(reservingCount: elements.count)
    for (name, value) in elements { append(name, value) }
  }
}

extension HTTPHeaders: Equatable {
  /// Equal when they hold the same fields in the same order; names are compared without ASCII case.
  public static func == (a: HTTPHeaders, b: HTTPHeaders) -> Bool {
    guard a.count == b.count else { return false }
    return a.bytes.withUnsafeBytes { left in
      b.bytes.withUnsafeBytes { right in
        zip(a.records, b.records).allSatisfy { x, y in
          let (n, m) = (name(x, left), name(y, right))
          guard n.count == m.count, value(x, left).elementsEqual(value(y, right)) else { return false }
          return zip(n, m).allSatisfy { $0 == $1 || ($0 ^ $1 == 0x20 && ($0 | 0x20) &- 0x61 < 26) }
        }
      }
    }
  }
}

extension HTTPHeaders: CustomStringConvertible {
  /// Only the names: values may hold credentials.
  public var description: String {
    var names: [String] = []
    forEach { name, _ in names.append(name) }
    return "HTTPHeaders(\(names.joined(separator: ", ")))"
  }
}
