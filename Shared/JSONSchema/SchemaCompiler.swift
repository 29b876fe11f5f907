internal import JSON

/// Reads a schema document: finds every subschema, every resource and every anchor, then compiles each subschema.
struct SchemaCompiler {
  /// A place of the document where a subschema stands.
  struct Place {
    let view: JSONView
    let pointer: String
    let resource: Int
    let depth: Int
  }

  /// A part of the document with an address of its own.
  struct Resource {
    let uri: URIReference
    let view: JSONView
    let pointer: String
    let root: SchemaID
    var anchors: [String: SchemaID] = [:]
    var dynamicAnchors: [String: SchemaID] = [:]
  }

  let options: SchemaOptions
  private(set) var nodes: [SchemaNode] = []
  private(set) var resources: [Resource] = []
  /// Whether an older draft is named: keywords that this one does not have any more are refused then.
  private(set) var isOlderDraft = false
  private var places: [Place] = []
  private var known: [String: SchemaID] = [:]
  private var resourcesByURI: [URIReference: Int] = [:]

  init(_ options: SchemaOptions) { self.options = options }

  mutating func compile(_ schema: JSONView) throws(SchemaError) {
    _ = try add(schema, at: "", resource: nil, depth: 0)
    // References may add further places while the known ones are compiled.
    while nodes.count < places.count { nodes.append(try node(of: places[nodes.count])) }
  }

  // MARK: Finding subschemas

  static let draft = "https://json-schema.org/draft/2020-12/schema"
  private static let olderDrafts: Set<String> = [
    "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema", "https://json-schema.org/draft-07/schema",
  ]
  /// Keywords that hold a schema.
  private static let single: Set<String> = [
    "additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else", "unevaluatedItems",
    "unevaluatedProperties", "contentSchema",
  ]
  /// Keywords that hold a list of schemas.
  private static let lists: Set<String> = ["allOf", "anyOf", "oneOf", "prefixItems"]
  /// Keywords that hold schemas by name.
  private static let maps: Set<String> = [
    "$defs", "definitions", "properties", "patternProperties", "dependentSchemas",
  ]

  /// Notes the subschema at a place and everything below it. `resource` is nil at the root.
  private mutating func add(
    _ view: JSONView, at pointer: String, resource: Int?, depth: Int
  ) throws(SchemaError) -> SchemaID {
    guard places.count < options.subschemasMax else {
      throw SchemaError(.tooLarge, at: pointer, "the schema has more than \(options.subschemasMax) subschemas")
    }
    guard depth <= options.schemaDepthMax else {
      throw SchemaError(.tooLarge, at: pointer, "the schema is nested more than \(options.schemaDepthMax) times")
    }
    let id = places.count
    known[pointer] = id
    let own = try self.resource(of: view, at: pointer, inside: resource, root: id)
    places.append(Place(view: view, pointer: pointer, resource: own, depth: depth))
    guard view.kind == .object else { return id }
    try addAnchors(of: view, at: pointer, resource: own, id)
    for (key, value) in view.members {
      let keyword = key.string ?? ""
      let place = pointer + "/" + JSONPointer.escape(keyword)
      if SchemaCompiler.single.contains(keyword) {
        if keyword == "items", value.kind == .array {
          throw SchemaError(.unsupported, at: place, "'items' is one schema since draft 2020-12; write 'prefixItems'")
        }
        _ = try add(value, at: place, resource: own, depth: depth + 1)
      } else if SchemaCompiler.lists.contains(keyword) {
        guard value.kind == .array, value.count > 0 else {
          throw SchemaError(.malformed, at: place, "'\(keyword)' is a list of at least one schema")
        }
        for (index, inner) in value.elements.enumerated() {
          _ = try add(inner, at: "\(place)/\(index)", resource: own, depth: depth + 1)
        }
      } else if SchemaCompiler.maps.contains(keyword) {
        guard value.kind == .object else {
          throw SchemaError(.malformed, at: place, "'\(keyword)' is an object of schemas")
        }
        for (name, inner) in value.members {
          let below = place + "/" + JSONPointer.escape(name.string ?? "")
          _ = try add(inner, at: below, resource: own, depth: depth + 1)
        }
      }
    }
    return id
  }

  /// The resource of a subschema: a new one when it has an `$id`.
  private mutating func resource(
    of view: JSONView, at pointer: String, inside outer: Int?, root: SchemaID
  ) throws(SchemaError) -> Int {
    let base = outer.map { resources[$0].uri } ?? URIReference("")
    var uri = base
    if view.kind == .object, let id = view["$id"] {
      guard let text = id.string, URIReference(text).fragment ?? "" == "" else {
        throw SchemaError(.malformed, at: pointer + "/$id", "'$id' is a URI reference without a fragment")
      }
      uri = URIReference(text).resolved(against: base).withoutFragment
      if let schema = view["$schema"] { try readDraft(schema, at: pointer + "/$schema") }
    } else if let outer {
      return outer
    } else if view.kind == .object, let schema = view["$schema"] {
      try readDraft(schema, at: pointer + "/$schema")
    }
    guard resourcesByURI[uri] == nil else {
      throw SchemaError(.malformed, at: pointer + "/$id", "two subschemas have the same '$id'")
    }
    resourcesByURI[uri] = resources.count
    resources.append(Resource(uri: uri, view: view, pointer: pointer, root: root))
    return resources.count - 1
  }

  private mutating func readDraft(_ view: JSONView, at pointer: String) throws(SchemaError) {
    let text = view.string ?? ""
    let name = text.hasSuffix("#") ? String(text.dropLast()) : text
    if name == SchemaCompiler.draft { return }
    guard SchemaCompiler.olderDrafts.contains(name) else {
      throw SchemaError(.unsupported, at: pointer, "the dialect is not supported; use \(SchemaCompiler.draft)")
    }
    isOlderDraft = true
  }

  private mutating func addAnchors(
    of view: JSONView, at pointer: String, resource: Int, _ id: SchemaID
  ) throws(SchemaError) {
    for keyword in ["$anchor", "$dynamicAnchor"] {
      guard let value = view[keyword] else { continue }
      guard let name = value.string, SchemaCompiler.isAnchor(name) else {
        throw SchemaError(.malformed, at: "\(pointer)/\(keyword)", "an anchor is a name of letters, digits, -, _ and .")
      }
      let isDynamic = keyword == "$dynamicAnchor"
      let taken = isDynamic ? resources[resource].dynamicAnchors[name] : resources[resource].anchors[name]
      guard taken == nil else {
        throw SchemaError(
          .malformed, at: "\(pointer)/\(keyword)", "two subschemas have the anchor '\(name.prefix(60))'")
      }
      if isDynamic {
        resources[resource].dynamicAnchors[name] = id
      } else {
        resources[resource].anchors[name] = id
      }
    }
  }

  private static func isAnchor(_ name: String) -> Bool {
    guard let first = name.utf8.first, (first | 0x20) &- 97 < 26 || first == UInt8(ascii: "_") else { return false }
    return name.utf8.allSatisfy { ($0 | 0x20) &- 97 < 26 || $0 &- 48 < 10 || "-_.".utf8.contains($0) }
  }

  // MARK: Finding what a keyword leads to

  /// The subschema directly below a place.
  func child(_ pointer: String, of place: Place) throws(SchemaError) -> SchemaID {
    guard let id = known[place.pointer + "/" + pointer] else {
      throw SchemaError(.malformed, at: place.pointer + "/" + pointer, "a schema is expected")
    }
    return id
  }

  /// What `$ref` leads to, and the name of the dynamic anchor by which it does.
  mutating func resolve(
    _ view: JSONView, keyword: String, of place: Place
  ) throws(SchemaError) -> SchemaNode.DynamicReference {
    let pointer = "\(place.pointer)/\(keyword)"
    guard let text = view.string else {
      throw SchemaError(.malformed, at: pointer, "'\(keyword)' is a URI reference")
    }
    let uri = URIReference(text).resolved(against: resources[place.resource].uri)
    guard let index = resourcesByURI[uri.withoutFragment], let fragment = uri.decodedFragment else {
      throw SchemaError(
        .unresolvedReference, at: pointer,
        "the reference leads out of the schema; put what it names under '$defs' and refer to that")
    }
    let resource = resources[index]
    if fragment.isEmpty { return .init(target: resource.root, name: nil) }
    if let id = resource.dynamicAnchors[fragment] { return .init(target: id, name: fragment) }
    if let id = resource.anchors[fragment] { return .init(target: id, name: nil) }
    guard let id = try lookUp(fragment, in: index, depth: place.depth) else {
      throw SchemaError(.unresolvedReference, at: pointer, "the schema has nothing at '#\(fragment.prefix(100))'")
    }
    return .init(target: id, name: nil)
  }

  /// The subschema at a JSON pointer, which may be a place where none is expected.
  private mutating func lookUp(
    _ fragment: String, in index: Int, depth: Int
  ) throws(SchemaError) -> SchemaID? {
    guard let parts = JSONPointer.parts(of: fragment) else { return nil }
    var view = resources[index].view
    var pointer = resources[index].pointer
    var resource = index
    for part in parts {
      guard let next = JSONPointer.step(part, in: view) else { return nil }
      view = next
      pointer += "/" + JSONPointer.escape(part)
      if let id = known[pointer] { resource = places[id].resource }
    }
    if let id = known[pointer] { return id }
    return try add(view, at: pointer, resource: resource, depth: depth + 1)
  }
}
