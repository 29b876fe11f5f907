internal import JSON
package import Policy

/// Modules and data, read from files.
package struct PolicySources: Sendable {
  /// A module.
  package struct Module: Sendable {
    /// The path of its file.
    package let file: String
    /// Its text.
    package let text: [UInt8]

    /// Makes a module.
    package init(file: String, text: [UInt8]) {
      self.file = file
      self.text = text
    }

    /// Whether it holds tests.
    package var isTest: Bool { file.hasSuffix("_test.rego") }

    /// A line of it, without what stands before and behind.
    package func line(_ number: Int) -> String {
      let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
      guard number >= 1, number <= lines.count else { return "" }
      let blanks: [UInt8] = [0x20, 0x09, 0x0D]
      let line = lines[number - 1].drop { blanks.contains($0) }
      return String(decoding: line.prefix(200), as: UTF8.self)
    }
  }

  /// The modules, by file.
  package var modules: [Module]
  /// The base documents.
  package private(set) var data: RegoValue

  /// Makes sources.
  package init(modules: [Module] = [], data: RegoValue = .object(RegoObject())) {
    self.modules = modules
    self.data = data
  }

  /// What a program is made of, without tests where none are wanted.
  package func texts(withTests: Bool) -> [(file: String, text: [UInt8])] {
    modules.filter { withTests || !$0.isTest }.map { ($0.file, $0.text) }
  }

  /// Adds a JSON document below `data`. Throws a sentence for text that is no JSON object, and where two documents say
  /// different things of the same member.
  package mutating func add(_ json: [UInt8], at path: [String], from file: String) throws(PolicySourceError) {
    let value: RegoValue
    do { value = RegoValue(try JSONDocument(parsing: json).root) } catch {
      throw PolicySourceError("\(file): \(error)")
    }
    guard case .object = value else { throw PolicySourceError("\(file): a JSON object is expected") }
    let placed = path.reversed().reduce(value) { inner, name in .object(RegoObject([(.string(name), inner)])) }
    data = try PolicySources.merged(data, placed, file, [])
  }

  private static func merged(
    _ left: RegoValue, _ right: RegoValue, _ file: String, _ path: [String]
  ) throws(PolicySourceError) -> RegoValue {
    guard case .object(var object) = left, case .object(let added) = right else {
      guard left == right else {
        throw PolicySourceError("\(file): data.\(path.joined(separator: ".")) is there already")
      }
      return left
    }
    for place in 0..<added.count {
      let (key, value) = (added.keys[place], added.values[place])
      guard let known = object[key] else {
        object.set(key, value)
        continue
      }
      object.set(key, try merged(known, value, file, path + [key.string ?? key.json]))
    }
    return .object(object)
  }
}

/// Files cannot be used.
package struct PolicySourceError: Error, CustomStringConvertible {
  /// What is wrong.
  package let description: String

  /// Makes an error.
  package init(_ description: String) { self.description = description }
}
