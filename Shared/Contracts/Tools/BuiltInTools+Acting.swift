extension BuiltInTools {
  static let workspace: [ToolDefinition] = [
    tool(
      "artefact_list", .read, "Lists the artefacts (files) of this run with their names, sizes and types.",
      properties: "", isVolatile: true, timeoutMilliseconds: 30_000),
    tool(
      "artefact_read", .read,
      "Reads a part of a text artefact of this run. Use text_search or text_lines for large ones.",
      properties: """
        "name":{"type":"string","minLength":1,"maxLength":512},\
        "offset":{"type":"integer","minimum":0,"default":0,"description":"First byte."},\
        "length":{"type":"integer","minimum":1,"maximum":1048576,"default":16384,"description":"Bytes."}
        """, required: ["name"], timeoutMilliseconds: 30_000),
    tool(
      "artefact_write", .write,
      """
      Stores a text as an artefact (file) of this run, where people and later steps find it. Writing a name again \
      replaces it.
      """,
      properties: """
        "name":{"type":"string","minLength":1,"maxLength":512,\
        "description":"A relative path such as report.md or data/table.csv"},\
        "content":{"type":"string"},\
        "media_type":{"type":"string","maxLength":100,"description":"Default: by the ending of the name."}
        """, required: ["name", "content"], timeoutMilliseconds: 30_000),
    tool(
      "memory_search", .read,
      "Searches what was remembered in this project, in this run and in earlier ones, by words.",
      properties: """
        "query":{"type":"string","minLength":1,"maxLength":1000},\
        "limit":{"type":"integer","minimum":1,"maximum":50,"default":10}
        """, required: ["query"], isVolatile: true, timeoutMilliseconds: 30_000),
    tool(
      "memory_store", .write,
      "Remembers a fact for later runs of this project. Write one fact that can be understood without context.",
      properties: """
        "text":{"type":"string","minLength":1,"maxLength":8000},\
        "tags":{"type":"array","items":{"type":"string","minLength":1,"maxLength":64},"maxItems":16}
        """, required: ["text"], timeoutMilliseconds: 30_000),
  ]

  static let people: [ToolDefinition] = [
    tool(
      "ask_human", .read,
      """
      Asks a person a question and waits for the answer, which may take long. Use it only when the task cannot go on \
      without it.
      """,
      properties: """
        "question":{"type":"string","minLength":1,"maxLength":8000},\
        "choices":{"type":"array","items":{"type":"string","minLength":1,"maxLength":200},"minItems":2,"maxItems":20,\
        "description":"Answers to choose from, when they are known."}
        """, required: ["question"])
  ]

  static let network: [ToolDefinition] = [
    tool(
      "http_fetch", .network,
      """
      Fetches a web address with GET or HEAD. Only hosts that the operator has allowed can be reached. HTML comes as \
      readable text, JSON and other text as they are, anything else as an artefact.
      """,
      properties: """
        "url":{"type":"string","minLength":1,"maxLength":4096,"description":"An http or https address."},\
        "method":{"type":"string","enum":["GET","HEAD"],"default":"GET"},\
        "accept":{"type":"string","maxLength":200,"description":"Wanted content type."},\
        "raw":{"type":"boolean","default":false,"description":"true: HTML as it is."}
        """, required: ["url"], isVolatile: true, timeoutMilliseconds: 30_000),
    tool(
      "http_post", .network,
      """
      Sends a text to a web address with POST and returns the answer. Only hosts that the operator has allowed can be \
      reached.
      """,
      properties: """
        "url":{"type":"string","minLength":1,"maxLength":4096,"description":"An http or https address."},\
        "body":{"type":"string"},\
        "content_type":{"type":"string","maxLength":100,"default":"application/json"},\
        "accept":{"type":"string","maxLength":200,"description":"Wanted content type."}
        """, required: ["url", "body"], isIdempotent: false, isVolatile: true, timeoutMilliseconds: 30_000),
  ]

  /// What the two languages have in common.
  private static let codeProperties = """
    "code":{"type":"string","minLength":1,"maxLength":262144},\
    "arguments":{"description":"Any JSON value; the code finds it as cadre.arguments."},\
    "stdin":{"type":"string"},\
    "files":{"type":"array","items":{"type":"string","minLength":1,"maxLength":512},"maxItems":64,\
    "description":"Names of artefacts that are put into the working folder."},\
    "session":{"type":"boolean","default":false,\
    "description":"true: variables and files stay for the next call with session in this run."}
    """

  static let sandbox: [ToolDefinition] = [
    tool(
      "run_python", .execute,
      """
      Runs Python 3 (standard library) in a sandbox without network and returns what it prints and the value of the \
      last expression, or of cadre.result(value). Files that it writes into its working folder become artefacts. \
      After import cadre, cadre.plot and cadre.table draw charts and write tables as files.
      """, properties: codeProperties, required: ["code"], isVolatile: true, timeoutMilliseconds: 120_000),
    tool(
      "run_javascript", .execute,
      """
      Runs JavaScript (ES2023) in a sandbox without network and returns what it prints and the value of the last \
      expression, or of cadre.result(value). cadre.readFile(name), cadre.writeFile(name, text) and cadre.listFiles() \
      work on its folder; files that it writes become artefacts.
      """, properties: codeProperties, required: ["code"], isVolatile: true, timeoutMilliseconds: 120_000),
    tool(
      "run_wasm", .execute,
      """
      Runs a WebAssembly module (WASI command) in a sandbox without network and returns what it prints. Files that it \
      writes into its working folder become artefacts.
      """,
      properties: """
        "module":{"type":"string","minLength":1,"maxLength":512,"description":"Name of an artefact with the module."},\
        "stdin":{"type":"string"},\
        "files":{"type":"array","items":{"type":"string","minLength":1,"maxLength":512},"maxItems":64,\
        "description":"Names of artefacts that are put into the working folder."}
        """, required: ["module"], isVolatile: true, timeoutMilliseconds: 120_000),
  ]
}
