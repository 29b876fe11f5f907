extension BuiltInTools {
  /// Where a text comes from: given in the call, or an artefact of the run.
  private static let textOrArtefact = """
    "text":{"type":"string","description":"The text. Give either text or artefact."},\
    "artefact":{"type":"string","description":"Name of an artefact of this run whose content is the text."}
    """

  static let computing: [ToolDefinition] = [
    tool(
      "calculator", .read,
      """
      Evaluates an arithmetic expression exactly as written and returns the number. Use it for every calculation. \
      Operators: + - * / % (remainder) ^ or ** (power) and parentheses. Functions: sqrt, abs, round, floor, ceil, \
      ln, log10, log2, exp, sin, cos, tan, min, max, sum, mean. Constants: pi, e. \
      Example: round(sqrt(2) * 100) / 100
      """,
      properties: """
        "expression":{"type":"string","minLength":1,"maxLength":1000,"description":"For example (3 + 4) * 2 ^ 10"}
        """, required: ["expression"]),
    tool(
      "current_time", .read,
      "Returns the present date and time in UTC (RFC 3339), the day of the week and Unix seconds.",
      properties: "", isVolatile: true),
  ]

  static let text: [ToolDefinition] = [
    tool(
      "text_search", .read,
      """
      Finds the lines of a text that match a pattern, with their line numbers. Use it on large artefacts instead of \
      reading them whole. Regular expressions are those of ECMAScript without back references and look-behind.
      """,
      properties: """
        \(textOrArtefact),"pattern":{"type":"string","minLength":1,"maxLength":2000},\
        "kind":{"type":"string","enum":["substring","glob","regex"],"default":"substring",\
        "description":"How the pattern is read. In a glob * stands for any characters and ? for one."},\
        "ignore_case":{"type":"boolean","default":false},\
        "context_lines":{"type":"integer","minimum":0,"maximum":20,"default":0},\
        "matches_max":{"type":"integer","minimum":1,"maximum":1000,"default":100}
        """, required: ["pattern"]),
    tool(
      "text_lines", .read,
      "Returns a range of lines of a text, and how many lines, words, characters and bytes it has.",
      properties: """
        \(textOrArtefact),"first":{"type":"integer","minimum":1,"default":1},\
        "last":{"type":"integer","minimum":1,"description":"Default: 200 lines from the first."}
        """),
    tool(
      "text_replace", .read,
      "Replaces every occurrence of a substring in a text and returns the new text. Matches are exact.",
      properties: """
        \(textOrArtefact),"find":{"type":"string","minLength":1,"maxLength":10000},\
        "replacement":{"type":"string","maxLength":10000},\
        "occurrences_max":{"type":"integer","minimum":1,"description":"Default: all."}
        """, required: ["find", "replacement"]),
    tool(
      "text_diff", .read,
      "Compares two texts line by line and returns a unified diff; nothing when they are equal.",
      properties: """
        "before":{"type":"string"},"after":{"type":"string"},\
        "before_artefact":{"type":"string","description":"Name of an artefact instead of before."},\
        "after_artefact":{"type":"string","description":"Name of an artefact instead of after."},\
        "context_lines":{"type":"integer","minimum":0,"maximum":20,"default":3}
        """),
  ]

  static let json: [ToolDefinition] = [
    tool(
      "json_query", .read,
      """
      Reads values out of a JSON document. The path is an RFC 6901 pointer such as /items/0/name, or a query such as \
      $.items[*].name. Queries know .name, ['name'], [0], [-1], [1:3], [*], .* and ..name. Returns the value of a \
      pointer, or the list of all values of a query.
      """,
      properties: """
        \(textOrArtefact),"path":{"type":"string","maxLength":1000}
        """, required: ["path"]),
    tool(
      "json_set", .read,
      """
      Sets, adds or removes one value of a JSON document by RFC 6901 pointer and returns the new document. A last part \
      of - appends to a list. Leave out value to remove.
      """,
      properties: """
        \(textOrArtefact),"pointer":{"type":"string","maxLength":1000},\
        "value":{"description":"Any JSON value."}
        """, required: ["pointer"]),
    tool(
      "json_validate", .read,
      "Checks a JSON document against a JSON Schema (draft 2020-12) and returns what is wrong with it, by pointer.",
      properties: """
        \(textOrArtefact),"schema":{"type":["object","boolean"]}
        """, required: ["schema"]),
    tool(
      "csv_to_json", .read,
      "Converts CSV (RFC 4180) to a list of JSON objects, one for each row, with the names of the first row.",
      properties: """
        \(textOrArtefact),"separator":{"type":"string","enum":[",",";","\\t","|"],"default":","},\
        "header":{"type":"boolean","default":true,"description":"false: each row becomes a list of its fields."},\
        "numbers":{"type":"boolean","default":false,"description":"true: fields that are numbers become numbers."}
        """),
    tool(
      "json_to_csv", .read,
      "Converts a list of JSON objects or of lists to CSV (RFC 4180). Columns are all names in order of appearance.",
      properties: """
        \(textOrArtefact),"separator":{"type":"string","enum":[",",";","\\t","|"],"default":","}
        """),
  ]
}
