// Feeds arbitrary modules to the parser, the planner and the evaluator of Rego: the text, and behind a line `---` an
// input. Built as one module with the sources; see run.sh.
//
// Nothing traps, every fault has a place in the text, an evaluation ends within its bounds, and the same question gets
// the same answer, watched or not.

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPolicy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let mark = Array("\n---\n".utf8)
  let place = bytes.indices.first { bytes[$0...].starts(with: mark) }
  let text = Array(bytes[..<(place ?? bytes.count)])
  let input = place.flatMap { try? JSONDocument(parsing: Array(bytes[($0 + mark.count)...])) }.map {
    RegoValue($0.root)
  }
  let program: PolicyProgram
  do throws(PolicyError) {
    program = try PolicyProgram([("fuzz.rego", text)])
  } catch {
    precondition(!error.message.isEmpty, "a refusal says why")
    precondition(error.place.line >= 1 && error.place.column >= 1, "a fault has a place")
    return 0
  }
  let first = answer(program, input, nil)
  precondition(first == answer(program, input, nil), "the same question has the same answer")
  precondition(first == answer(program, input, Watcher()), "an observer changes nothing")
  _ = program.traits(at: [])
  return 0
}

private final class Watcher: EvaluationObserver {
  func observe(_ event: EvaluationEvent, at site: PolicySite) {
    precondition(site.place.line >= 1, "a site has a place")
  }
}

private func answer(_ program: PolicyProgram, _ input: RegoValue?, _ observer: Watcher?) -> String {
  var limits = EvaluationLimits()
  limits.stepsMax = 5_000
  limits.elementsMax = 1_000
  limits.textBytesMax = 10_000
  limits.madeBytesMax = 1 << 20
  do {
    return try program.document(at: [], input: input, now: 0, limits: limits, observer: observer)?.json ?? "undefined"
  } catch {
    precondition(!error.message.isEmpty, "a failure says why")
    return error.code.rawValue
  }
}
