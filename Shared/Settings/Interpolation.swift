/// `${NAME}` and `${NAME:-default}` in the scalars of a configuration file.
///
/// `$${` stands for a literal `${`; any other `$` is itself. A variable's value is inserted as it is and not read
/// again, so nothing can expand twice. The default serves when the variable is unset or empty and may not contain `}`.
struct Interpolation {
  /// Bytes that all expansions of one file may produce together.
  static let expandedBytesMaximum = 4 * 1024 * 1024

  /// `nil` for documents in which `$` means nothing.
  let environment: [String: String]?
  /// The variables that were named, set or not.
  private(set) var names: Set<String> = []
  private var bytesLeft = Interpolation.expandedBytesMaximum

  init(environment: [String: String]?) { self.environment = environment }

  /// What a scalar becomes, or why it cannot.
  enum Outcome: Equatable {
    /// Nothing to do.
    case unchanged
    case expanded(String)
    case fault(SettingsFault.Code, String)
  }

  mutating func expand(_ text: String) -> Outcome {
    guard environment != nil, text.utf8.contains(UInt8(ascii: "$")) else { return .unchanged }
    var result = ""
    var rest = text[...]
    var changed = false
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...]
      if rest.hasPrefix("$${") {
        result += "${"
        rest = rest.dropFirst(3)
        changed = true
      } else if rest.hasPrefix("${") {
        guard let close = rest.firstIndex(of: "}") else {
          return .fault(.interpolation, "${ without }; write $${ for a literal ${")
        }
        switch value(of: rest[rest.index(dollar, offsetBy: 2)..<close]) {
        case .success(let value): result += value
        case .failure(let fault): return .fault(.interpolation, fault.message)
        }
        rest = rest[rest.index(after: close)...]
        changed = true
      } else {
        result += "$"
        rest = rest.dropFirst()
      }
      if result.utf8.count > bytesLeft { break }
    }
    guard changed else { return .unchanged }
    result += rest
    bytesLeft -= result.utf8.count
    if bytesLeft < 0 {
      return .fault(.limit, "the variables expand to more than \(Self.expandedBytesMaximum) bytes in total")
    }
    return .expanded(result)
  }

  private struct Malformed: Error { let message: String }

  private mutating func value(of expression: Substring) -> Result<String, Malformed> {
    var name = String(expression)
    var fallback: Substring?
    if let colon = expression.firstIndex(of: ":") {
      let tail = expression[colon...]
      guard tail.hasPrefix(":-") else {
        return .failure(Malformed(message: "only ${NAME} and ${NAME:-default} are understood"))
      }
      name = String(expression[..<colon])
      fallback = tail.dropFirst(2)
    }
    guard Self.isName(name) else {
      return .failure(Malformed(message: "${…} must hold the name of an environment variable"))
    }
    names.insert(name)
    let environment = environment ?? [:]
    let value = environment[name]
    if let fallback { return .success(value.flatMap { $0.isEmpty ? nil : $0 } ?? String(fallback)) }
    guard let value else {
      let hint = NearestName.hint(for: name, among: environment.keys)
      return .failure(
        Malformed(message: "the variable \(name) is not set\(hint) (write ${\(name):-default} to allow that)"))
    }
    return .success(value)
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
    return text.utf8.count <= 256
      && text.utf8.allSatisfy {
        $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF)
      }
  }
}
