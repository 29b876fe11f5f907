/// The values of terms.
extension Evaluator {
  /// The value of a term that has at most one; `nil` when it is undefined.
  func value(_ operation: Operation, _ frame: Frame) throws -> RegoValue? {
    try step()
    switch operation {
    case .constant(let value): return value
    case .slot(let slot): return frame.slots[slot]
    case .bind: return nil
    case .array(let list):
      guard let values = try values(list, frame) else { return nil }
      try made(values.count * 32)
      return .array(values)
    case .set(let list):
      guard let values = try values(list, frame) else { return nil }
      try made(values.count * 32)
      return .set(RegoSet(values))
    case .object(let pairs):
      var made: [(RegoValue, RegoValue)] = []
      made.reserveCapacity(pairs.count)
      for (key, element) in pairs {
        guard let name = try value(key, frame), let value = try value(element, frame) else { return nil }
        made.append((name, value))
      }
      try self.made(made.count * 64)
      return .object(RegoObject(made))
    case .input(let keys):
      guard let input = environment.input else { return nil }
      return try look(into: input, keys[...], frame)
    case .lookup(let head, let keys):
      guard let value = try value(head, frame) else { return nil }
      return try look(into: value, keys[...], frame)
    case .data(let path):
      if let known = knownRule(at: path) {
        guard case .value(let value) = known else { return nil }
        return path.keys.isEmpty ? value : try look(into: value, path.keys[...], frame)
      }
      var found: RegoValue?
      _ = try walk(path, frame) {
        found = $0
        return false
      }
      return found
    case .builtIn(let builtIn, let list):
      guard let arguments = try values(list, frame) else { return nil }
      return try call(builtIn, arguments)
    case .function(let group, let list):
      guard let arguments = try values(list, frame) else { return nil }
      return try call(group, arguments)
    case .comprehension(let kind, let heads, let body): return try comprehension(kind, heads, body, frame)
    case .template(let pieces):
      var text = ""
      for piece in pieces {
        switch piece {
        case .text(let part): text += part
        case .value(let body, let slot):
          var shown: String?
          _ = try run(body, 0, frame) {
            let value = frame.slots[slot] ?? .null
            if shown != nil { throw EvaluationError(.conflict, "a part of a template has several values") }
            shown = value.string ?? value.rego
            return true
          }
          text += shown ?? "<undefined>"
        }
        try bound(text)
        try made(text.utf8.count)
      }
      return .string(text)
    }
  }

  private func bound(_ text: String) throws {
    guard text.utf8.count <= limits.textBytesMax else {
      throw EvaluationError(.limit, "a text is longer than \(limits.textBytesMax) bytes")
    }
  }

  func values(_ list: [Operation], _ frame: Frame) throws -> [RegoValue]? {
    var values: [RegoValue] = []
    values.reserveCapacity(list.count)
    for operation in list {
      guard let value = try value(operation, frame) else { return nil }
      values.append(value)
    }
    return values
  }

  /// Every value of a term.
  func each(_ operation: Operation, _ frame: Frame, _ each: Each) throws -> Bool {
    if operation.isDirect {
      guard let value = try value(operation, frame) else { return true }
      return try each(value)
    }
    switch operation {
    case .input(let keys):
      guard let input = environment.input else { return true }
      return try walk(input, keys[...], frame, each)
    case .lookup(let head, let keys):
      return try self.each(head, frame) { try walk($0, keys[...], frame, each) }
    case .data(let path): return try walk(path, frame, each)
    // Patterns have no values of their own.
    default: return true
    }
  }

  private func comprehension(
    _ kind: Comprehension, _ heads: [Operation], _ body: [Step], _ frame: Frame
  ) throws -> RegoValue? {
    var elements: [RegoValue] = []
    var pairs: [RegoValue: RegoValue] = [:]
    _ = try run(body, 0, frame) {
      guard let values = try values(heads, frame) else { return true }
      if kind == .object {
        if let known = pairs[values[0]], known != values[1] {
          throw EvaluationError(.conflict, "object keys must be unique")
        }
        pairs[values[0]] = values[1]
      } else {
        elements.append(values[0])
      }
      try made(64)
      guard elements.count + pairs.count <= limits.elementsMax else {
        throw EvaluationError(.limit, "a collection has more than \(limits.elementsMax) elements")
      }
      return true
    }
    return switch kind {
    case .array: .array(elements)
    case .set: .set(RegoSet(elements))
    case .object: .object(RegoObject(pairs.map { ($0.key, $0.value) }))
    }
  }

  // MARK: Looking into values

  static func element(_ value: RegoValue, _ key: RegoValue) -> RegoValue? {
    switch value {
    case .object(let object): return object[key]
    case .set(let set): return set.contains(key) ? key : nil
    case .array(let list):
      guard let place = key.number?.int, list.indices.contains(place) else { return nil }
      return list[place]
    default: return nil
    }
  }

  private func look(into value: RegoValue, _ keys: ArraySlice<Operation>, _ frame: Frame) throws -> RegoValue? {
    var value = value
    for key in keys {
      guard let name = try self.value(key, frame), let element = Evaluator.element(value, name) else { return nil }
      value = element
    }
    return value
  }

  /// Every value behind keys, of which some get their values on the way.
  func walk(_ value: RegoValue, _ keys: ArraySlice<Operation>, _ frame: Frame, _ each: Each) throws -> Bool {
    guard let key = keys.first else { return try each(value) }
    try step()
    if key.isDirect {
      guard let name = try self.value(key, frame), let element = Evaluator.element(value, name) else { return true }
      return try walk(element, keys.dropFirst(), frame, each)
    }
    let rest = keys.dropFirst()
    switch value {
    case .array(let list):
      for (place, element) in list.enumerated() {
        guard try match(key, .int(place), frame, { try walk(element, rest, frame, each) }) else { return false }
      }
    case .object(let object):
      for place in 0..<object.count {
        guard try match(key, object.keys[place], frame, { try walk(object.values[place], rest, frame, each) }) else {
          return false
        }
      }
    case .set(let set):
      for element in set.elements {
        guard try match(key, element, frame, { try walk(element, rest, frame, each) }) else { return false }
      }
    default: break
    }
    return true
  }
}
