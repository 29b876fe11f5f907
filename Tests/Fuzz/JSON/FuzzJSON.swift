// Feeds arbitrary bytes to the JSON reader. Built as one module with the sources of JSON, from the package root:
//
//   swiftc -O -sanitize=fuzzer,address -parse-as-library -swift-version 6 \
//     Shared/JSON/*.swift Tests/Fuzz/JSON/FuzzJSON.swift -o fuzz-json
//   SWIFT_BACKTRACE=enable=no ./fuzz-json -max_len=4096 -max_total_time=60 corpus Tests/Fuzz/JSON/seeds
//
// The runtime's own backtracer is off because it can hang beside the sanitizer's.
//
// Nothing traps; what parses is written again, parsed again, and stands for the same value.

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // Tight limits too, so that their paths are met by small inputs.
  _ = try? JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: 3, bytesMax: 64, nodesMax: 8))

  // What is understood leniently is strict JSON afterwards.
  if let lenient = try? JSONDocument(lenientlyParsing: bytes) {
    let again = reparsed(lenient.bytes)
    precondition(same(lenient.root, again.root), "a mended text is a valid one")
  }

  let document: JSONDocument
  do {
    document = try JSONDocument(parsing: bytes)
  } catch {
    precondition(error.offset >= 0 && error.offset <= bytes.count, "an error lies within the input")
    precondition(!error.description.isEmpty)
    return 0
  }
  inspect(document.root)

  var writer = JSONWriter()
  let value = JSONValue(document.root)
  value.write(to: &writer)
  let rewritten = reparsed(writer.bytes)
  precondition(same(document.root, rewritten.root), "what is written again is the same value")

  let raw = reparsed(Array(document.root.rawBytes))
  precondition(same(document.root, raw.root), "the bytes of a value stand for it")

  let canonical = value.canonicalBytes()
  _ = reparsed(canonical)
  precondition(canonical == JSONValue(document.root).canonicalBytes(), "the canonical form is deterministic")

  var fields = JSONFields(document.root)
  _ = fields.string("a", isRequired: true, bytesMax: 4)
  _ = fields.int("b", in: -5...5)
  _ = fields.double("c", in: 0...1)
  _ = fields.bool("d")
  _ = fields.strings("e", countMax: 3, bytesMax: 3)
  _ = fields.object("f") { $0.string("g", bytesMax: 8) }
  do {
    try fields.finish()
  } catch {
    precondition(!error.faults.isEmpty && error.faults.count <= 20, "faults are named and limited")
  }
  return 0
}

private func reparsed(_ bytes: [UInt8]) -> JSONDocument {
  do {
    return try JSONDocument(parsing: bytes)
  } catch {
    preconditionFailure("written JSON is refused: \(error)")
  }
}

/// Reads a value in every way there is, and compares the ways with each other.
private func inspect(_ view: JSONView) {
  precondition(!view.rawBytes.isEmpty)
  switch view.kind {
  case .null: precondition(view.isNull)
  case .true: precondition(view.bool == true)
  case .false: precondition(view.bool == false)
  case .number:
    if let int = view.int { precondition(view.double == Double(int), "both readings of an integer agree") }
  case .string:
    let text = view.string
    precondition(text.map { Array($0.utf8) } == view.withString { Array($0) }, "both readings of a string agree")
    precondition((text?.utf8.count ?? .max) <= (view.stringBytesMax ?? 0), "no value is longer than its source")
  case .array:
    let elements = Array(view.elements)
    precondition(elements.count == view.count)
    if let last = elements.last {
      precondition(view[elements.count - 1]?.rawBytes == last.rawBytes, "index and iteration agree")
    }
    precondition(view[elements.count] == nil && view[-1] == nil)
    for element in elements { inspect(element) }
  case .object:
    let members = Array(view.members)
    precondition(members.count == view.count)
    for member in members {
      let found = view[member.key.string ?? ""]
      precondition(found?.rawBytes == member.value.rawBytes, "lookup and iteration agree")
      inspect(member.value)
    }
  }
}

/// Whether two values are the same. Numbers are compared as `Double`, and one beyond `Double` may have become `null`.
private func same(_ left: JSONView, _ right: JSONView) -> Bool {
  if left.kind == .number, left.double == nil { return right.isNull || right.rawBytes == left.rawBytes }
  guard left.kind == right.kind, left.count == right.count else { return false }
  switch left.kind {
  case .null, .true, .false: return true
  case .number: return left.double == right.double && (left.int == nil || left.int == right.int)
  case .string: return left.withString { Array($0) } == right.withString { Array($0) }
  case .array: return zip(left.elements, right.elements).allSatisfy { same($0, $1) }
  case .object:
    return zip(left.members, right.members).allSatisfy { same($0.key, $1.key) && same($0.value, $1.value) }
  }
}
