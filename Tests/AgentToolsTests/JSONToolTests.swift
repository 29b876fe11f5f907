import AgentTools
import JSON
import Testing

@Suite struct JSONToolTests {
  private static let text = #"{"a":[{"n":1,"x":"u"},{"n":2.50,"x":"v"},[3]],"b c":{"d":null},"e/f":9007199254740993}"#

  private static func said(_ result: Result<[UInt8], ComputeError>) -> String {
    switch result {
    case .success(let bytes): String(decoding: bytes, as: UTF8.self)
    case .failure(let error): "error: " + error.message
    }
  }

  @Test(arguments: [
    ("", text), ("/a/0/n", "1"), ("/e~1f", "9007199254740993"), ("/b c/d", "null"), ("$", "[\(text)]"),
    ("$.a[0].n", "[1]"), ("$.a[*].n", "[1,2.50]"), ("$..n", "[1,2.50]"), ("$['b c'].d", "[null]"), ("$.a[-1]", "[[3]]"),
    ("$.a[0:2].x", #"["u","v"]"#), ("$.a[1:]", #"[{"n":2.50,"x":"v"},[3]]"#), ("$.nope", "[]"),
    ("$.a[*][0]", "[3]"), ("$.*.d", "[null]"), ("$.a[99]", "[]"), ("$.a[-99]", "[]"),
    ("$..[0]", #"[{"n":1,"x":"u"},3]"#),
  ])
  func `paths`(_ path: String, _ expected: String) throws {
    #expect(Self.said(JSONQuery.run(try JSONDocument(parsing: Self.text).root, path)) == expected)
  }

  @Test(arguments: [
    ("/a/7", "the list there has 3 elements"), ("/q", "members there: a, b c, e/f"), ("/a~2", "malformed"),
    ("a.b", "begins with"), ("$.", "a name is missing"), ("$x", "a dot or a bracket"),
    ("$[?(@.n>1)]", "filters are not"),
    ("$[0", "known in brackets"), ("$['x", "known in brackets"), ("/a/0/n/z", "neither list nor object"),
  ])
  func `faults of paths`(_ path: String, _ part: String) throws {
    let said = Self.said(JSONQuery.run(try JSONDocument(parsing: Self.text).root, path))
    #expect(said.hasPrefix("error: "))
    #expect(said.contains(part), "\(said)")
  }

  @Test func `queries that multiply are bounded`() throws {
    let deep = String(repeating: "[", count: 60) + "1" + String(repeating: "]", count: 60)
    let wide = "[" + (0..<2000).map { _ in deep }.joined(separator: ",") + "]"
    let said = Self.said(JSONQuery.run(try JSONDocument(parsing: wide).root, "$..*..*..*..*"))
    #expect(said.contains("selects too much"))
  }

  @Test(arguments: [
    ("/a", "1", #"{"a":1,"b":[1,2]}"#), ("/c", #"{"x":2.50}"#, #"{"a":9007199254740993,"b":[1,2],"c":{"x":2.50}}"#),
    ("/b/0", "7", #"{"a":9007199254740993,"b":[7,2]}"#), ("/b/-", "3", #"{"a":9007199254740993,"b":[1,2,3]}"#),
    ("", "[]", "[]"), ("/b/1", nil, #"{"a":9007199254740993,"b":[1]}"#), ("/a", nil, #"{"b":[1,2]}"#),
  ])
  func `setting and removing`(_ pointer: String, _ value: String?, _ expected: String) throws {
    let document = try JSONDocument(parsing: #"{"a":9007199254740993,"b":[1,2]}"#)
    let new = try value.map { try JSONDocument(parsing: $0).root }
    #expect(Self.said(JSONEdit.run(document.root, pointer: pointer, value: new)) == expected)
  }

  @Test(arguments: [("/x/y", "1"), ("/b/5", "1"), ("/b/x", "1"), ("/a/b", "1"), ("/zz", nil), ("/b/-", nil), ("", nil)])
  func `what cannot be set`(_ pointer: String, _ value: String?) throws {
    let document = try JSONDocument(parsing: #"{"a":1,"b":[1,2]}"#)
    let new = try value.map { try JSONDocument(parsing: $0).root }
    #expect(Self.said(JSONEdit.run(document.root, pointer: pointer, value: new)).hasPrefix("error: "))
  }

  @Test func `checks by a schema`() throws {
    func check(_ document: String, _ schema: String) throws -> String {
      switch JSONCheck.run(try JSONDocument(parsing: document).root, schema: try JSONDocument(parsing: schema).root) {
      case .success(let text): text
      case .failure(let error): "error: " + error.message
      }
    }
    #expect(try check("1", #"{"type":"integer"}"#) == "the document fits the schema")
    #expect(try check(#"{"a":"x"}"#, #"{"properties":{"a":{"type":"integer"}}}"#).contains("- /a must be an integer"))
    #expect(try check("1", #"{"type":"nonsense"}"#).hasPrefix("error: the schema cannot be used"))
  }

  // MARK: CSV

  @Test(arguments: [
    ("a,b\r\n1,2\r\n", #"[{"a":"1","b":"2"}]"#), ("a;b\n\"x;y\";\"q\"\"r\"", #"[{"a":"x;y","b":"q\"r"}]"#),
    ("a\n\"two\nlines\"\n", #"[{"a":"two\nlines"}]"#), ("", "[]"),
    ("a,a,\n1,2,3", #"[{"a":"1","a_2":"2","column_3":"3"}]"#),
    ("\u{FEFF}a\n\n\nx", #"[{"a":"x"}]"#), ("a,b\n1", #"[{"a":"1"}]"#), ("a\n\"\"", #"[{"a":""}]"#),
  ])
  func `tables to documents`(_ csv: String, _ expected: String) {
    let separator = csv.contains(";") ? UInt8(ascii: ";") : UInt8(ascii: ",")
    #expect(Self.said(CSV.toJSON(csv, separator: separator, hasHeader: true, readsNumbers: false)) == expected)
  }

  @Test func `numbers and tables without a header`() {
    #expect(
      Self.said(CSV.toJSON("a,01,-2.5e3,,NaN,1", separator: 44, hasHeader: false, readsNumbers: true))
        == #"[["a","01",-2.5e3,"","NaN",1]]"#)
    for broken in ["\"a", "\"a\"b", "a\n1,2"] {
      #expect(Self.said(CSV.toJSON(broken, separator: 44, hasHeader: true, readsNumbers: false)).hasPrefix("error: "))
    }
  }

  @Test(arguments: [
    (#"[{"a":1,"b":"x,y"},{"b":"q\"r","c":null}]"#, "a,b,c\r\n1,\"x,y\",\r\n,\"q\"\"r\",\r\n"),
    (#"[[1,"a"],[true,{"x":1}]]"#, "1,a\r\ntrue,\"{\"\"x\"\":1}\"\r\n"), ("[]", ""),
  ])
  func `documents to tables`(_ json: String, _ expected: String) throws {
    switch CSV.fromJSON(try JSONDocument(parsing: json).root, separator: UInt8(ascii: ",")) {
    case .success(let text): #expect(text == expected)
    case .failure(let error): Issue.record("\(error.message)")
    }
  }
}
