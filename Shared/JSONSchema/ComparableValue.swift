internal import JSON

/// A value as JSON Schema compares it: numbers by value, members without order, strings code point by code point.
indirect enum ComparableValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(DecimalNumber)
  case string(ExactName)
  case array([ComparableValue])
  case object([ExactName: ComparableValue])

  init(_ view: JSONView) {
    switch view.kind {
    case .null: self = .null
    case .true: self = .bool(true)
    case .false: self = .bool(false)
    case .number: self = DecimalNumber(view).map { .number($0) } ?? .null
    case .string: self = .string(ExactName(view))
    case .array: self = .array(view.elements.map { ComparableValue($0) })
    case .object:
      self = .object(
        Dictionary(view.members.map { (ExactName($0.key), ComparableValue($0.value)) }) { first, _ in first })
    }
  }

  /// How many values it is made of.
  var size: Int {
    switch self {
    case .array(let elements): elements.reduce(1) { $0 + $1.size }
    case .object(let members): members.reduce(1) { $0 + 1 + $1.value.size }
    default: 1
    }
  }
}

/// A string that is compared byte by byte: equality of `String` takes different code points for the same.
struct ExactName: Hashable, Sendable {
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The content of a string of a document; empty for other kinds.
  init(_ view: JSONView) { bytes = view.withString { Array($0) } ?? [] }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}
