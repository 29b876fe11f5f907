internal import JSON
internal import Primitives

extension BuiltIns {
  static let encodings: [BuiltIn] = [
    BuiltIn("base64.encode", 1) { list, _ in
      .string(Base64.encode(Array(try Argument.string(list, 0).utf8)))
    },
    BuiltIn("base64.decode", 1) { list, _ in .string(try text(decoded(try Argument.string(list, 0), .standard))) },
    BuiltIn("base64.is_valid", 1) { list, _ in .bool((try? decoded(try Argument.string(list, 0), .standard)) != nil) },
    BuiltIn("base64url.encode", 1) { list, _ in
      .string(Base64.encode(Array(try Argument.string(list, 0).utf8), .url))
    },
    BuiltIn("base64url.encode_no_pad", 1) { list, _ in
      .string(Base64.encode(Array(try Argument.string(list, 0).utf8), .url, pads: false))
    },
    BuiltIn("base64url.decode", 1) { list, _ in .string(try text(decoded(try Argument.string(list, 0), .url))) },
    BuiltIn("hex.encode", 1) { list, _ in .string(hex(Array(try Argument.string(list, 0).utf8))) },
    BuiltIn("hex.decode", 1) { list, _ in
      let digits = Array(try Argument.string(list, 0).utf8)
      var bytes: [UInt8] = []
      for digit in digits where Character(Unicode.Scalar(digit)).hexDigitValue == nil {
        throw EvaluationError(.builtIn, "invalid byte: U+00\(hex([digit])) '\(Character(Unicode.Scalar(digit)))'")
      }
      guard digits.count % 2 == 0 else { throw EvaluationError(.builtIn, "odd length hex string") }
      for place in stride(from: 0, to: digits.count, by: 2) {
        bytes.append(UInt8(String(decoding: digits[place...(place + 1)], as: UTF8.self), radix: 16) ?? 0)
      }
      return .string(try text(bytes))
    },
    BuiltIn("urlquery.encode", 1) { list, _ in .string(quoted(try Argument.string(list, 0))) },
    BuiltIn("urlquery.decode", 1) { list, _ in .string(try unquoted(try Argument.string(list, 0))) },
    BuiltIn("urlquery.encode_object", 1) { list, _ in
      let object = try Argument.object(list, 0)
      var parts: [String] = []
      for place in 0..<object.count {
        guard case .string(let key) = object.keys[place] else {
          throw Argument.fault(0, "object with string keys", list[0])
        }
        let values: [RegoValue] =
          switch object.values[place] {
          case .array(let list): list
          case .set(let set): set.elements
          default: [object.values[place]]
          }
        for value in values {
          guard case .string(let text) = value else { throw Argument.fault(0, "object of strings", value) }
          parts.append("\(quoted(key))=\(quoted(text))")
        }
      }
      return .string(parts.joined(separator: "&"))
    },
    BuiltIn("urlquery.decode_object", 1) { list, _ in
      var found: [RegoValue: [RegoValue]] = [:]
      for part in try Argument.string(list, 0).split(separator: "&") {
        let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let key = RegoValue.string(try unquoted(String(sides[0])))
        found[key, default: []].append(.string(sides.count > 1 ? try unquoted(String(sides[1])) : ""))
      }
      return .object(RegoObject(found.map { ($0.key, .array($0.value)) }))
    },
    BuiltIn("json.marshal", 1) { list, evaluator in try evaluator.bounded(list[0].json) },
    BuiltIn("json.marshal_with_options", 2) { list, evaluator in
      let options = try Argument.object(list, 1)
      for key in options.keys where !["pretty", "indent", "prefix"].contains(key.string) {
        throw EvaluationError(.builtIn, "object contained unknown key \(key.rego)")
      }
      let isPretty = options["pretty"].map { $0 == .bool(true) } ?? (options.count > 0)
      guard isPretty else { return try evaluator.bounded(list[0].json) }
      let indent = options["indent"]?.string ?? "\t"
      let prefix = options["prefix"]?.string ?? ""
      guard indent.utf8.count <= 100, prefix.utf8.count <= 100 else {
        throw EvaluationError(.builtIn, "an indent is too long")
      }
      return try evaluator.bounded(prefix + pretty(list[0], prefix, indent, depth: 0))
    },
    BuiltIn("json.unmarshal", 1) { list, _ in
      let text = try Argument.string(list, 0)
      do { return RegoValue(try JSONDocument(parsing: text).root) } catch {
        throw EvaluationError(.builtIn, "the text is no JSON: \(error)")
      }
    },
    BuiltIn("json.is_valid", 1) { list, _ in
      guard case .string(let text) = list[0] else { return .bool(false) }
      return .bool((try? JSONDocument(parsing: text)) != nil)
    },
  ]

  private static func pretty(_ value: RegoValue, _ prefix: String, _ indent: String, depth: Int) -> String {
    let inner = "\n" + prefix + String(repeating: indent, count: depth + 1)
    let end = "\n" + prefix + String(repeating: indent, count: depth)
    func list(_ elements: [RegoValue]) -> String {
      if elements.isEmpty { return "[]" }
      return "[" + elements.map { inner + pretty($0, prefix, indent, depth: depth + 1) }.joined(separator: ",") + end
        + "]"
    }
    switch value {
    case .array(let elements): return list(elements)
    case .set(let set): return list(set.elements)
    case .object(let object) where object.count > 0:
      let parts = (0..<object.count).map { place in
        let key = object.keys[place]
        return inner + RegoValue.string(key.string ?? key.json).json + ": "
          + pretty(object.values[place], prefix, indent, depth: depth + 1)
      }
      return "{" + parts.joined(separator: ",") + end + "}"
    default: return value.json
    }
  }

  // MARK: Bytes

  static func hex(_ bytes: [UInt8]) -> String { Hex.encode(bytes) }

  /// As OPA reads it: line ends do not count, padding may be missing, and bits beyond the last byte are dropped.
  private static func decoded(_ text: String, _ alphabet: Base64.Alphabet) throws -> [UInt8] {
    var letters = text.utf8.filter { $0 != 10 && $0 != 13 }[...]
    while letters.last == UInt8(ascii: "=") { letters.removeLast() }
    guard let bytes = Base64.decode(unpadded: letters, alphabet, dropsRest: true) else {
      throw EvaluationError(.builtIn, "illegal base64 data")
    }
    return bytes
  }

  static func base64URL(_ text: String) throws -> [UInt8] { try decoded(text, .url) }

  static func text(_ bytes: [UInt8]) throws -> String { String(decoding: bytes, as: UTF8.self) }

  private static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      if Lexer.isLetter(byte) || Lexer.isDigit(byte)
        || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "~")].contains(byte)
      {
        bytes.append(byte)
      } else if byte == 0x20 {
        bytes.append(UInt8(ascii: "+"))
      } else {
        bytes += Array("%\(hex([byte]).uppercased())".utf8)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func unquoted(_ text: String) throws -> String {
    let source = Array(text.utf8)
    var (bytes, at) = ([UInt8](), 0)
    while at < source.count {
      if source[at] == UInt8(ascii: "%") {
        guard at + 2 < source.count,
          let byte = UInt8(String(decoding: source[(at + 1)...(at + 2)], as: UTF8.self), radix: 16)
        else { throw EvaluationError(.builtIn, "invalid URL escape") }
        bytes.append(byte)
        at += 3
      } else {
        bytes.append(source[at] == UInt8(ascii: "+") ? 0x20 : source[at])
        at += 1
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
