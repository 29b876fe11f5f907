/// One value of a document: cheap to copy, converted when asked.
public struct JSONView: Sendable {
  /// The document that holds the value.
  public let document: JSONDocument
  let node: Int

  private var word: UInt64 { document.tape[node * 2] }
  private var second: UInt64 { document.tape[node * 2 + 1] }
  private var offset: Int { Int(word & 0xFFFF_FFFF_FFFF) }

  /// What kind of value it is.
  public var kind: JSONKind { JSONKind(rawValue: UInt8(word >> 56)) ?? .null }

  /// Whether it is `null`.
  public var isNull: Bool { kind == .null }

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
    guard kind == .string else { return nil }
    return withContent { String(decoding: $0, as: UTF8.self) }
  }

  /// Length of a string's content as it stands in the text, in bytes: an upper bound of its UTF-8 length.
  public var stringBytesMax: Int? { kind == .string ? Int(second) : nil }

  /// Lends the UTF-8 content of a string; `nil` for other kinds.
  public func withString<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
    kind == .string ? withContent(body) : nil
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
  public var count: Int { kind == .array || kind == .object ? Int(second >> 32) : 0 }

  /// The node behind this value.
  var next: Int { kind == .array || kind == .object ? Int(second & 0xFFFF_FFFF) : node + 1 }

  /// The value of a member; `nil` when there is none or this is no object.
  public subscript(_ key: String) -> JSONView? {
    guard kind == .object else { return nil }
    var key = key
    return key.withUTF8 { wanted in
      for (name, value) in members where name.hasContent(wanted) { return value }
      return nil
    }
  }

  /// An element; `nil` beyond the end or when this is no array.
  public subscript(_ index: Int) -> JSONView? {
    guard kind == .array, index >= 0, index < count else { return nil }
    var elements = self.elements.makeIterator()
    for _ in 0..<index { _ = elements.next() }
    return elements.next()
  }

  private func hasContent(_ wanted: UnsafeBufferPointer<UInt8>) -> Bool {
    withContent { $0.count == wanted.count && $0.elementsEqual(wanted) }
  }

  /// The elements of an array; empty for other kinds.
  public var elements: some Sequence<JSONView> {
    var left = kind == .array ? count : 0
    var current = node + 1
    let document = document
    return AnyIterator {
      guard left > 0 else { return nil }
      left -= 1
      let view = JSONView(document: document, node: current)
      current = view.next
      return view
    }
  }

  /// No members at all, for what is missing.
  public static var noMembers: JSONMembers { JSONView.nothing.members }

  private static let nothing = JSONView(document: .null, node: 0)

  /// The members of an object in their order, keys as string views; empty for other kinds.
  public var members: JSONMembers {
    JSONMembers(document: document, node: node + 1, left: kind == .object ? count : 0)
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
