extension BuiltIns {
  static let arrays: [BuiltIn] = [
    BuiltIn("array.concat", 2) { list, evaluator in
      let joined = try Argument.array(list, 0) + (try Argument.array(list, 1))
      return .array(try evaluator.bounded(joined))
    },
    BuiltIn("array.reverse", 1) { list, _ in .array(try Argument.array(list, 0).reversed()) },
    BuiltIn("array.flatten", 1) { list, _ in
      .array(
        try Argument.array(list, 0).flatMap { element in
          if case .array(let inner) = element { inner } else { [element] }
        })
    },
    BuiltIn("array.slice", 3) { list, _ in
      let elements = try Argument.array(list, 0)
      let from = max(0, min(elements.count, try Argument.whole(list, 1)))
      let to = max(0, min(elements.count, try Argument.whole(list, 2)))
      return .array(from < to ? Array(elements[from..<to]) : [])
    },
  ]

  static let sets: [BuiltIn] = [
    BuiltIn("and", 2) { list, _ in
      let (a, b) = (try Argument.set(list, 0), try Argument.set(list, 1))
      return .set(RegoSet(a.elements.filter { b.contains($0) }))
    },
    BuiltIn("or", 2) { list, _ in
      .set(RegoSet(try Argument.set(list, 0).elements + (try Argument.set(list, 1).elements)))
    },
    BuiltIn("intersection", 1) { list, _ in
      var result: RegoSet?
      for element in try Argument.set(list, 0).elements {
        guard case .set(let set) = element else { throw Argument.fault(0, "set of sets", element) }
        result = result.map { known in RegoSet(known.elements.filter { set.contains($0) }) } ?? set
      }
      return .set(result ?? RegoSet())
    },
    BuiltIn("union", 1) { list, _ in
      var all: [RegoValue] = []
      for element in try Argument.set(list, 0).elements {
        guard case .set(let set) = element else { throw Argument.fault(0, "set of sets", element) }
        all += set.elements
      }
      return .set(RegoSet(all))
    },
  ]

  static let objects: [BuiltIn] = [
    BuiltIn("object.get", 3) { list, _ in
      _ = try Argument.object(list, 0)
      guard case .array(let path) = list[1] else { return Evaluator.element(list[0], list[1]) ?? list[2] }
      var value = list[0]
      for key in path {
        guard let element = Evaluator.element(value, key) else { return list[2] }
        value = element
      }
      return value
    },
    BuiltIn("object.keys", 1) { list, _ in .set(RegoSet(try Argument.object(list, 0).keys)) },
    BuiltIn("object.remove", 2) { list, _ in
      var object = try Argument.object(list, 0)
      for key in try keys(list, 1) { object.remove(key) }
      return .object(object)
    },
    BuiltIn("object.filter", 2) { list, _ in
      let object = try Argument.object(list, 0)
      let wanted = RegoSet(try keys(list, 1))
      return .object(RegoObject(zip(object.keys, object.values).filter { wanted.contains($0.0) }))
    },
    BuiltIn("object.union", 2) { list, _ in
      .object(united(try Argument.object(list, 0), try Argument.object(list, 1)))
    },
    BuiltIn("object.union_n", 1) { list, _ in
      var result = RegoObject()
      for element in try Argument.array(list, 0) {
        guard case .object(let object) = element else { throw Argument.fault(0, "array of objects", element) }
        result = united(result, object)
      }
      return .object(result)
    },
    BuiltIn("object.subset", 2) { list, _ in .bool(try isSubset(list[0], list[1])) },
  ]

  private static func keys(_ list: [RegoValue], _ place: Int) throws -> [RegoValue] {
    switch list[place] {
    case .object(let object): return object.keys
    case .array(let elements): return elements
    case .set(let set): return set.elements
    default: throw Argument.fault(place, "one of {object, string, array}", list[place])
    }
  }

  private static func united(_ left: RegoObject, _ right: RegoObject) -> RegoObject {
    var result = left
    for place in 0..<right.count {
      let key = right.keys[place]
      if case .object(let known)? = result[key], case .object(let new) = right.values[place] {
        result.set(key, .object(united(known, new)))
      } else {
        result.set(key, right.values[place])
      }
    }
    return result
  }

  private static func isSubset(_ whole: RegoValue, _ part: RegoValue) throws -> Bool {
    switch (whole, part) {
    case (.object(let a), .object(let b)):
      return (0..<b.count).allSatisfy { place in a[b.keys[place]].map { holds($0, b.values[place]) } ?? false }
    case (.set(let a), .set(let b)): return b.elements.allSatisfy { a.contains($0) }
    case (.array(let a), .array(let b)):
      guard b.count <= a.count else { return false }
      return b.isEmpty || (0...(a.count - b.count)).contains { start in Array(a[start..<(start + b.count)]) == b }
    case (.array(let a), .set(let b)): return b.elements.allSatisfy { a.contains($0) }
    default: throw Argument.fault(0, "both of the same collection type", whole)
    }
  }

  private static func holds(_ whole: RegoValue, _ part: RegoValue) -> Bool {
    switch (whole, part) {
    case (.object, .object), (.set, .set), (.array, .array): (try? isSubset(whole, part)) ?? false
    default: whole == part
    }
  }

  static let types: [BuiltIn] = [
    BuiltIn("type_name", 1) { list, _ in .string(list[0].typeName) },
    BuiltIn("is_null", 1) { list, _ in list[0] == .null ? .bool(true) : .bool(false) },
    BuiltIn("is_boolean", 1) { list, _ in .bool(list[0].typeName == "boolean") },
    BuiltIn("is_number", 1) { list, _ in .bool(list[0].typeName == "number") },
    BuiltIn("is_string", 1) { list, _ in .bool(list[0].typeName == "string") },
    BuiltIn("is_array", 1) { list, _ in .bool(list[0].typeName == "array") },
    BuiltIn("is_object", 1) { list, _ in .bool(list[0].typeName == "object") },
    BuiltIn("is_set", 1) { list, _ in .bool(list[0].typeName == "set") },
    BuiltIn("cast_array", 1) { list, _ in .array(try Argument.elements(list, 0)) },
    BuiltIn("cast_set", 1) { list, _ in .set(RegoSet(try Argument.elements(list, 0))) },
    BuiltIn("cast_string", 1) { list, _ in .string(try Argument.string(list, 0)) },
    BuiltIn("cast_boolean", 1) { list, _ in
      guard case .bool = list[0] else { throw Argument.fault(0, "boolean", list[0]) }
      return list[0]
    },
    BuiltIn("cast_null", 1) { list, _ in
      guard case .null = list[0] else { throw Argument.fault(0, "null", list[0]) }
      return list[0]
    },
    BuiltIn("cast_object", 1) { list, _ in .object(try Argument.object(list, 0)) },
    BuiltIn("print", 1) { _, _ in .bool(true) },
    BuiltIn("trace", 1) { list, _ in
      _ = try Argument.string(list, 0)
      return .bool(true)
    },
  ]

  static let graphs: [BuiltIn] = [
    BuiltIn("walk", 1, isRelation: true) { list, evaluator in
      var pairs: [RegoValue] = []
      func visit(_ value: RegoValue, _ path: [RegoValue]) throws {
        try evaluator.step()
        pairs.append(.array([.array(path), value]))
        _ = try evaluator.bounded(pairs)
        switch value {
        case .array(let elements):
          for (place, element) in elements.enumerated() { try visit(element, path + [.int(place)]) }
        case .object(let object):
          for place in 0..<object.count { try visit(object.values[place], path + [object.keys[place]]) }
        case .set(let set): for element in set.elements { try visit(element, path + [element]) }
        default: break
        }
      }
      try visit(list[0], [])
      return .array(pairs)
    },
    BuiltIn("graph.reachable", 2) { list, evaluator in
      let graph = try Argument.object(list, 0)
      var waiting = try Argument.elements(list, 1)
      var reached = Set<RegoValue>()
      while let node = waiting.popLast() {
        try evaluator.step()
        guard let edges = graph[node], reached.insert(node).inserted else { continue }
        switch edges {
        case .array(let next): waiting += next
        case .set(let next): waiting += next.elements
        default: break
        }
      }
      return .set(RegoSet(Array(reached)))
    },
    BuiltIn("graph.reachable_paths", 2) { list, evaluator in
      let graph = try Argument.object(list, 0)
      var paths: [RegoValue] = []
      func follow(_ node: RegoValue, _ path: [RegoValue]) throws {
        try evaluator.step()
        let next: [RegoValue] =
          switch graph[node] {
          case .array(let list)?: list
          case .set(let set)?: set.elements
          default: []
          }
        let open = next.filter { !path.contains($0) && graph[$0] != nil }
        if open.isEmpty || next.isEmpty { paths.append(.array(path)) }
        _ = try evaluator.bounded(paths)
        for node in open { try follow(node, path + [node]) }
      }
      for node in try Argument.elements(list, 1) where graph[node] != nil { try follow(node, [node]) }
      return .set(RegoSet(paths))
    },
  ]
}

extension Evaluator {
  /// A list that is not too long.
  func bounded(_ list: [RegoValue]) throws -> [RegoValue] {
    guard list.count <= limits.elementsMax else {
      throw EvaluationError(.limit, "a collection has more than \(limits.elementsMax) elements")
    }
    return list
  }

  /// A text that is not too long.
  func bounded(_ text: String) throws -> RegoValue {
    guard text.utf8.count <= limits.textBytesMax else {
      throw EvaluationError(.limit, "a text is longer than \(limits.textBytesMax) bytes")
    }
    return .string(text)
  }
}
