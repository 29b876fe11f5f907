import Dialects
import JSON
import Testing

/// Documents, search results, formats and cache marks.
@Suite struct DocumentTests {
  private func message(_ block: String) -> String {
    #"{"max_tokens":9,"messages":[{"role":"user","content":[\#(block)]}]}"#
  }

  @Test func `documents of every source reach a chat`() throws {
    let url = try Made(
      message(#"{"type":"document","title":"T","source":{"type":"url","url":"https://x.example/a.pdf"}}"#), .messages,
      .openai)
    #expect(url.messages()[0]["content"]?[0]?["type"]?.string == "text" && url.text.contains("https://x.example/a.pdf"))
    #expect(url.dropped == ["messages.content.source.url"])
    let text = try Made(
      message(#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}"#), .messages,
      .compatible)
    #expect(text.messages()[0]["content"]?[0]?["text"]?.string == "words")
    let blocks = try Made(
      message(
        #"{"type":"document","title":"T","source":{"type":"content","content":[{"type":"text","text":"one"},{"type":"image","source":{"type":"url","url":"https://x.example/i.png"}}]}}"#
      ), .messages, .openai)
    let types = blocks.messages()[0]["content"]?.elements.compactMap { $0["type"]?.string } ?? []
    #expect(types == ["text", "text", "image_url"])
    let pdf = try Made(
      message(#"{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"QUJD"}}"#),
      .messages,
      .openai)
    #expect(pdf.messages()[0]["content"]?[0]?["file"]?["file_data"]?.string == "data:application/pdf;base64,QUJD")
    let found = try Made(
      message(
        #"{"type":"search_result","source":"https://s.example","title":"S","content":[{"type":"text","text":"hit"}]}"#),
      .messages, .openai)
    let words = found.messages()[0]["content"]?[0]?["text"]?.string ?? ""
    #expect(words.contains("hit") && words.contains("https://s.example"))
  }

  @Test func `files reach Anthropic as what it takes`() throws {
    func block(_ file: String) throws -> JSONView? {
      let text =
        #"{"input":[{"role":"user","content":[{"type":"input_file",\#(file)},{"type":"input_text","text":"x"}]}]}"#
      return try Made(text, .responses, .anthropic).messages()[0]["content"]?[0]
    }
    #expect(try block(#""file_url":"https://x.example/a.pdf""#)?["source"]?["url"]?.string == "https://x.example/a.pdf")
    let pdf = try block(#""filename":"a.pdf","file_data":"data:application/pdf;base64,QUJD""#)
    #expect(pdf?["source"]?["media_type"]?.string == "application/pdf" && pdf?["title"]?.string == "a.pdf")
    let text = try block(#""filename":"a.txt","file_data":"data:text/plain;charset=utf-8;base64,aMO2cmU=""#)
    #expect(text?["source"]?["type"]?.string == "text" && text?["source"]?["data"]?.string == "höre")
    let chat = try Made(
      #"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x.example/a.pdf"}]}]}"#,
      .responses,
      .compatible)
    #expect(!chat.text.contains(#""file":{}"#) && chat.text.contains("https://x.example/a.pdf"))
    #expect(chat.dropped == ["input.content.file_url"])
  }

  @Test func `a JSON object is asked for by a sentence where there is no format for it`() throws {
    for (text, dialect) in [
      (#"{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_object"}}"#, Dialect.chat),
      (#"{"input":"x","text":{"format":{"type":"json_object"}}}"#, .responses),
    ] {
      let made = try Made(text, dialect, .anthropic)
      #expect(made.root["system"]?[0]?["text"]?.string?.contains("JSON object") == true)
      let chat = try Made(text, dialect, .compatible)
      #expect(chat.root["response_format"]?["type"]?.string == "json_object")
    }
  }

  @Test func `callers whose dialect has no marks get them`() throws {
    let tools = #""tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}]"#
    let turns = """
      "messages":[{"role":"system","content":"s"},{"role":"user","content":"1"},{"role":"assistant","content":"2"},
        {"role":"user","content":"3"},{"role":"assistant","content":"4"},{"role":"user","content":"5"}]
      """
    let made = try Made("{\(tools),\(turns)}", .chat, .anthropic)
    func isMarked(_ view: JSONView?) -> Bool { view?["cache_control"]?["type"]?.string == "ephemeral" }
    #expect(!isMarked(made.root["tools"]?[0]) && isMarked(made.root["tools"]?[1]) && isMarked(made.root["system"]?[0]))
    #expect(made.messages().map { isMarked($0["content"]?[0]) } == [false, false, true, false, true])
    let own = turns.replacing(
      #""content":"1""#,
      with: #""content":[{"type":"text","text":"1","cache_control":{"type":"ephemeral","ttl":"1h"}}]"#)
    #expect(try Made("{\(tools),\(own)}", .chat, .anthropic).text.components(of: "cache_control") == 1)
    #expect(try Made("{\(tools),\(turns)}", .chat, .compatible).text.components(of: "cache_control") == 0)
    // Callers of messages place their own.
    let message = #"{"max_tokens":9,"system":"s","messages":[{"role":"user","content":"x"}]}"#
    #expect(try Made(message, .messages, .anthropic).text.components(of: "cache_control") == 0)
  }
}
