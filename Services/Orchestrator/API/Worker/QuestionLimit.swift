package import Contracts
internal import Primitives

/// How long a question to people waits for its answer when it does not say so itself.
package struct QuestionLimit: Hashable, Sendable {
  private let standard: Int64?

  /// Makes a limit; zero is none.
  package init(_ limit: Duration) { standard = limit > .zero ? limit.milliseconds : nil }

  /// The limit of a question in milliseconds; `nil` is none.
  package func milliseconds(of ask: StepAsk) -> Int64? {
    guard let own = ask.expiresMilliseconds else { return standard }
    return own > 0 ? own : nil
  }
}
