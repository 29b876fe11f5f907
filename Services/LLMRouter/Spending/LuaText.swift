internal import Redis

/// A code of a script's answer: in the text of a script it stands for its number.
protocol LuaNumber: RawRepresentable, CustomStringConvertible where RawValue == Int64 {}

extension LuaNumber {
  /// The number.
  var description: String { String(rawValue) }
}

/// The arguments that a script gets for each of its subjects (a key, or a group of keys), in the order of the cases. In
/// the text of a script a case stands for the argument of subject `i`.
protocol ScriptField: CaseIterable, Hashable, CustomStringConvertible {}

extension ScriptField {
  /// How many arguments a subject has.
  static var count: Int { allCases.count }

  /// The argument of subject `i`, `ARGV[i * 4 - 3]`.
  var description: String {
    let position = Self.allCases.enumerated().first { $0.element == self }.map { $0.offset } ?? 0
    return "ARGV[i * \(Self.count) - \(Self.count - 1 - position)]"
  }

  /// The first argument behind those of all keys.
  static var next: String { "ARGV[#KEYS * \(count) + 1]" }

  /// The arguments of one subject.
  static func arguments(_ value: (Self) -> RedisArgument) -> [RedisArgument] { allCases.map(value) }
}
