internal import AgentTools
internal import JSON

/// The computations of the tools of texts and documents, by name.
enum TextComputations {
  private static let one = [(text: "text", artefact: "artefact")]
  /// Largest result of a computation; the tool's own limit cuts what the model gets.
  private static let resultBytesMax = 8 << 20
  private static let limits = JSONLimits(depthMax: 64, bytesMax: 8 << 20, nodesMax: 1_000_000)

  static let all: [String: TextExecutor.Computation] = [
    "text_search": text { text, arguments in
      TextSearch.run(
        text, pattern: arguments["pattern"]?.string ?? "",
        kind: arguments["kind"]?.string.flatMap { TextSearch.Kind(rawValue: $0) } ?? .substring,
        ignoresCase: arguments["ignore_case"]?.bool ?? false, contextLines: whole(arguments["context_lines"]) ?? 0,
        matchesMax: whole(arguments["matches_max"]) ?? 100)
    },
    "text_lines": text { text, arguments in
      TextLines.run(text, first: whole(arguments["first"]) ?? 1, last: whole(arguments["last"]))
    },
    "text_replace": text { text, arguments in
      TextLines.replace(
        text, arguments["find"]?.string ?? "", by: arguments["replacement"]?.string ?? "",
        occurrencesMax: whole(arguments["occurrences_max"]), bytesMax: resultBytesMax)
    },
    "text_diff": TextExecutor.Computation(
      inputs: [(text: "before", artefact: "before_artefact"), (text: "after", artefact: "after_artefact")]
    ) { texts, arguments in
      guard texts.count == 2 else { return .failure(.internalError, "two texts are needed") }
      return result(
        TextDiff.run(texts[0], texts[1], contextLines: whole(arguments["context_lines"]) ?? 3).map {
          $0.isEmpty ? "the texts are equal" : $0
        })
    },
    "json_query": json { document, arguments in JSONQuery.run(document, arguments["path"]?.string ?? "") },
    "json_set": json { document, arguments in
      JSONEdit.run(document, pointer: arguments["pointer"]?.string ?? "", value: arguments["value"])
    },
    "json_validate": TextExecutor.Computation(inputs: one) { texts, arguments in
      guard let schema = arguments["schema"] else { return .failure(.invalidArguments, "the schema is missing") }
      return parsed(texts) { result(JSONCheck.run($0, schema: schema)) }
    },
    "csv_to_json": TextExecutor.Computation(inputs: one) { texts, arguments in
      data(
        CSV.toJSON(
          texts.first ?? "", separator: separator(arguments), hasHeader: arguments["header"]?.bool ?? true,
          readsNumbers: arguments["numbers"]?.bool ?? false))
    },
    "json_to_csv": TextExecutor.Computation(inputs: one) { texts, arguments in
      parsed(texts) { result(CSV.fromJSON($0, separator: separator(arguments))) }
    },
  ]

  private static func whole(_ view: JSONView?) -> Int? { view?.whole(in: 0...(1 << 40)).map { Int($0) } }

  private static func separator(_ arguments: JSONView) -> UInt8 {
    arguments["separator"]?.string?.utf8.first ?? UInt8(ascii: ",")
  }

  private static func result(_ outcome: Result<String, ComputeError>) -> ToolResult {
    switch outcome {
    case .success(let text): ToolResult(text: text)
    case .failure(let error): .failure(.invalidArguments, error.message)
    }
  }

  private static func data(_ outcome: Result<[UInt8], ComputeError>) -> ToolResult {
    switch outcome {
    case .success(let bytes): ToolResult(text: String(decoding: bytes, as: UTF8.self), data: bytes)
    case .failure(let error): .failure(.invalidArguments, error.message)
    }
  }

  private static func parsed(_ texts: [String], _ body: (JSONView) -> ToolResult) -> ToolResult {
    do throws(JSONError) {
      return body(try JSONDocument(parsing: texts.first ?? "", limits: limits).root)
    } catch { return .failure(.invalidArguments, "the text is not JSON: \(error)") }
  }

  private static func text(
    _ run: @escaping @Sendable (String, JSONView) -> Result<String, ComputeError>
  ) -> TextExecutor.Computation {
    TextExecutor.Computation(inputs: one) { texts, arguments in result(run(texts.first ?? "", arguments)) }
  }

  private static func json(
    _ run: @escaping @Sendable (JSONView, JSONView) -> Result<[UInt8], ComputeError>
  ) -> TextExecutor.Computation {
    TextExecutor.Computation(inputs: one) { texts, arguments in parsed(texts) { data(run($0, arguments)) } }
  }
}
