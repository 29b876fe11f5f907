/// What an answer has come to: whether there is anything in it to go on with.
public struct AnswerOutcome: Sendable, Hashable {
  /// Text, or the text of a refusal; white space is none.
  public var hasText = false
  /// Tools are called.
  public var hasCalls = false
  /// Thoughts, seen or encrypted.
  public var hasThoughts = false
  /// Why it ended; nil when nobody has said.
  var finish: AnswerFinish?

  /// Nothing has come.
  public init() {}

  /// Neither text nor calls: thoughts alone are no answer.
  public var isEmpty: Bool { !hasText && !hasCalls }
  /// A content filter, or the model itself, withheld the rest.
  public var isFiltered: Bool { finish == .filtered }
  /// It was cut at the bound of its tokens.
  public var isCut: Bool { finish == .length }
}
