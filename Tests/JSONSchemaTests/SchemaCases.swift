import JSON
import JSONSchema
import Testing

/// One schema with values that fit it and values that do not.
struct SchemaCase: Sendable, CustomTestStringConvertible {
  let schema: String
  let good: [String]
  let bad: [String]

  init(_ schema: String, good: [String] = [], bad: [String] = []) {
    self.schema = schema
    self.good = good
    self.bad = bad
  }

  var testDescription: String { schema }

  func compiled(_ options: SchemaOptions = SchemaOptions()) throws -> CompiledSchema {
    try CompiledSchema(try JSONDocument(parsing: schema).root, options: options)
  }
}

/// Parses a value of a test.
func value(_ text: String) throws -> JSONView { try JSONDocument(parsing: text).root }

func compile(_ text: String, _ options: SchemaOptions = SchemaOptions()) throws -> CompiledSchema {
  try CompiledSchema(try JSONDocument(parsing: text).root, options: options)
}
