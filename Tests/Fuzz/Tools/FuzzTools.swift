/// What models, servers and pages send to the tools. The first byte chooses: arguments, addresses, pages, tables,
/// patterns. Nothing traps, everything ends, and what is refused once is never let through by another way. Built as one
/// module with the sources; see run.sh.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTools(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 1 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  let text = String(decoding: bytes, as: UTF8.self)
  switch start.pointee % 5 {
  case 0: fuzzArguments(text)
  case 1: fuzzAddresses(text)
  case 2: fuzzPages(bytes, text)
  case 3: fuzzTables(text)
  default: fuzzPatterns(text)
  }
  return 0
}

private let schemas: [(ToolDefinition, CompiledToolSchema)] = BuiltInTools.all.compactMap { definition in
  CompiledToolSchema(definition).map { (definition, $0) }
}

private func fuzzArguments(_ text: String) {
  for (definition, schema) in schemas {
    switch ToolArguments.read(text, for: definition, schema: schema) {
    case .success(let document):
      precondition(document.root.kind == .object, "arguments are an object")
      precondition(schema.accepts(document.root), "what is taken fits the schema")
      // What was understood once is understood in the same way again.
      let again = ToolArguments.read(String(decoding: document.bytes, as: UTF8.self), for: definition, schema: schema)
      guard case .success(let same) = again, same.bytes == document.bytes else { fatalError("not settled by one pass") }
    case .failure(let error): precondition(!error.message.isEmpty, "a refusal says why")
    }
  }
  precondition(ToolDigest.digest("a", text).utf8.count == 64)
  switch CalculatorTool.evaluate(text) {
  case .success(let value): precondition(!value.isEmpty)
  case .failure(let error): precondition(!error.message.isEmpty)
  }
}

private let rules = FetchRules(hosts: [HostPattern("*"), HostPattern("127.0.0.1")].compactMap { $0 })

private func fuzzAddresses(_ text: String) {
  if let pattern = HostPattern(text) {
    precondition(pattern == HostPattern(text.lowercased()), "patterns have no case")
  }
  if let address = WebAddress(text) {
    precondition(WebAddress(address.description) == address, "an address reads as it is written")
  }
  let parts = text.split(separator: "\n", maxSplits: 1)
  guard let first = parts.first, case .success(let target) = rules.target(String(first)) else { return }
  let written = target.url.description
  precondition(written.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "what is sent is plain")
  precondition(!written.contains("@") || written.drop { $0 != "/" }.dropFirst(2).contains("/"), "no user")
  precondition(target.host.address == nil || target.host.text == "127.0.0.1", "addresses are named exactly")
  guard case .success(let again) = rules.target(written), again == target else { fatalError("read as another one") }
  if parts.count == 2, case .success(let next) = rules.redirect(from: target, to: String(parts[1])) {
    precondition(next.url.isSecure || !target.url.isSecure, "never from https to http")
    precondition(next.host.address == nil || next.host.text == "127.0.0.1", "addresses are named exactly")
  }
}

private func fuzzPages(_ bytes: [UInt8], _ text: String) {
  for bytesMax in [64, 100_000] {
    let page = HTMLText.convert(text, bytesMax: bytesMax)
    precondition(page.utf8.count <= bytesMax, "pages are bounded")
  }
  for type in [nil, "text/plain; charset=utf-16le", "text/plain;charset=windows-1252", text] {
    _ = ContentKind.decode(bytes, contentType: type)
    _ = ContentKind(type)
  }
  let cut = ResultCut.cut(text, bytesMax: 50, pointer: "p")
  precondition(cut.utf8.count <= 50 || text.utf8.count <= 50, "results are bounded")
}

private func fuzzTables(_ text: String) {
  for hasHeader in [true, false] {
    guard case .success(let json) = CSV.toJSON(text, separator: 44, hasHeader: hasHeader, readsNumbers: true) else {
      continue
    }
    guard let document = try? JSONDocument(parsing: json) else { fatalError("a table is no JSON") }
    guard case .success(let csv) = CSV.fromJSON(document.root, separator: 44),
      case .success(let again) = CSV.toJSON(csv, separator: 44, hasHeader: hasHeader, readsNumbers: true)
    else { continue }
    precondition((try? JSONDocument(parsing: again)) != nil)
  }
  let parts = text.split(separator: "\n", maxSplits: 1).map(String.init)
  guard parts.count == 2, let document = try? JSONDocument(parsing: parts[1]) else { return }
  if case .success(let found) = JSONQuery.run(document.root, parts[0]) {
    precondition((try? JSONDocument(parsing: found)) != nil, "what is found is JSON")
  }
  if case .success(let changed) = JSONEdit.run(document.root, pointer: parts[0], value: document.root) {
    // Put into itself it is deeper than either.
    precondition((try? JSONDocument(parsing: changed, limits: JSONLimits(depthMax: 400))) != nil, "what is set is JSON")
  }
}

private func fuzzPatterns(_ text: String) {
  let parts = text.split(separator: "\n", maxSplits: 1).map(String.init)
  guard parts.count == 2 else { return }
  for kind in [TextSearch.Kind.substring, .glob, .regex] {
    for ignoresCase in [false, true] {
      _ = TextSearch.run(
        String(parts[1].prefix(2000)), pattern: String(parts[0].prefix(200)), kind: kind, ignoresCase: ignoresCase,
        contextLines: 1, matchesMax: 10)
    }
  }
  let halves = parts[1].split(separator: "\u{1}", maxSplits: 1).map(String.init)
  _ = TextDiff.run(halves.first ?? "", halves.last ?? "", contextLines: 2)
  _ = TextLines.run(parts[1], first: 1, last: parts[0].utf8.count)
  _ = TextLines.replace(parts[1], parts[0], by: "x", occurrencesMax: nil, bytesMax: 10_000)
}
