import JSON
import Testing

@testable import AgentLoop

@Suite struct AgentInputTests {
  private func prompt(_ text: String) throws -> String {
    AgentInput(try JSONDocument(parsing: text).root, model: nil).prompt
  }

  @Test func `what earlier steps have found stands in named sections, never as JSON in JSON`() throws {
    let text = try prompt(
      #"""
      {"prompt": "Go on.", "context": {
        "plan": "1. \"dig\"\n2. build",
        "work": {"answer": "a \"shed\"\nwith a door", "model": "m", "finish_reason": "stop"},
        "parts": [{"answer": "one", "model": "m", "finish_reason": "stop"}, null, "three"],
        "data": {"count": 3, "names": ["a", "b"]},
        "deep": {"inner": {"text": "line\nline"}, "n": 1}}}
      """#)
    #expect(
      text == """
        Go on.

        Context:

        ## plan

        1. "dig"
        2. build

        ## work

        a "shed"
        with a door

        ## parts / 1

        one

        ## parts / 2

        (nothing)

        ## parts / 3

        three

        ## data

        {"count": 3, "names": ["a", "b"]}

        ## deep / inner / text

        line
        line

        ## deep / n

        1
        """)
    #expect(!text.contains("\\"))
  }

  @Test func `a list of results is numbered, and one text needs no heading`() throws {
    #expect(
      try prompt(#"{"prompt":"p","context":[{"answer":"x","model":"m","finish_reason":"stop"},"y"]}"#)
        == "p\n\nContext:\n\n## 1\n\nx\n\n## 2\n\ny")
    #expect(try prompt(#"{"prompt":"p","context":"just words"}"#) == "p\n\nContext:\n\njust words")
    #expect(try prompt(#"{"prompt":"p","context":null}"#) == "p")
  }

  @Test func `a prompt that is a result is its answer, and an input without a prompt is the prompt`() throws {
    #expect(
      try prompt(#"{"prompt":{"answer":"a\nb","model":"m","finish_reason":"stop"}}"#) == "a\nb")
    #expect(try prompt(#""plain""#) == "plain")
    #expect(try prompt(#"{"a":1}"#) == #"{"a":1}"#)
    #expect(try AgentInput(JSONDocument(parsing: #"{"model":null}"#).root, model: nil).model == "default")
  }

  @Test func `deep and hostile documents are bounded`() throws {
    let deep = String(repeating: "[\"a\\nb\",", count: 60) + "1" + String(repeating: "]", count: 60)
    #expect(try prompt("{\"prompt\":\"p\",\"context\":\(deep)}").utf8.count < 4000)
  }
}
