import AgentTools
import Contracts
import JSON
import Testing

@Suite struct ToolArgumentsTests {
  private static let definition = ToolDefinition(
    name: "t", description: "",
    parameters: Array(
      """
      {"type":"object","properties":{"n":{"type":"integer"},"x":{"type":"number"},"b":{"type":"boolean"},\
      "s":{"type":"string"},"l":{"type":"array","items":{"type":"integer"}},"o":{"type":"object","properties":\
      {"n":{"type":"integer"}}},"z":{"type":["string","null"]}},"required":["n"],"additionalProperties":false}
      """.utf8), risk: .read, isIdempotent: true, source: .builtIn)

  private static func read(_ text: String) throws -> String {
    let schema = try #require(CompiledToolSchema(definition))
    switch ToolArguments.read(text, for: definition, schema: schema) {
    case .success(let document): return String(decoding: document.bytes, as: UTF8.self)
    case .failure(let error): return "error: " + error.message
    }
  }

  @Test(arguments: [
    (#"{"n":1}"#, #"{"n":1}"#), (#"{"n":"1"}"#, #"{"n":1}"#), (#"{"n":1,"x":"2.5"}"#, #"{"n":1,"x":2.5}"#),
    (#"{"n":1,"b":"true"}"#, #"{"n":1,"b":true}"#), (#"{"n":1,"s":5}"#, #"{"n":1,"s":"5"}"#),
    (#"{"n":1,"s":true}"#, #"{"n":1,"s":"true"}"#), (#"{"n":1,"l":"[1,2]"}"#, #"{"n":1,"l":[1,2]}"#),
    (#"{"n":1,"l":["1",2]}"#, #"{"n":1,"l":[1,2]}"#), (#"{"n":1,"o":"{\"n\":\"3\"}"}"#, #"{"n":1,"o":{"n":3}}"#),
    (#"{"n":1,"s":null}"#, #"{"n":1}"#), (#"{"n":1,"z":null}"#, #"{"n":1,"z":null}"#),
    ("```json\n{\"n\":1}\n```", #"{"n":1}"#), (#""{\"n\":1}""#, #"{"n":1}"#), (#" {"n":1} "#, #"{"n":1}"#),
    (#"{"n":1,"n":2}"#, #"{"n":2}"#), (#"{"n":12345678901234567890123}"#, #"{"n":12345678901234567890123}"#),
  ])
  func `what can be understood is`(_ text: String, _ expected: String) throws {
    #expect(try Self.read(text) == expected)
  }

  @Test(arguments: [
    ("", "n"), ("{}", "n"), (#"{"n":"x"}"#, "/n"), (#"{"n":1.5}"#, "/n"), (#"{"n":1,"q":1}"#, "q"),
    (#"{"n":1,"b":1}"#, "/b"), (#"{"n":null}"#, "/n"), (#"{"n":1,"s":{}}"#, "/s"), (#"{"n":"\"1\""}"#, "/n"),
  ])
  func `faults are named with their place`(_ text: String, _ part: String) throws {
    let message = try Self.read(text)
    #expect(message.hasPrefix("error: the arguments do not fit the schema of t:"))
    #expect(message.contains(part))
    #expect(message.contains("The schema: {"))
  }

  @Test(arguments: [
    "[", "[1]", "hello", "1", "\"\"", "```\n```", "``````", "{\"n\":1}}", String(repeating: "[", count: 500),
  ])
  func `what is no object`(_ text: String) throws {
    #expect(try Self.read(text).hasPrefix("error: the arguments are not a JSON object"))
  }

  @Test func `arguments are bounded`() throws {
    #expect(try Self.read(String(repeating: " ", count: 2 << 20)).contains("longer than"))
  }

  @Test func `schemas that cannot be compiled are noticed`() {
    let definition = ToolDefinition(
      name: "t", description: "", parameters: Array(#"{"$ref":"https://example.com/x"}"#.utf8), risk: .read,
      isIdempotent: true, source: .user)
    #expect(CompiledToolSchema(definition) == nil)
  }
}
