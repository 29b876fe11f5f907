package import Contracts
internal import HTTPWire
package import JSON
internal import JSONSchema
internal import Primitives

/// A tool that a user uploads: what models and policies see of it, and what carries it out.
package struct ToolManifest: Sendable {
  /// What stands for a server's tools in their names, so that no other tool has it.
  private static let serverMark = "__"
  private static let timeoutMilliseconds: Int64 = 30_000
  private static let resultBytes: Int64 = 32 << 10
  private static let wasmHead: [UInt8] = [0x00, 0x61, 0x73, 0x6D, 0x01, 0x00, 0x00, 0x00]

  package let definition: ToolDefinition
  package let runtime: ToolRuntime
  package let source: [UInt8]

  /// Reads `{"manifest": {...}, "source": "..."}` or, for bytes, `source_base64`. Throws every fault of it.
  package init(_ root: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(root)
    var definition: ToolDefinition?
    var runtime: ToolRuntime?
    _ = fields.object("manifest", isRequired: true) { fields in
      (definition, runtime) = ToolManifest.read(&fields)
    }
    let source = ToolManifest.source(&fields)
    if let runtime, let source, let fault = ToolManifest.fault(of: source, runtime) {
      fields.note(runtime == .wasm ? "source_base64" : "source", .malformed, fault)
    }
    try fields.finish()
    guard let definition, let runtime, let source else {
      throw JSONFieldsError(of: .init(pointer: "", code: .required, detail: ""))
    }
    self.definition = definition
    self.runtime = runtime
    self.source = source
  }

  /// Names that agents know without a definition in the registry.
  private static let agentNames: Set<String> = ["update_beliefs", "calculate"]

  private static func read(_ fields: inout JSONFields) -> (ToolDefinition?, ToolRuntime?) {
    let name = fields.string("name", isRequired: true, bytesMax: ToolDefinition.nameBytesMax)
    if let name {
      if !ToolDefinition.isName(name) || name.contains(serverMark) {
        fields.note("name", .malformed, "Letters, digits, _ and - are expected, without two _ in a row.")
      } else if BuiltInTools.named(name) != nil || agentNames.contains(name) {
        fields.note("name", .notAllowed, "A built-in tool has this name.")
      }
    }
    let description = fields.string("description", isRequired: true, bytesMax: ToolDefinition.descriptionBytesMax)
    let runtime = fields.string(
      "runtime", isRequired: true, bytesMax: 20, allowed: ToolRuntime.allCases.map(\.rawValue))
    let risk = fields.string("risk", bytesMax: 20, allowed: ToolRisk.allCases.map(\.rawValue))
    let isIdempotent = fields.bool("idempotent")
    let isVolatile = fields.bool("volatile")
    let timeout = fields.int("timeout_ms", in: 1...ToolDefinition.timeoutMillisecondsMax)
    let result = fields.int("result_bytes_max", in: 1...ToolDefinition.resultBytesLimit)
    let parameters = fields.value("parameters", isRequired: true)
    if let parameters, let fault = fault(of: parameters) { fields.note("parameters", .malformed, fault) }
    guard let name, let description, let parameters else { return (nil, nil) }
    return (
      ToolDefinition(
        name: name, description: description, parameters: parameters.canonicalBytes(),
        risk: risk.flatMap { ToolRisk(rawValue: $0) } ?? .execute, isIdempotent: isIdempotent ?? false,
        isVolatile: isVolatile ?? false, timeoutMilliseconds: timeout ?? timeoutMilliseconds,
        resultBytesMax: result ?? resultBytes, source: .user),
      runtime.flatMap { ToolRuntime(rawValue: $0) }
    )
  }

  /// What is wrong with the schema of the parameters.
  private static func fault(of schema: JSONView) -> String? {
    guard schema.kind == .object, schema["type"]?.string == "object" else {
      return "A JSON Schema (draft 2020-12) with \"type\": \"object\" is expected."
    }
    guard schema.rawBytes.count <= ToolDefinition.parametersBytesMax else {
      return "At most \(ToolDefinition.parametersBytesMax) bytes are allowed."
    }
    do {
      _ = try CompiledSchema(schema)
      return nil
    } catch { return "It is no JSON Schema (draft 2020-12): \(error.description)" }
  }

  private static func source(_ fields: inout JSONFields) -> [UInt8]? {
    let bytesMax = WorkspaceLimits.toolSourceBytesMax
    let text = fields.string("source", bytesMax: bytesMax)
    guard let coded = fields.string("source_base64", bytesMax: (bytesMax + 2) / 3 * 4) else {
      if text == nil, fields.faults.isEmpty {
        fields.note("source", .required, "The source is expected, as a text or as source_base64.")
      }
      return text.map { Array($0.utf8) }
    }
    if text != nil { fields.note("source", .notAllowed, "Either source or source_base64 is expected.") }
    guard let bytes = Base64.decode(coded), !bytes.isEmpty else {
      fields.note("source_base64", .malformed, "Base64 with padding is expected.")
      return nil
    }
    return bytes
  }

  /// What is wrong with a source: whether it runs is found out in the sandbox, and only there.
  private static func fault(of source: [UInt8], _ runtime: ToolRuntime) -> String? {
    switch runtime {
    case .wasm:
      return source.starts(with: wasmHead) ? nil : "A WebAssembly module in binary form, version 1, is expected."
    case .python, .javascript:
      guard !source.contains(0), String(validating: source, as: UTF8.self) != nil else {
        return "A text in UTF-8 without U+0000 is expected."
      }
      return nil
    }
  }
}
