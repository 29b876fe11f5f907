import Routing
import Testing

@Suite struct FailureTests {
  private func body(_ text: String) -> ErrorBody { ErrorBody(Array(text.utf8)) }

  @Test(arguments: [
    #"{"error":{"message":"too much","type":"t","code":"c"}}"#, #"{"error":"too much","code":"c"}"#,
    #"[{"error":{"code":429,"message":"too much","status":"C"}}]"#,
    #"{"error":{"error":{"message":"too much","code":"c"}}}"#,
    #"{"message":"too much","code":"c"}"#, #"{"detail":"too much","code":"c"}"#,
    #"{"detail":[{"loc":["body"],"msg":"too much","type":"c"}]}"#, #"{"errors":[{"message":"too much","code":"c"}]}"#,
    #"{"errors":["too much"],"code":"c"}"#, #"{"code":"c","error_description":"too much","error":"invalid"}"#,
    #"{"type":"error","error":{"type":"c","message":"too much"}}"#,
    #"{"error":{"message":"{\"message\":\"too much\",\"code\":\"c\"}"}}"#,
    "event: error\ndata: {\"error\":{\"message\":\"too much\",\"code\":\"c\"}}\n\n",
    #"{"error":{"message":"too much","message":"too much","code":"c"}}"#,
  ])
  func `every shape of a body has the same message and code`(_ text: String) {
    #expect(body(text).message == "too much", "\(text)")
    #expect(body(text).codes.contains("c"), "\(text)")
  }

  @Test func `texts and pages have a sentence too`() {
    #expect(body("upstream connect error").message == "upstream connect error")
    #expect(body(#""no healthy upstream""#).message == "no healthy upstream")
    #expect(body("<html><head><title>502 Bad Gateway</title></head><body>x</body></html>").message == "502 Bad Gateway")
    #expect(body("<p>no <b>title</b></p>").message == "no title ")
    #expect(body("").message == nil && body("{}").message == nil && body("null").message == nil)
  }

  @Test(arguments: [
    (400, "input length and max_tokens exceed context limit: 190000 + 20000 > 200000", FailureClass.context),
    (400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", .context),
    (400, "The input (9001 tokens) is longer than the model's context length (8192 tokens).", .context),
    (400, "Input tokens exceed the configured limit of 272000 tokens.", .context),
    (400, "Input is too long for requested model.", .context),
    (400, "the request exceeds the available context size, try increasing it", .context),
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096.", .context),
    (400, "Please reduce the length of the messages or completion.", .context),
    (400, "Your credit balance is too low to access the Anthropic API.", .money),
    (400, "You have reached your specified API usage limits. You will regain access on 2030-01-01.", .money),
    (429, "You exceeded your current quota, please check your plan and billing details.", .money),
    (403, "Your organization has insufficient credits.", .money),
    (400, "Output blocked by content filtering policy", .content),
    (400, "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", .content),
    (400, "Your request was rejected as a result of our safety system.", .content),
    (403, "Your input was flagged by the moderation.", .content),
    (503, "The model is overloaded. Please try again later.", .overload), (529, "", .overload),
    (429, "The engine is currently overloaded, please try again later", .overload),
    (400, "API key not valid. Please pass a valid API key.", .key), (403, "", .key),
    (429, "Quota exceeded", .rate), (400, "Rate limit reached for requests", .rate),
    (429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000.", .rate),
    (400, "library/x does not support tools", .tools), (404, "No endpoints found that support tool use.", .tools),
    (404, "no", .model), (499, "", .transport), (421, "", .transport), (424, "", .provider),
    (400, "foo/bar is not a valid model ID", .model), (504, "", .timeout), (500, "", .provider),
    (400, "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens", .caller),
    (400, "Invalid 'user': string too long. Expected a string with maximum length 64.", .caller),
  ])
  func `refusals are classified by their phrases`(_ status: Int, _ message: String, _ expected: FailureClass) {
    #expect(FailureClass(status: status, ErrorBody(code: "", message: message)) == expected, "\(message)")
  }

  @Test func `a sentence is short and plain, whatever it is made of`() throws {
    let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}"
    let long = try #require(body(#"{"error":{"message":"\#(String(repeating: family, count: 400))"}}"#).message)
    #expect(long.utf8.count <= 2000 && long.hasPrefix(family))
    let odd = try #require(body(#"{"error":{"message":"a\u0000b\r\nset-cookie: x\u007f"}}"#).message)
    #expect(!odd.unicodeScalars.contains { $0.value < 32 || $0.value == 127 } && odd.hasPrefix("a b"))
  }

  @Test func `a quota with a time of its reset is a rate`() {
    let text =
      #"[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x/RetryInfo","retryDelay":"34.5s"}]}}]"#
    #expect(FailureClass(status: 429, body(text)) == .rate)
    #expect(body(text).retryMilliseconds == 34_500)
  }

  @Test func `pauses in any notation`() {
    func pause(_ ms: String?, _ seconds: String?) -> Int64? {
      RetryAfter.milliseconds(inMilliseconds: ms, inSeconds: seconds, now: 784_111_777)
    }
    #expect(pause("1500", "9") == 1500 && pause(nil, "2") == 2000 && pause(nil, "1.5") == 1500)
    #expect(pause(nil, "Sun, 06 Nov 1994 08:49:40 GMT") == 3000 && pause(nil, "Sun, 06 Nov 1994 08:49:00 GMT") == 0)
    #expect(pause(nil, "1994-11-06T08:49:47Z") == 10_000 && pause(nil, "20s") == 20_000)
    #expect(RetryAfter.duration("1m30s") == 90_000 && RetryAfter.duration("250ms") == 250)
    #expect(body("Rate limit. Please try again in 1.2s.").retryMilliseconds == 1200)
    #expect(body("Please retry in 7 seconds.").retryMilliseconds == 7000)
    for text in ["inf", "-inf", "nan", "1e30", "0x1p70", "-1", "", " ", ".", "+1", "1.2.3", "soon", "１２"] {
      #expect(pause(text, nil) == nil && pause(nil, text) == nil, "\(text)")
    }
    #expect(pause(String(repeating: "9", count: 400), nil) == RetryAfter.millisecondsMax)
    #expect(pause(nil, String(repeating: "9", count: 400)) == RetryAfter.millisecondsMax)
    #expect(pause(nil, "Fri, 31 Dec 9999 23:59:60 GMT") == RetryAfter.millisecondsMax)
  }
}

@Suite struct AttemptHistoryTests {
  private let one = TargetID(provider: "a", model: "m")
  private let policy = AttemptPolicy(pauseMilliseconds: 100, shortPauseMilliseconds: 3000)

  private func repeats(
    _ history: inout AttemptHistory, _ failure: FailureClass, _ retryAfter: Int64? = nil, hasTwin: Bool = false
  ) -> Int64? {
    history.repeats(one, failure, retryAfter: retryAfter, hasTwin: hasTwin, policy, random: 7)
  }

  @Test func `what passes by itself is tried once more, then the next one`() {
    for failure in [FailureClass.provider, .overload, .transport] {
      var history = AttemptHistory()
      #expect(repeats(&history, failure) != nil && repeats(&history, failure) == nil)
    }
    for failure in FailureClass.allCases where ![.provider, .overload, .transport].contains(failure) {
      var history = AttemptHistory()
      #expect(repeats(&history, failure) == nil, "\(failure)")
    }
  }

  @Test func `a short pause is waited for, a long one is not`() {
    var history = AttemptHistory()
    let long = repeats(&history, .rate, 34_000)
    let short = repeats(&history, .rate, 1000)
    #expect(long == nil && short.map { (1000...1100).contains($0) } == true)
    var elsewhere = AttemptHistory()
    #expect(repeats(&elsewhere, .provider, hasTwin: true) == nil)
  }

  @Test func `a time-out and garbage are not asked for again, what was begun once`() {
    for failure in [FailureClass.timeout, .garbage] {
      var history = AttemptHistory()
      history.failed(one, failure, isBegun: true)
      #expect(!history.mayAsk(one) && repeats(&history, failure) == nil)
    }
    var history = AttemptHistory()
    history.failed(one, .transport, isBegun: true)
    #expect(history.mayAsk(one))
    history.failed(one, .transport, isBegun: true)
    #expect(!history.mayAsk(one))
    var refused = AttemptHistory()
    for _ in 0..<9 { refused.failed(one, .provider, isBegun: false) }
    #expect(refused.mayAsk(one))
  }
}
