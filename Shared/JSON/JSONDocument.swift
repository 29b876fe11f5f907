/// A parsed JSON text: the bytes as they came, and a tape that says where each value stands. Nothing is copied or
/// converted until it is asked for.
///
/// The tape has two words per value, in document order. Word 0: kind (8 bits), "has escapes" (8 bits), offset (48
/// bits). Word 1: for scalars the length in bytes; for containers the number of elements (32 bits) and the node behind
/// the last one.
public struct JSONDocument: Sendable {
  /// Text and tape behind one reference: views are copied for every member that is looked at.
  final class Storage: Sendable {
    let bytes: [UInt8]
    let tape: [UInt64]

    init(bytes: [UInt8], tape: [UInt64]) {
      self.bytes = bytes
      self.tape = tape
    }
  }

  let storage: Storage

  /// The text.
  public var bytes: [UInt8] { storage.bytes }
  var tape: [UInt64] { storage.tape }

  /// Parses strictly by RFC 8259. Also refused: duplicate keys unless the limits allow them, a byte order mark, halves
  /// of surrogate pairs.
  public init(parsing bytes: [UInt8], limits: JSONLimits = .standard) throws(JSONError) {
    let tape = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> [UInt64] in
      var parser = JSONParser(buffer, limits)
      return try parser.parse()
    }
    storage = Storage(bytes: bytes, tape: tape)
  }

  /// Parses the UTF-8 form of a string.
  public init(parsing text: String, limits: JSONLimits = .standard) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }

  private init(bytes: [UInt8], tape: [UInt64]) { storage = Storage(bytes: bytes, tape: tape) }

  /// The document `null`.
  static let null = JSONDocument(bytes: Array("null".utf8), tape: [UInt64(JSONKind.null.rawValue) << 56, 4])

  /// The outermost value.
  public var root: JSONView { JSONView(document: self, node: 0) }
}

/// The kinds of JSON values.
public enum JSONKind: UInt8, Sendable {
  /// `null`
  case null
  /// `false`
  case `false`
  /// `true`
  case `true`
  /// A number.
  case number
  /// A string.
  case string
  /// An array.
  case array
  /// An object.
  case object
}
