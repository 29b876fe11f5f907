internal import Glibc

/// One value of a document: cheap to copy, converted when asked.
public struct JSONView: Sendable {
  /// The document that holds the value.
  public let document: JSONDocument
  let node: Int

  private var word: UInt64 { document.tape[node * 2] }
  private var second: UInt64 { document.tape[node * 2 + 1] }
  private var offset: Int { Int(word & 0xFFFF_FFFF_FFFF) }

  private var kindByte: UInt8 { UInt8(truncatingIfNeeded: word >> 56) }
  private var isContainer: Bool { kindByte >= JSONKind.array.rawValue }
  private var isObject: Bool { kindByte == JSONKind.object.rawValue }
  private var isString: Bool { kindByte == JSONKind.string.rawValue }

  /// What kind of value it is.
  public var kind: JSONKind { JSONKind(rawValue: kindByte) ?? .null }

  /// Whether it is `null`.
  public var isNull: Bool { kindByte == JSONKind.null.rawValue }

  /// The value of `true` or `false`; `nil` for other kinds.
  public var bool: Bool? {
    switch kind {
    case .true: true
    case .false: false
    default: nil
    }
  }

  /// A string's content; `nil` for other kinds.
  public var string: String? {
    guard isString else { return nil }
    return withContent { String(decoding: $0, as: UTF8.self) }
  }

  /// Length of a string's content as it stands in the text, in bytes: an upper bound of its UTF-8 length.
  public var stringBytesMax: Int? { isString ? Int(second) : nil }

  /// Lends the UTF-8 content of a string; `nil` for other kinds.
  public func withString<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
    isString ? withContent(body) : nil
  }

  private func withContent<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    document.bytes.withUnsafeBufferPointer { bytes in
      let raw = UnsafeBufferPointer(rebasing: bytes[offset..<offset + Int(second)])
      guard word >> 48 & 1 == 1 else { return body(raw) }
      return JSONString.decode(raw, escaped: true).withUnsafeBufferPointer(body)
    }
  }

  /// An integer in integer notation that fits; `nil` otherwise, also for `1.0` and `1e2`.
  public var int: Int64? {
    guard kind == .number else { return nil }
    var value: Int64 = 0
    let digits = document.bytes[offset..<offset + Int(second)]
    let isNegative = digits.first == UInt8(ascii: "-")
    for byte in isNegative ? digits.dropFirst() : digits {
      guard byte &- 48 < 10 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let digit = Int64(byte - 48)
      let (sum, carry) =
        isNegative ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
    }
    return value
  }

  /// A whole number in any notation (`7`, `7.0`, `7e0`) within a range; `nil` otherwise. Peers write counts both ways.
  public func whole(in range: ClosedRange<Int64>) -> Int64? {
    let value = int ?? double.flatMap { Int64(exactly: $0) }
    return value.flatMap { range.contains($0) ? $0 : nil }
  }

  /// A finite number; `nil` for other kinds and for numbers beyond `Double`.
  public var double: Double? {
    guard kind == .number else { return nil }
    guard let value = Double(String(decoding: document.bytes[offset..<offset + Int(second)], as: UTF8.self)) else {
      return nil
    }
    return value.isFinite ? value : nil
  }

  /// The exact bytes of the value in the text, quotes included.
  public var rawBytes: ArraySlice<UInt8> {
    switch kind {
    case .string: document.bytes[offset - 1..<offset + Int(second) + 1]
    case .array, .object: document.bytes[offset..<containerEnd]
    default: document.bytes[offset..<offset + Int(second)]
    }
  }

  /// Behind the closing bracket: from the end of the last descendant over white space and brackets.
  private var containerEnd: Int {
    let close: UInt8 = kind == .array ? UInt8(ascii: "]") : UInt8(ascii: "}")
    var end = offset + 1
    if count > 0 {
      var last = node + 1
      for _ in 1..<max(1, kind == .object ? count * 2 : count) { last = JSONView(document: document, node: last).next }
      end = JSONView(document: document, node: last).rawBytes.endIndex
    }
    while document.bytes[end] != close { end += 1 }
    return end + 1
  }

  /// Elements of an array or members of an object; 0 for scalars.
  public var count: Int { isContainer ? Int(second >> 32) : 0 }

  /// The node behind this value.
  var next: Int { isContainer ? Int(second & 0xFFFF_FFFF) : node + 1 }

  /// The value of a member; `nil` when there is none or this is no object.
  public subscript(_ key: String) -> JSONView? { member(key)?.value }

  /// A member with its place among the members; `nil` when there is none or this is no object.
  func member(_ key: String) -> (place: Int, value: JSONView)? {
    guard isObject else { return nil }
    var key = key
    return key.withUTF8 { find($0) }.map { ($0.place, JSONView(document: document, node: $0.value)) }
  }

  /// The place of a member and the node of its value. A walk over tape and text as they stand: nearly every look at a
  /// document is one.
  private func find(_ wanted: UnsafeBufferPointer<UInt8>) -> (place: Int, value: Int)? {
    let storage = document.storage
    return storage.tape.withUnsafeBufferPointer { tape in
      storage.bytes.withUnsafeBufferPointer { bytes in
        let count = Int(tape[node * 2 + 1] >> 32)
        var place = 0
        var key = node + 1
        while place < count {
          let word = tape[key * 2]
          if word >> 48 & 1 == 1 {
            if JSONView(document: document, node: key).hasContent(wanted) { return (place, key + 1) }
          } else if tape[key * 2 + 1] == UInt64(wanted.count),
            JSONView.isEqual(bytes, at: Int(word & 0xFFFF_FFFF_FFFF), wanted)
          {
            return (place, key + 1)
          }
          let value = tape[key * 2 + 2]
          key =
            UInt8(truncatingIfNeeded: value >> 56) >= JSONKind.array.rawValue
            ? Int(tape[key * 2 + 3] & 0xFFFF_FFFF) : key + 2
          place += 1
        }
        return nil
      }
    }
  }

  private static func isEqual(
    _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int, _ wanted: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard let start = wanted.baseAddress, let base = bytes.baseAddress, !wanted.isEmpty else { return wanted.isEmpty }
    return memcmp(base + offset, start, wanted.count) == 0
  }

  /// Whether this is the key of a member of that name: how members are distinguished in one pass.
  public func isNamed(_ name: StaticString) -> Bool {
    let storage = document.storage
    return storage.tape.withUnsafeBufferPointer { tape in
      let word = tape[node * 2]
      guard UInt8(truncatingIfNeeded: word >> 56) == JSONKind.string.rawValue else { return false }
      let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
      guard word >> 48 & 1 == 0 else { return hasContent(wanted) }
      guard tape[node * 2 + 1] == UInt64(wanted.count) else { return false }
      return storage.bytes.withUnsafeBufferPointer {
        JSONView.isEqual($0, at: Int(word & 0xFFFF_FFFF_FFFF), wanted)
      }
    }
  }

  /// An element; `nil` beyond the end or when this is no array.
  public subscript(_ index: Int) -> JSONView? {
    guard kind == .array, index >= 0, index < count else { return nil }
    var elements = self.elements
    for _ in 0..<index { _ = elements.next() }
    return elements.next()
  }

  private func hasContent(_ wanted: UnsafeBufferPointer<UInt8>) -> Bool {
    withContent { $0.count == wanted.count && $0.elementsEqual(wanted) }
  }

  /// The elements of an array; empty for other kinds.
  public var elements: JSONElements {
    JSONElements(document: document, node: node + 1, left: kindByte == JSONKind.array.rawValue ? count : 0)
  }

  /// No members at all, for what is missing.
  public static var noMembers: JSONMembers { JSONView.nothing.members }

  private static let nothing = JSONView(document: .null, node: 0)

  /// The members of an object in their order, keys as string views; empty for other kinds.
  public var members: JSONMembers {
    JSONMembers(document: document, node: node + 1, left: isObject ? count : 0)
  }
}

/// The members of an object.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  var node: Int
  var left: Int

  /// The next key and value.
  public mutating func next() -> (key: JSONView, value: JSONView)? {
    guard left > 0 else { return nil }
    left -= 1
    let key = JSONView(document: document, node: node)
    let value = JSONView(document: document, node: node + 1)
    node = value.next
    return (key, value)
  }
}

/// The elements of an array.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  var node: Int
  var left: Int

  /// The next element.
  public mutating func next() -> JSONView? {
    guard left > 0 else { return nil }
    left -= 1
    let view = JSONView(document: document, node: node)
    node = view.next
    return view
  }
}
