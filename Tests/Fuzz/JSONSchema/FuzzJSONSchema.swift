// Feeds arbitrary documents `{"schema": ..., "value": ..., "pattern": ..., "text": ...}` to the compiler and the
// checker of schemas and to the matcher of regular expressions. Built as one module with the sources; see run.sh.
//
// Nothing traps, both ways to check agree, reports are bounded, and a limit never lets a value pass.

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONSchema(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let root = try? JSONDocument(parsing: bytes).root else { return 0 }
  var options = SchemaOptions()
  options.stepsMax = 50_000
  for formats in [SchemaOptions.Formats.annotation, .assertion] {
    options.formats = formats
    check(root["schema"] ?? root, root["value"] ?? root, options)
  }
  // A schema is a value too.
  check(root["value"] ?? root, root["schema"] ?? root, options)
  if let source = root["pattern"]?.string, let expression = try? RegularExpression(source) {
    _ = expression.matches(root["text"]?.string ?? source, stepsMax: 50_000)
  }
  return 0
}

private func check(_ schema: JSONView, _ value: JSONView, _ options: SchemaOptions) {
  let compiled: CompiledSchema
  do {
    compiled = try CompiledSchema(schema, options: options)
  } catch {
    precondition(!error.message.isEmpty, "a refusal says why")
    return
  }
  let violations = compiled.violations(of: value)
  precondition(violations.count <= options.violationsMax, "reports are bounded")
  precondition(violations.allSatisfy { !$0.description.isEmpty })
  // Within the steps both find the same.
  if !violations.contains(where: { $0.keyword == "limit" }) {
    precondition(compiled.accepts(value) == violations.isEmpty, "both ways agree")
  }
}
