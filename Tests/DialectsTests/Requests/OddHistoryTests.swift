import Dialects
import JSON
import Testing

/// What one provider takes and another refuses, beside ids and turns.
@Suite struct OddHistoryTests {
  @Test(arguments: [
    (#"{\"a\": \"xx"#, #"{"a":"xx","_invalid_json":"{\"a\": \"xx"}"#),
    ("[1]", #"{"_invalid_json":"[1]"}"#), ("sure!", #"{"_invalid_json":"sure!"}"#), (" ", "{}"),
  ])
  func `arguments that are no object stay in the history as one`(_ arguments: String, _ expected: String) throws {
    let chat = """
      {"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[
        {"id":"a","type":"function","function":{"name":"f","arguments":"ARGUMENTS"}}]},
        {"role":"tool","tool_call_id":"a","content":"r"}]}
      """
    let responses = """
      {"input":[{"role":"user","content":"q"},
        {"type":"function_call","call_id":"a","name":"f","arguments":"ARGUMENTS"},
        {"type":"function_call_output","call_id":"a","output":"r"}]}
      """
    for (text, dialect) in [(chat, Dialect.chat), (responses, .responses)] {
      let body = text.replacing("ARGUMENTS", with: arguments)
      let made = try Made(body, dialect, .anthropic)
      let input = try #require(made.messages()[1]["content"]?[0]?["input"])
      let wanted = try JSONDocument(parsing: Array(expected.utf8)).root
      #expect(input["_invalid_json"]?.string == wanted["_invalid_json"]?.string && input.count == wanted.count)
      #expect(input["a"]?.string == wanted["a"]?.string)
    }
  }

  @Test(arguments: [
    ("data:image/jpg;base64,AAAA", "image/jpeg"), ("data:image/PNG;charset=utf-8;base64,AAAA", "image/png"),
    ("DATA:image/webp;BASE64,AAAA", "image/webp"), ("data:image/jpeg;base64,iVBORw0KGgoAAAA=", "image/png"),
    ("data:;base64,/9j/4AAQ", "image/jpeg"), ("data:image/png;base64,R0lGODlh", "image/gif"),
    ("data:application/octet-stream;base64,UklGRiQA", "image/webp"),
  ])
  func `an image is called what it is`(_ url: String, _ type: String) throws {
    let made = try Made(
      #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"\#(url)"}}]}]}"#, .chat,
      .anthropic)
    let source = made.messages()[0]["content"]?[0]?["source"]
    #expect(source?["type"]?.string == "base64" && source?["media_type"]?.string == type)
    #expect(source?["data"]?.string.map { url.hasSuffix(",\($0)") } ?? false)
  }

  @Test func `a turn without parts is a turn`() throws {
    let made = try Made(
      #"{"max_tokens":9,"messages":[{"role":"user","content":[]}]}"#, .messages, .compatible)
    #expect(made.messages().count == 1 && made.messages()[0]["content"]?.string == "")
  }

  @Test func `a tool that is named twice is sent once to those that refuse it`() throws {
    let tool = #"{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}"#
    let made = try Made(
      #"{"messages":[{"role":"user","content":"q"}],"tools":[\#(tool),\#(tool)]}"#, .chat, .anthropic)
    #expect(made.root["tools"]?.count == 1)
  }
}
