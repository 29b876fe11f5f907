public import JSON
internal import JSONSchema

/// Sets, adds or removes one value of a document by pointer. All else stays as it is written.
public enum JSONEdit {
  /// The new document, or what is wrong. A `value` of `nil` removes.
  public static func run(_ document: JSONView, pointer: String, value: JSONView?) -> Result<[UInt8], ComputeError> {
    guard let parts = JSONPointer.parts(of: pointer) else {
      return .failure(ComputeError("the pointer is malformed: it begins with / and has ~ only in ~0 and ~1"))
    }
    guard !parts.isEmpty else {
      return value.map { .success(Array($0.rawBytes)) }
        ?? .failure(ComputeError("the whole document cannot be removed"))
    }
    var writer = JSONWriter(reservingBytes: document.rawBytes.count + 256)
    if let fault = write(document, parts[...], "", value, &writer) { return .failure(ComputeError(fault)) }
    return .success(writer.bytes)
  }

  /// Writes the changed value. Returns what is wrong. The depth is that of the document, which was limited.
  private static func write(
    _ view: JSONView, _ parts: ArraySlice<String>, _ known: String, _ value: JSONView?, _ writer: inout JSONWriter
  ) -> String? {
    guard let part = parts.first else {
      if let value { writer.raw(value.rawBytes) }
      return nil
    }
    let isLast = parts.count == 1
    let path = known + "/" + JSONPointer.escape(part)
    switch view.kind {
    case .object:
      let isThere = view[part] != nil
      guard isThere || isLast && value != nil else { return "there is nothing at \(path); \(JSONQuery.describe(view))" }
      writer.beginObject()
      for (key, member) in view.members {
        guard key.string == part else {
          writer.member(as: key, member)
          continue
        }
        if isLast, value == nil { continue }
        writer.key(part)
        if let fault = write(member, parts.dropFirst(), path, value, &writer) { return fault }
      }
      if !isThere, let value { writer.member(part, raw: Array(value.rawBytes)) }
      writer.endObject()
      return nil
    case .array:
      let place: Int
      if part == "-" {
        place = view.count
      } else if JSONPointer.step(part, in: view) != nil, let index = Int(part) {
        place = index
      } else {
        return "there is nothing at \(path); \(JSONQuery.describe(view))"
      }
      guard place < view.count || isLast && value != nil else { return "there is nothing at \(path)" }
      writer.beginArray()
      for (index, element) in view.elements.enumerated() {
        guard index == place else {
          writer.raw(element.rawBytes)
          continue
        }
        if isLast, value == nil { continue }
        if let fault = write(element, parts.dropFirst(), path, value, &writer) { return fault }
      }
      if place == view.count, let value { writer.raw(value.rawBytes) }
      writer.endArray()
      return nil
    default: return "there is nothing at \(path); \(JSONQuery.describe(view))"
    }
  }
}
