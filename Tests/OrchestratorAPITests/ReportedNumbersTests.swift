import Decider
import JSON
import OrchestratorAPI
import Testing

@Suite struct ReportedNumbersTests {
  @Test(arguments: [
    ("7", 7), ("-1", 0), ("1.5", 1), ("1e30", 9_007_199_254_740_992), ("99999999999999999999", 9_007_199_254_740_992),
    ("-1e400", 0), ("9007199254740993", 9_007_199_254_740_992),
  ])
  func `a number becomes the nearest count that can be stored`(text: String, count: Int64) throws {
    let document = try JSONDocument(parsing: "{\"n\": \(text)}")
    var fields = JSONFields(document.root)
    var numbers = ReportedNumbers()
    #expect(numbers.count("n", &fields) == count)
    #expect(numbers.changed.isEmpty == (text == "7"))
    try fields.finish()
  }

  @Test func `what is no number is a fault`() throws {
    let document = try JSONDocument(parsing: #"{"n": "7"}"#)
    var fields = JSONFields(document.root)
    var numbers = ReportedNumbers()
    #expect(numbers.count("n", &fields) == 0)
    #expect(fields.faults.count == 1)
  }

  @Test func `text is cut between characters and loses U+0000`() throws {
    let document = try JSONDocument(parsing: #"{"t": "ab\u0000é"}"#)
    var fields = JSONFields(document.root)
    #expect(fields.storable("t", bytesMax: 100) == "ab\u{FFFD}é")
    var short = JSONFields(document.root)
    #expect(short.storable("t", bytesMax: 6) == "ab\u{FFFD}")
  }
}

@Suite struct WorkerFailureTests {
  @Test(arguments: [
    ("empty_answer", NextAttempt.continues), ("rate_limited", nil), ("provider_overloaded", nil),
    ("storage_unavailable", nil), ("something_else", .anew),
  ])
  func `the code of a failure says how the next attempt begins`(code: String, next: NextAttempt?) {
    #expect(Failure(ofWorker: code, message: "m", isRetryable: true).next == next)
  }
}
