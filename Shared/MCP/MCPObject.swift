internal import JSON

/// Reads the members of an object of the other side by type and size. Unknown members are left alone: newer revisions
/// add some. The first fault is thrown, with its place.
struct MCPObject {
  let view: JSONView
  let place: String
  let limits: MCPLimits

  init(_ view: JSONView, at place: String, _ limits: MCPLimits) throws(MCPError) {
    self.view = view
    self.place = place
    self.limits = limits
    guard view.kind == .object else { throw fault("", "is no object") }
  }

  func fault(_ name: String, _ what: String) -> MCPError {
    MCPError(
      .invalidResult, "\(place)\(name.isEmpty ? "" : ".\(name)") \(what)", rpcCode: MCPErrorCode.invalidParams)
  }

  /// A member that is there; members that are `null` count as missing.
  func value(_ name: String) -> JSONView? { view[name].flatMap { $0.isNull ? nil : $0 } }

  func string(_ name: String, bytesMax: Int) throws(MCPError) -> String? {
    guard let value = value(name) else { return nil }
    guard (value.stringBytesMax ?? .max) <= bytesMax, let text = value.string else {
      throw fault(name, "is no string of at most \(bytesMax) bytes")
    }
    return text
  }

  func requiredString(_ name: String, bytesMax: Int) throws(MCPError) -> String {
    guard let text = try string(name, bytesMax: bytesMax) else { throw fault(name, "is missing") }
    return text
  }

  func bool(_ name: String) throws(MCPError) -> Bool? {
    guard let value = value(name) else { return nil }
    guard let truth = value.bool else { throw fault(name, "is neither true nor false") }
    return truth
  }

  func object(_ name: String) throws(MCPError) -> MCPObject? {
    guard let value = value(name) else { return nil }
    return try MCPObject(value, at: "\(place).\(name)", limits)
  }

  func requiredObject(_ name: String) throws(MCPError) -> MCPObject {
    guard let value = try object(name) else { throw fault(name, "is missing") }
    return value
  }

  func array(_ name: String, countMax: Int) throws(MCPError) -> [JSONView] {
    guard let value = value(name) else { throw fault(name, "is missing") }
    guard value.kind == .array, value.count <= countMax else {
      throw fault(name, "is no list of at most \(countMax) entries")
    }
    return Array(value.elements)
  }

  func objects<Element>(
    _ name: String, countMax: Int, _ read: (MCPObject) throws(MCPError) -> Element
  ) throws(MCPError) -> [Element] {
    var found: [Element] = []
    for (index, element) in try array(name, countMax: countMax).enumerated() {
      found.append(try read(try MCPObject(element, at: "\(place).\(name)[\(index)]", limits)))
    }
    return found
  }

  /// A name, title or description as people and models may see it.
  func text(_ name: String, bytesMax: Int) throws(MCPError) -> String? {
    try string(name, bytesMax: bytesMax).map { MCPText.plain($0) }
  }
}
