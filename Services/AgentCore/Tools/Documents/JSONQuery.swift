public import JSON
internal import JSONSchema

/// Reads values out of a document: an RFC 6901 pointer, or a query of a small subset of JSONPath (RFC 9535): `$`,
/// `.name`, `['name']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`, `..name`, `..*`.
public enum JSONQuery {
  private enum Segment {
    case name(String)
    case index(Int)
    case slice(Int?, Int?)
    case all
    /// The next segment anywhere below.
    case below
  }

  private static let segmentsMax = 50
  /// Values that are visited or selected in one step.
  private static let visitsMax = 200_000
  private static let resultsMax = 10_000

  /// The value of a pointer or the list of values of a query, as JSON; or what is wrong.
  public static func run(_ document: JSONView, _ path: String) -> Result<[UInt8], ComputeError> {
    if path.isEmpty || path.utf8.first == UInt8(ascii: "/") { return pointer(document, path) }
    guard path.utf8.first == UInt8(ascii: "$") else {
      return .failure(ComputeError("a path begins with / (a pointer) or $ (a query)"))
    }
    let segments: [Segment]
    switch parse(Array(path.utf8)[1...]) {
    case .success(let parsed): segments = parsed
    case .failure(let error): return .failure(error)
    }
    var visits = visitsMax
    var values = [document]
    for segment in segments {
      values = values.flatMap { select(segment, $0, &visits) }
      guard visits > 0 else { return .failure(ComputeError("the query selects too much; make it narrower")) }
    }
    guard values.count <= resultsMax else {
      return .failure(ComputeError("the query gives \(values.count) values; at most \(resultsMax) are given"))
    }
    var writer = JSONWriter()
    writer.beginArray()
    for value in values { writer.raw(value.rawBytes) }
    writer.endArray()
    return .success(writer.bytes)
  }

  private static func pointer(_ document: JSONView, _ path: String) -> Result<[UInt8], ComputeError> {
    guard let parts = JSONPointer.parts(of: path) else {
      return .failure(ComputeError("the pointer is malformed: ~ stands only in ~0 and ~1"))
    }
    var value = document
    var known = ""
    for part in parts {
      guard let next = JSONPointer.step(part, in: value) else {
        return .failure(ComputeError("there is nothing at \(known)/\(JSONPointer.escape(part)); \(describe(value))"))
      }
      value = next
      known += "/" + JSONPointer.escape(part)
    }
    return .success(Array(value.rawBytes))
  }

  /// What there would be to choose from.
  static func describe(_ value: JSONView) -> String {
    switch value.kind {
    case .object:
      let names = value.members.prefix(20).compactMap(\.key.string).joined(separator: ", ")
      return value.count == 0
        ? "the object there is empty" : "members there: \(names)\(value.count > 20 ? ", ..." : "")"
    case .array: return "the list there has \(value.count) elements"
    default: return "the value there is neither list nor object"
    }
  }

  private static func select(_ segment: Segment, _ value: JSONView, _ visits: inout Int) -> [JSONView] {
    visits -= 1
    guard visits > 0 else { return [] }
    switch segment {
    case .name(let name): return value[name].map { [$0] } ?? []
    case .index(let index): return value[index < 0 ? value.count + index : index].map { [$0] } ?? []
    case .slice(let first, let end):
      guard value.kind == .array else { return [] }
      func place(_ index: Int) -> Int { min(max(index < 0 ? value.count + index : index, 0), value.count) }
      let range = (place(first ?? 0), place(end ?? value.count))
      visits -= value.count
      return range.0 < range.1 ? Array(value.elements.dropFirst(range.0).prefix(range.1 - range.0)) : []
    case .all:
      visits -= value.count
      return children(value)
    case .below:
      var found: [JSONView] = []
      var waiting = [value]
      while let next = waiting.popLast() {
        visits -= 1
        guard visits > 0 else { return [] }
        found.append(next)
        waiting.append(contentsOf: children(next).reversed())
      }
      return found
    }
  }

  private static func children(_ value: JSONView) -> [JSONView] {
    value.kind == .array ? Array(value.elements) : value.members.map(\.value)
  }

  // MARK: Reading

  private static func parse(_ text: ArraySlice<UInt8>) -> Result<[Segment], ComputeError> {
    var rest = text
    var segments: [Segment] = []
    while let byte = rest.popFirst() {
      guard segments.count < segmentsMax else { return .failure(ComputeError("the query has too many parts")) }
      switch byte {
      case UInt8(ascii: "."):
        if rest.first == UInt8(ascii: ".") {
          rest.removeFirst()
          segments.append(.below)
          if rest.first == UInt8(ascii: "[") { continue }
        }
        if rest.first == UInt8(ascii: "*") {
          rest.removeFirst()
          segments.append(.all)
          continue
        }
        let name = rest.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
        guard !name.isEmpty else { return .failure(ComputeError("a name is missing behind a dot")) }
        rest = rest.dropFirst(name.count)
        segments.append(.name(String(decoding: name, as: UTF8.self)))
      case UInt8(ascii: "["):
        guard let segment = bracket(&rest) else {
          return .failure(ComputeError("known in brackets are ['name'], [0], [-1], [1:3] and [*]; filters are not"))
        }
        segments.append(segment)
      default: return .failure(ComputeError("a part of a query begins with a dot or a bracket"))
      }
    }
    return .success(segments)
  }

  private static func bracket(_ rest: inout ArraySlice<UInt8>) -> Segment? {
    guard let first = rest.first else { return nil }
    if first == UInt8(ascii: "'") || first == UInt8(ascii: "\"") {
      var name: [UInt8] = []
      rest.removeFirst()
      while let byte = rest.popFirst(), byte != first {
        if byte == UInt8(ascii: "\\") {
          guard let escaped = rest.popFirst() else { return nil }
          name.append(escaped)
        } else {
          name.append(byte)
        }
      }
      return rest.popFirst() == UInt8(ascii: "]") ? .name(String(decoding: name, as: UTF8.self)) : nil
    }
    let inner = rest.prefix { $0 != UInt8(ascii: "]") }
    guard inner.count < rest.count, inner.count <= 40 else { return nil }
    rest = rest.dropFirst(inner.count + 1)
    let text = String(decoding: inner, as: UTF8.self)
    if text == "*" { return .all }
    if let index = Int(text) { return .index(max(-(1 << 40), min(index, 1 << 40))) }
    let ends = text.split(separator: ":", omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.isEmpty || Int($0) != nil }) else { return nil }
    return .slice(
      Int(ends[0]).map { max(-(1 << 40), min($0, 1 << 40)) }, Int(ends[1]).map { max(-(1 << 40), min($0, 1 << 40)) })
  }
}
