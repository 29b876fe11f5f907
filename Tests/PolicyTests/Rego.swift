import JSON

@testable import Policy

/// Asks small modules.
enum Rego {
  /// The value of `p` in rules of a package of their own, as JSON; `nil` when it is undefined. Strict questions
  /// throw what a built-in function says.
  static func value(
    _ rules: String, input: String? = nil, isStrict: Bool = false, now: Int64 = 1_700_000_000_000_000_000,
    limits: EvaluationLimits = EvaluationLimits()
  ) throws -> String? {
    let program = try PolicyProgram([("test.rego", Array("package test\n\(rules)\n".utf8))])
    return try program.answers(
      to: "data.test.p", input: try input.map { RegoValue(try JSONDocument(parsing: $0).root) }, now: now,
      limits: limits, isStrict: isStrict
    ).first?.value?.json
  }

  /// Why a strict question has no answer.
  static func error(
    _ rules: String, input: String? = nil, limits: EvaluationLimits = EvaluationLimits()
  ) throws -> EvaluationError? {
    do {
      _ = try value(rules, input: input, isStrict: true, limits: limits)
      return nil
    } catch let error as EvaluationError { return error }
  }
}
