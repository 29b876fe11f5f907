// Feeds arbitrary bytes to the configuration reader. Built as one module with the sources of Settings, from the package
// root:
//
//   swiftc -O -sanitize=fuzzer,address -parse-as-library -swift-version 6 -I Shared/CLibraries/CYAML \
//     Shared/Settings/*.swift Tests/Fuzz/Settings/FuzzYAML.swift -o fuzz-yaml
//   ./fuzz-yaml -max_len=4096 -max_total_time=60 corpus Tests/Fuzz/Settings/seeds
//
// The address sanitizer's leak check proves that no libyaml event outlives an error.

private let table = SettingsTable([
  Setting("http.port", .int(in: 1...65_535), default: 8080, "A port."),
  Setting("http.body_bytes", .bytes(in: 1...(1 << 30)), default: 1024, "A size."),
  Setting("log.level", .word(from: ["debug", "info"]), default: "info", "A word."),
  Setting("trace.endpoint", .optional(.url()), default: nil, "An address."),
  Setting("tags", .strings(), default: [], "A list."),
  Setting("providers", .list(of: .dictionary(of: .number(in: 0...1))), default: [], "A structure."),
])

/// One input of the fuzzer. Faults are expected, crashes and leaks are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzYAML(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let environment = ["X": "1", "EMPTY": "", "CADRE_TAGS": "a,b"]
  do {
    _ = try ConfigNode(yaml: bytes, path: "input", environment: environment)
  } catch {
    precondition(!error.faults.isEmpty, "an error names at least one fault")
    precondition(!error.description.isEmpty)
  }
  var loader = SettingsLoader(table: table, sources: SettingsSources(environment: environment))
  loader.readDocument(bytes, path: "input")
  if let settings = try? loader.finish() { precondition(settings.redactedDump.count == table.rows.count) }
  // The text also serves as a scalar, a variable and an option, which need not be valid YAML.
  let text = String(decoding: bytes, as: UTF8.self)
  _ = ServiceURL(text)
  _ = ConfigScalar(plain: text).value
  _ = try? table.load(
    SettingsSources(
      environment: ["CADRE_HTTP_BODY_BYTES": text, "CADRE_TRACE_ENDPOINT": text],
      overrides: [SettingsOverride(key: text, value: text)]))
  return 0
}
