/// Words and `--name value` pairs of a command line.
struct Options {
  private var values: [String: [String]] = [:]
  private(set) var words: [String] = []

  /// Reads the arguments. Throws a sentence for what is not known.
  init(_ arguments: [String], valued: Set<String>, flags: Set<String> = []) throws(OptionError) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      // What follows are words, also those that look like options.
      if argument == "--" {
        words += rest
        return
      }
      guard argument.hasPrefix("--") else {
        words.append(argument)
        continue
      }
      let parts = argument.dropFirst(2).split(separator: "=", maxSplits: 1).map(String.init)
      let name = parts.first ?? ""
      if flags.contains(name), parts.count == 1 {
        values[name] = ["yes"]
      } else if valued.contains(name) {
        guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
          throw OptionError(description: "--\(name) needs a value")
        }
        values[name, default: []].append(value)
      } else {
        throw OptionError(description: "there is no option \(argument); see cadre --help")
      }
    }
  }

  /// The last value of an option.
  subscript(_ name: String) -> String? { values[name]?.last }

  /// All values of an option that may stand several times.
  func all(_ name: String) -> [String] { values[name] ?? [] }

  /// A whole number within a range.
  func number(_ name: String, default standard: Int, in range: ClosedRange<Int>) throws(OptionError) -> Int {
    guard let text = self[name] else { return standard }
    guard let value = Int(text), range.contains(value) else {
      throw OptionError(description: "--\(name) takes a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}

/// The command line is not understood.
struct OptionError: Error, CustomStringConvertible {
  let description: String
}
