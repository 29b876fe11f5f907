public import JSON

/// CSV (RFC 4180) to JSON and back.
public enum CSV {
  /// Fields of a text.
  static let fieldsMax = 500_000
  private static let columnsMax = 2000

  /// The rows of a text; `nil` when a quoted field is not closed or something stands behind one, or there is too much.
  static func rows(_ text: String, separator: UInt8) -> Result<[[String]], ComputeError> {
    var rows: [[String]] = []
    var row: [String] = []
    var field: [UInt8] = []
    var count = 0
    var bytes = Array(text.utf8)[...]
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    /// A field has ended.
    func end() {
      row.append(String(decoding: field, as: UTF8.self))
      field.removeAll(keepingCapacity: true)
      count += 1
    }
    while let byte = bytes.first {
      guard count <= fieldsMax, row.count <= columnsMax else {
        return .failure(ComputeError("the table has more than \(fieldsMax) fields or \(columnsMax) columns"))
      }
      bytes.removeFirst()
      if byte == UInt8(ascii: "\""), field.isEmpty {
        guard quoted(&bytes, &field, separator) else {
          return .failure(ComputeError("a quoted field of row \(rows.count + 1) is not closed as it should be"))
        }
        // An empty quoted field is a field too, also at the end of the text.
        if bytes.isEmpty {
          end()
          rows.append(row)
          return .success(rows)
        }
        continue
      }
      switch byte {
      case separator: end()
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        if byte == UInt8(ascii: "\r"), bytes.first == UInt8(ascii: "\n") { bytes.removeFirst() }
        // Empty lines are no rows.
        if row.isEmpty, field.isEmpty { continue }
        end()
        rows.append(row)
        row = []
      default: field.append(byte)
      }
    }
    if !row.isEmpty || !field.isEmpty {
      end()
      rows.append(row)
    }
    return .success(rows)
  }

  /// Reads a field behind its opening quote; `false` when it is not closed.
  private static func quoted(_ bytes: inout ArraySlice<UInt8>, _ field: inout [UInt8], _ separator: UInt8) -> Bool {
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "\"") else {
        field.append(byte)
        continue
      }
      guard bytes.first == UInt8(ascii: "\"") else {
        return bytes.first.map { $0 == separator || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? true
      }
      bytes.removeFirst()
      field.append(byte)
    }
    return false
  }

  /// A list of objects, or of lists when there is no header.
  public static func toJSON(
    _ text: String, separator: UInt8, hasHeader: Bool, readsNumbers: Bool
  ) -> Result<[UInt8], ComputeError> {
    let table: [[String]]
    switch rows(text, separator: separator) {
    case .success(let rows): table = rows
    case .failure(let error): return .failure(error)
    }
    let names = hasHeader ? uniqueNames(table.first ?? []) : []
    var writer = JSONWriter()
    func write(_ field: String) {
      if readsNumbers, isNumber(field) { writer.raw(Array(field.utf8)) } else { writer.string(field) }
    }
    writer.beginArray()
    for (number, row) in table.enumerated() where !hasHeader || number > 0 {
      guard hasHeader else {
        writer.beginArray()
        for field in row { write(field) }
        writer.endArray()
        continue
      }
      guard row.count <= names.count else {
        return .failure(ComputeError("row \(number + 1) has \(row.count) fields, the header has \(names.count)"))
      }
      writer.beginObject()
      for (name, field) in zip(names, row) {
        writer.key(name)
        write(field)
      }
      writer.endObject()
    }
    writer.endArray()
    return .success(writer.bytes)
  }

  /// Names of columns, which become names of members: none empty, none twice.
  private static func uniqueNames(_ header: [String]) -> [String] {
    var taken: Set<String> = []
    return header.enumerated().map { place, name in
      let name = name.isEmpty ? "column_\(place + 1)" : name
      if taken.insert(name).inserted { return name }
      var other = "\(name)_\(place + 1)"
      while !taken.insert(other).inserted { other += "_" }
      return other
    }
  }

  /// Whether a field is a number as JSON writes it.
  private static func isNumber(_ field: String) -> Bool {
    guard let first = field.utf8.first, first == UInt8(ascii: "-") || first &- 48 < 10, field.utf8.count <= 40 else {
      return false
    }
    return (try? JSONDocument(parsing: field))?.root.kind == .number
  }

  /// Rows of a list of objects (with a header) or of lists.
  public static func fromJSON(_ list: JSONView, separator: UInt8) -> Result<String, ComputeError> {
    guard list.kind == .array else { return .failure(ComputeError("a list is expected")) }
    var names: [String] = []
    var places: [String: Int] = [:]
    for element in list.elements {
      for (key, _) in element.members {
        let name = key.string ?? ""
        guard places[name] == nil else { continue }
        guard names.count < columnsMax else {
          return .failure(ComputeError("the rows have more than \(columnsMax) names"))
        }
        places[name] = names.count
        names.append(name)
      }
    }
    guard list.count * max(1, names.count) <= fieldsMax else {
      return .failure(ComputeError("the table would have more than \(fieldsMax) fields"))
    }
    var text: [UInt8] = []
    func add(_ fields: [String]) {
      for (place, field) in fields.enumerated() {
        if place > 0 { text.append(separator) }
        append(field, separator, to: &text)
      }
      text += [UInt8(ascii: "\r"), UInt8(ascii: "\n")]
    }
    if !names.isEmpty { add(names) }
    for (number, element) in list.elements.enumerated() {
      switch element.kind {
      case .object:
        var fields = [String](repeating: "", count: names.count)
        for (key, value) in element.members { if let place = places[key.string ?? ""] { fields[place] = field(value) } }
        add(fields)
      case .array where names.isEmpty: add(element.elements.map(field))
      default:
        return .failure(ComputeError("element \(number) is neither an object nor, where all are, a list"))
      }
    }
    return .success(String(decoding: text, as: UTF8.self))
  }

  private static func field(_ value: JSONView) -> String {
    value.string ?? (value.isNull ? "" : String(decoding: value.rawBytes, as: UTF8.self))
  }

  private static func append(_ field: String, _ separator: UInt8, to text: inout [UInt8]) {
    let needsQuotes = field.utf8.contains {
      $0 == separator || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
    }
    guard needsQuotes else { return text += Array(field.utf8) }
    text.append(UInt8(ascii: "\""))
    for byte in field.utf8 {
      if byte == UInt8(ascii: "\"") { text.append(byte) }
      text.append(byte)
    }
    text.append(UInt8(ascii: "\""))
  }
}
