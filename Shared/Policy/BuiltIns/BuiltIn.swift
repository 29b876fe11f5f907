/// A function that every policy has.
final class BuiltIn: Sendable {
  let name: String
  /// How many arguments it takes.
  let arity: ClosedRange<Int>
  /// Whether it stands for several values: then it gives a list of them.
  let isRelation: Bool
  /// Whether it may give another value at another time.
  let isVolatile: Bool
  let run: @Sendable ([RegoValue], Evaluator) throws -> RegoValue?

  init(
    _ name: String, _ arity: Int, isRelation: Bool = false, isVolatile: Bool = false,
    _ run: @escaping @Sendable ([RegoValue], Evaluator) throws -> RegoValue?
  ) {
    self.name = name
    self.arity = arity...arity
    self.isRelation = isRelation
    self.isVolatile = isVolatile
    self.run = run
  }
}

/// All of them, by name.
enum BuiltIns {
  static let all: [String: BuiltIn] = Dictionary(
    [
      comparisons, numbers, bits, aggregates, arrays, sets, objects, strings, regularExpressions, globs, types,
      encodings,
      hashes, random, units, semanticVersions, networks, times, graphs, jsonEditing, schemas, tokens,
    ].joined().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}

/// What arguments have to be. Each gives the argument, or says what is wrong with it.
enum Argument {
  static func fault(_ place: Int, _ wanted: String, _ value: RegoValue) -> EvaluationError {
    EvaluationError(.type, "operand \(place + 1) must be \(wanted) but got \(value.typeName)")
  }

  static func string(_ list: [RegoValue], _ place: Int) throws -> String {
    guard case .string(let text) = list[place] else { throw fault(place, "string", list[place]) }
    return text
  }

  static func number(_ list: [RegoValue], _ place: Int) throws -> RegoNumber {
    guard case .number(let number) = list[place] else { throw fault(place, "number", list[place]) }
    return number
  }

  static func whole(_ list: [RegoValue], _ place: Int) throws -> Int {
    let number = try number(list, place)
    guard let whole = number.int else {
      throw EvaluationError(.type, "operand \(place + 1) must be integer number but got floating-point number")
    }
    return whole
  }

  static func array(_ list: [RegoValue], _ place: Int) throws -> [RegoValue] {
    guard case .array(let elements) = list[place] else { throw fault(place, "array", list[place]) }
    return elements
  }

  static func set(_ list: [RegoValue], _ place: Int) throws -> RegoSet {
    guard case .set(let set) = list[place] else { throw fault(place, "set", list[place]) }
    return set
  }

  static func object(_ list: [RegoValue], _ place: Int) throws -> RegoObject {
    guard case .object(let object) = list[place] else { throw fault(place, "object", list[place]) }
    return object
  }

  /// The elements of an array or set.
  static func elements(_ list: [RegoValue], _ place: Int) throws -> [RegoValue] {
    switch list[place] {
    case .array(let elements): return elements
    case .set(let set): return set.elements
    default: throw fault(place, "one of {array, set}", list[place])
    }
  }

  /// The texts of an array or set.
  static func strings(_ list: [RegoValue], _ place: Int) throws -> [String] {
    try elements(list, place).map { element in
      guard case .string(let text) = element else {
        throw EvaluationError(.type, "operand \(place + 1) must be array of strings but got \(element.typeName)")
      }
      return text
    }
  }
}
