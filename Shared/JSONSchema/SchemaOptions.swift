/// How schemas are read and what checking may cost.
public struct SchemaOptions: Hashable, Sendable {
  /// What `format` does.
  public enum Formats: Hashable, Sendable {
    /// It says something to people and refuses nothing, as the draft has it by default.
    case annotation
    /// The formats of the draft are required; others refuse nothing.
    case assertion
  }

  /// What a keyword does that the draft does not have.
  public enum UnknownKeywords: Hashable, Sendable {
    /// It is an annotation, as the draft has it.
    case annotation
    /// The schema is refused, so that a misspelled keyword is noticed.
    case refused
  }

  /// What `format` does.
  public var formats = Formats.annotation
  /// What unknown keywords do.
  public var unknownKeywords = UnknownKeywords.annotation
  /// Subschemas of a schema.
  public var subschemasMax = 10_000
  /// Subschemas inside each other.
  public var schemaDepthMax = 64
  /// Violations that are reported; the search ends there.
  public var violationsMax = 20
  /// Subschemas that are applied inside each other while a value is checked. Bounds the stack.
  public var evaluationDepthMax = 256
  /// Steps of one check: subschemas applied, members and elements visited, characters matched.
  public var stepsMax = 2_000_000

  /// The defaults.
  public init() {}
}
