extension BuiltIns {
  static let regularExpressions: [BuiltIn] = []
  static let globs: [BuiltIn] = []
  static let encodings: [BuiltIn] = []
  static let hashes: [BuiltIn] = []
  static let units: [BuiltIn] = []
  static let semanticVersions: [BuiltIn] = []
  static let networks: [BuiltIn] = []
  static let times: [BuiltIn] = [BuiltIn("time.now_ns", 0) { _, evaluator in .number(.int(Int128(evaluator.now))) }]
  static let jsonEditing: [BuiltIn] = []
  static let tokens: [BuiltIn] = []
}
