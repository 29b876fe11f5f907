internal import JSON

/// The reference as one page of HTML, made of the document. It needs no script to be read.
struct ReferencePage {
  static let contentSecurityPolicy =
    "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

  private let document: OpenAPIDocument
  private let root: JSONValue

  init(_ document: OpenAPIDocument) {
    self.document = document
    root = document.value
  }

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Cadre API reference</title>
    <link rel="stylesheet" href="/reference/reference.css">
    <script src="/reference/reference.js" defer></script>
    </head>
    <body>
    <header>
    <h1>Cadre API reference</h1>
    <p>Version \(escape(text(root["info"]?["version"]))). As a document for programs: <a href="/openapi.json">openapi.json</a>.</p>
    <p>\(escape(text(root["info"]?["description"])))</p>
    <p id="search" hidden><label>Find <input type="search" id="words" autocomplete="off"></label> <span id="found" role="status"></span></p>
    </header>
    <nav aria-label="Chapters"><ul>
    \(document.tags.map { "<li><a href=\"#\(anchor("tag", $0))\">\(escape($0))</a></li>" }.joined(separator: "\n"))
    <li><a href="#schemas">Schemas</a></li>
    </ul></nav>
    <main>
    \(document.tags.map(chapter).joined(separator: "\n"))
    <section id="schemas"><h2>Schemas</h2>
    \(schemas)
    </section>
    </main>
    </body>
    </html>

    """
  }

  // MARK: Operations

  private func chapter(_ tag: String) -> String {
    var text = "<section id=\"\(anchor("tag", tag))\"><h2>\(escape(tag))</h2>\n"
    for path in root["paths"]?.objectMembers ?? [] {
      for method in path.value.objectMembers where self.text(method.value["tags"]?.elements.first) == tag {
        text += operation(path.key, method.key, method.value)
      }
    }
    return text + "</section>"
  }

  private func operation(_ path: String, _ method: String, _ value: JSONValue) -> String {
    let name = text(value["operationId"])
    var html = "<article class=\"operation\" id=\"\(anchor("op", name))\">\n"
    html += "<h3><a href=\"#\(anchor("op", name))\"><span class=\"method \(method)\">\(method.uppercased())</span> "
    html += "<code>\(escape(path))</code></a></h3>\n<p>\(escape(text(value["summary"])))</p>\n"
    if let about = value["description"] { html += "<p>\(escape(text(about)))</p>\n" }
    html += parameters(value["parameters"]?.elements ?? [])
    if let body = value["requestBody"] { html += request(body) }
    html += "<details><summary>Answers</summary><dl>\n"
    for answer in value["responses"]?.objectMembers ?? [] { html += self.answer(answer.key, answer.value) }
    return html + "</dl></details>\n</article>\n"
  }

  private func parameters(_ all: [JSONValue]) -> String {
    guard !all.isEmpty else { return "" }
    var html = "<table><caption>Parameters</caption><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">In</th>"
    html += "<th scope=\"col\">Value</th><th scope=\"col\">Meaning</th></tr></thead><tbody>\n"
    for entry in all {
      let parameter = resolved(entry)
      html += "<tr><td><code>\(escape(text(parameter["name"])))</code></td><td>\(escape(text(parameter["in"])))</td>"
      html += "<td>\(type(parameter["schema"] ?? .null))</td><td>\(escape(text(parameter["description"])))</td></tr>\n"
    }
    return html + "</tbody></table>\n"
  }

  private func request(_ body: JSONValue) -> String {
    var html = ""
    for content in body["content"]?.objectMembers ?? [] {
      html += "<p>Body, <code>\(escape(content.key))</code>: \(type(content.value["schema"] ?? .null))</p>\n"
      if let example = content.value["example"] ?? example(of: content.value["schema"]) {
        html += "<pre><code>\(escape(json(example)))</code></pre>\n"
      }
    }
    return html
  }

  private func answer(_ status: String, _ value: JSONValue) -> String {
    let answer = resolved(value)
    var html = "<dt>\(escape(status))</dt><dd>\(escape(text(answer["description"])))"
    for content in answer["content"]?.objectMembers ?? [] where content.key != "application/problem+json" {
      html += " <code>\(escape(content.key))</code>: \(type(content.value["schema"] ?? .null))"
    }
    return html + "</dd>\n"
  }

  // MARK: Schemas

  private var schemas: String {
    (root["components"]?["schemas"]?.objectMembers ?? []).map { entry in
      var html = "<article class=\"schema\" id=\"\(anchor("schema", entry.key))\"><h3>\(escape(entry.key))</h3>\n"
      html += "<div>\(type(entry.value))</div>\n"
      if let example = entry.value["examples"]?.elements.first {
        html += "<pre><code>\(escape(json(example)))</code></pre>\n"
      }
      return html + "</article>"
    }.joined(separator: "\n")
  }

  /// A schema in words; members of an object as a list.
  private func type(_ schema: JSONValue) -> String {
    if case .string(let reference)? = schema["$ref"] {
      let name = String(reference.split(separator: "/").last ?? "")
      return "<a href=\"#\(anchor("schema", name))\">\(escape(name))</a>"
    }
    if let all = schema["anyOf"] { return all.elements.map(type).joined(separator: " or ") }
    if let all = schema["allOf"] { return all.elements.map(type).joined(separator: " and ") }
    if let words = schema["enum"] {
      return words.elements.map { "<code>\(escape(text($0)))</code>" }.joined(separator: ", ")
    }
    let names = schema["type"].map { $0.elements.isEmpty ? [text($0)] : $0.elements.map { text($0) } } ?? ["any JSON"]
    var html = escape(names.joined(separator: " or ")) + limits(schema)
    if let items = schema["items"] { html += " of \(type(items))" }
    let members = schema["properties"]?.objectMembers ?? []
    guard !members.isEmpty else { return html }
    let required = Set((schema["required"]?.elements ?? []).map { text($0) })
    html += "<ul class=\"members\">"
    for member in members {
      html += "<li><code>\(escape(member.key))</code>\(required.contains(member.key) ? " (always)" : ""): "
      html += "\(type(member.value))"
      if let about = member.value["description"] { html += ". \(escape(text(about)))" }
      html += "</li>"
    }
    return html + "</ul>"
  }

  private func limits(_ schema: JSONValue) -> String {
    var parts: [String] = []
    if let format = schema["format"] { parts.append(text(format)) }
    if let minimum = schema["minimum"] { parts.append("from \(text(minimum))") }
    if let maximum = schema["maximum"] { parts.append("to \(text(maximum))") }
    if let longest = schema["maxLength"] { parts.append("at most \(text(longest)) bytes") }
    if let most = schema["maxItems"] { parts.append("at most \(text(most))") }
    if let standard = schema["default"] { parts.append("default \(text(standard))") }
    return parts.isEmpty ? "" : " (\(escape(parts.joined(separator: ", "))))"
  }

  private func example(of schema: JSONValue?) -> JSONValue? {
    guard let schema else { return nil }
    return resolved(schema)["examples"]?.elements.first
  }

  // MARK: Text

  /// What a reference within the document names.
  private func resolved(_ value: JSONValue) -> JSONValue {
    guard case .string(let reference)? = value["$ref"], reference.hasPrefix("#/") else { return value }
    return reference.dropFirst(2).split(separator: "/").reduce(root) { $0[String($1)] ?? .null }
  }

  private func text(_ value: JSONValue?) -> String {
    switch value {
    case .string(let text)?: text
    case .int(let number)?: String(number)
    case .double(let number)?: String(number)
    case .bool(let flag)?: String(flag)
    default: ""
    }
  }

  private func json(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    value.write(to: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func anchor(_ kind: String, _ name: String) -> String {
    "\(kind)-\(String(name.map { $0.isLetter || $0.isNumber ? $0 : "-" }))"
  }

  private func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}

extension JSONValue {
  /// A member of an object.
  subscript(_ name: String) -> JSONValue? {
    if case .object(let members) = self { members.first { $0.key == name }?.value } else { nil }
  }

  /// The members of an object; none of anything else.
  var objectMembers: [Member] { if case .object(let members) = self { members } else { [] } }

  /// The elements of a list; none of anything else.
  var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }
}
