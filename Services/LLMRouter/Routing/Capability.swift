/// What a model can do beyond text. The raw values are part of the API.
public enum Capability: String, Sendable, CaseIterable, Hashable {
  /// Calls tools.
  case tools
  /// Reads images.
  case vision
  /// Answers by a JSON schema.
  case jsonSchema = "json_schema"
  /// Thinks before it answers.
  case reasoning
  /// Makes embeddings; a model with this makes nothing else.
  case embeddings
}
