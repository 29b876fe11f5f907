internal import Primitives

/// A field of an OTLP message: its number in protobuf and its name in JSON.
struct OTLPField {
  let number: Int
  let name: String

  init(_ number: Int, _ name: String) {
    self.number = number
    self.name = name
  }
}

/// Writes the fields of one message in protobuf or in its JSON mapping. Each message is described once, for both.
protocol OTLPWriter {
  init()
  /// The message so far.
  var output: [UInt8] { get }
  mutating func string(_ field: OTLPField, _ value: String)
  mutating func bool(_ field: OTLPField, _ value: Bool)
  mutating func int64(_ field: OTLPField, _ value: Int64)
  /// A small number or an enumeration.
  mutating func number(_ field: OTLPField, _ value: Int)
  mutating func fixed64(_ field: OTLPField, _ value: UInt64)
  mutating func sfixed64(_ field: OTLPField, _ value: Int64)
  mutating func double(_ field: OTLPField, _ value: Double)
  mutating func fixed64s(_ field: OTLPField, _ values: [UInt64])
  mutating func doubles(_ field: OTLPField, _ values: [Double])
  /// An id of one or two words: bytes in protobuf, hexadecimal digits in JSON.
  mutating func id(_ field: OTLPField, _ words: [UInt64])
  mutating func message(_ field: OTLPField, _ body: (inout Self) -> Void)
  mutating func messages<Item>(_ field: OTLPField, _ items: [Item], _ body: (Item, inout Self) -> Void)
}

/// The wire format of protobuf.
struct ProtobufWriter: OTLPWriter {
  private(set) var output: [UInt8] = []

  mutating func string(_ field: OTLPField, _ value: String) {
    var value = value
    value.withUTF8 { bytes in
      tag(field, 2)
      varint(UInt64(bytes.count))
      output += bytes
    }
  }

  mutating func bool(_ field: OTLPField, _ value: Bool) {
    tag(field, 0)
    varint(value ? 1 : 0)
  }

  mutating func int64(_ field: OTLPField, _ value: Int64) {
    tag(field, 0)
    varint(UInt64(bitPattern: value))
  }

  mutating func number(_ field: OTLPField, _ value: Int) { int64(field, Int64(value)) }

  mutating func fixed64(_ field: OTLPField, _ value: UInt64) {
    tag(field, 1)
    word(value)
  }

  mutating func sfixed64(_ field: OTLPField, _ value: Int64) { fixed64(field, UInt64(bitPattern: value)) }

  mutating func double(_ field: OTLPField, _ value: Double) { fixed64(field, value.bitPattern) }

  mutating func fixed64s(_ field: OTLPField, _ values: [UInt64]) {
    tag(field, 2)
    varint(UInt64(values.count) * 8)
    for value in values { word(value) }
  }

  mutating func doubles(_ field: OTLPField, _ values: [Double]) { fixed64s(field, values.map(\.bitPattern)) }

  mutating func id(_ field: OTLPField, _ words: [UInt64]) {
    tag(field, 2)
    varint(UInt64(words.count) * 8)
    for value in words { word(value.byteSwapped) }
  }

  mutating func message(_ field: OTLPField, _ body: (inout ProtobufWriter) -> Void) {
    tag(field, 2)
    // Most are shorter than 128 bytes: their length has one byte, which is filled in afterwards.
    let start = output.count
    output.append(0)
    body(&self)
    var length = output.count - start - 1
    guard length >= 0x80 else {
      output[start] = UInt8(truncatingIfNeeded: length)
      return
    }
    var bytes: [UInt8] = []
    while length >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: length))
    output.replaceSubrange(start...start, with: bytes)
  }

  mutating func messages<Item>(
    _ field: OTLPField, _ items: [Item], _ body: (Item, inout ProtobufWriter) -> Void
  ) {
    for item in items { message(field) { body(item, &$0) } }
  }

  private mutating func tag(_ field: OTLPField, _ type: UInt64) { varint(UInt64(field.number) << 3 | type) }

  /// Little-endian.
  private mutating func word(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { output += $0 }
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(rest))
  }
}

/// The JSON mapping of protobuf as OTLP uses it: ids in hexadecimal, 64-bit numbers as strings.
struct OTLPJSONWriter: OTLPWriter {
  private var members = ""

  init() {}

  var output: [UInt8] { Array(object.utf8) }

  private var object: String { "{\(members)}" }

  mutating func string(_ field: OTLPField, _ value: String) { member(field, LogText.quoted(value)) }
  mutating func bool(_ field: OTLPField, _ value: Bool) { member(field, "\(value)") }
  mutating func int64(_ field: OTLPField, _ value: Int64) { member(field, "\"\(value)\"") }
  mutating func number(_ field: OTLPField, _ value: Int) { member(field, "\(value)") }
  mutating func fixed64(_ field: OTLPField, _ value: UInt64) { member(field, "\"\(value)\"") }
  mutating func sfixed64(_ field: OTLPField, _ value: Int64) { member(field, "\"\(value)\"") }
  mutating func double(_ field: OTLPField, _ value: Double) { member(field, OTLPJSONWriter.text(value)) }

  mutating func fixed64s(_ field: OTLPField, _ values: [UInt64]) {
    member(field, "[\(values.map { "\"\($0)\"" }.joined(separator: ","))]")
  }

  mutating func doubles(_ field: OTLPField, _ values: [Double]) {
    member(field, "[\(values.map(OTLPJSONWriter.text).joined(separator: ","))]")
  }

  mutating func id(_ field: OTLPField, _ words: [UInt64]) {
    member(field, "\"\(words.map { Hex.encode($0) }.joined())\"")
  }

  mutating func message(_ field: OTLPField, _ body: (inout OTLPJSONWriter) -> Void) {
    var inner = OTLPJSONWriter()
    body(&inner)
    member(field, inner.object)
  }

  mutating func messages<Item>(
    _ field: OTLPField, _ items: [Item], _ body: (Item, inout OTLPJSONWriter) -> Void
  ) {
    let objects = items.map { item in
      var inner = OTLPJSONWriter()
      body(item, &inner)
      return inner.object
    }
    member(field, "[\(objects.joined(separator: ","))]")
  }

  private mutating func member(_ field: OTLPField, _ value: String) {
    if !members.isEmpty { members += "," }
    members += "\"\(field.name)\":\(value)"
  }

  /// What is not finite has names of its own.
  private static func text(_ number: Double) -> String {
    if number.isNaN { return "\"NaN\"" }
    if number.isInfinite { return number < 0 ? "\"-Infinity\"" : "\"Infinity\"" }
    return "\(number)"
  }
}
