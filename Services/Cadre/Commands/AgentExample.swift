internal import JSON
internal import LocalStack

/// The second example of `cadre up`: an agent reads a file, runs Python in the sandbox and gives back another file.
struct AgentExample {
  let stack: LocalStack
  let output: Output

  private static let sales = "region,amount\nnorth,120.50\nsouth,80.25\nwest,42.00\n"
  private static let code = """
    import csv
    rows = list(csv.DictReader(open("sales.csv")))
    total = sum(float(row["amount"]) for row in rows)
    with open("report.md", "w") as report:
        report.write("# Sales\\n\\n" + "".join(f"- {row['region']}: {row['amount']}\\n" for row in rows) + f"\\nTotal: {total:.2f}\\n")
    print(f"The total is {total:.2f}.")
    """

  /// Runs the example and prints what came of it. `isStopped` says that nobody waits for it any more.
  func run(_ isStopped: () -> Bool) {
    output.line("\nExample agent: adds up sales.csv with Python, and writes report.md.")
    guard let file = upload() else {
      return output.line("The file cannot be uploaded; see \(stack.log(of: "orchestrator"))")
    }
    if isStopped() { return }
    guard let task = submit(file) else {
      return output.line("The example agent got no answer; see \(stack.log(of: "agent-core"))")
    }
    if isStopped() { return }
    output.line(TaskText.describe(task))
    for artefact in task["run"]?["result"]?["artefacts"].map({ Array($0.elements) }) ?? [] {
      output.line("File:    \(artefact["name"]?.string ?? "") (\(artefact["bytes"]?.int ?? 0) bytes)")
    }
    if let run = task["run"]?["id"]?.string { output.line("Files:   cadre artefacts \(run)") }
  }

  private func upload() -> String? {
    let answer = BlockingHTTP.send(
      "POST", port: stack.port(of: "gateway"), path: "/api/v1/artefacts?name=sales.csv",
      headers: ["Authorization": "Bearer \(stack.apiKey)", "Content-Type": "text/csv"], body: AgentExample.sales,
      seconds: 30)
    return answer.flatMap { try? JSONDocument(parsing: $0.body).root["id"]?.string }
  }

  private func submit(_ file: String) -> JSONView? {
    var call = JSONWriter()
    call.beginObject()
    call.member("code", AgentExample.code)
    call.member("files", ["sales.csv"])
    call.endObject()
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("title", "Example agent")
    writer.key("input")
    writer.beginObject()
    writer.member(
      "prompt",
      "Add up the column amount of sales.csv and store a report as report.md: use run_python "
        + String(decoding: call.bytes, as: UTF8.self) + ", then say the total.")
    writer.member("tools", ["artefact_read", "run_python"])
    writer.endObject()
    writer.member("artefacts", [file])
    writer.endObject()
    let answer = BlockingHTTP.send(
      "POST", port: stack.port(of: "gateway"), path: "/api/v1/tasks",
      headers: [
        "Authorization": "Bearer \(stack.apiKey)", "Content-Type": "application/json", "Prefer": "wait=60",
      ], body: String(decoding: writer.bytes, as: UTF8.self), seconds: 70)
    return answer.flatMap { try? JSONDocument(parsing: $0.body).root }
  }
}
