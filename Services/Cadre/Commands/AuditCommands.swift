internal import AuditChain
internal import Contracts
internal import HTTPWire
internal import JSON
internal import LocalStack
internal import Primitives

/// `cadre audit`: who has done what, and whether the log says the truth.
struct AuditCommands {
  private static let options: Set<String> = [
    "data", "port", "url", "actor", "route", "outcome", "since", "until", "limit", "after", "output", "keys", "earlier",
    "tenant",
  ]
  private static let keysVariable = "CADRE_AUDIT_KEYS_FILE"
  private static let columns = [
    "sequence", "time", "kind", "subject", "method", "route", "resources", "status", "code", "count", "request",
  ]

  let output: Output
  let environment: [String: String]

  func run(_ arguments: [String]) -> Int32 {
    do throws(OptionError) {
      let options = try Options(
        arguments.map { $0 == "-o" ? "--output" : $0 }, valued: AuditCommands.options, flags: ["operator", "json"])
      switch (options.words.first, options.words.count) {
      case ("list", 1): try list(options)
      case ("export", 1): try export(options)
      case ("verify", 1): return try verifyOnline(options)
      case ("verify", 2): return try verifyFile(options)
      default: throw OptionError(description: "audit takes: list, export, or verify [FILE]")
      }
      return 0
    } catch {
      output.error("cadre: \(error)")
      return 2
    }
  }

  /// The address, for the tenant of the key or with `--operator` for the installation.
  private func path(_ options: Options, _ rest: String, _ names: [String]) throws(OptionError) -> String {
    let isOperator = options["operator"] != nil || options["tenant"] != nil
    let items = (names + (isOperator ? ["tenant"] : [])).compactMap { name in
      options[name].map { "\(name)=\(PercentEncoding.encode($0))" }
    }
    return (isOperator ? "/operator" : "/api") + "/v1/audit\(rest)"
      + (items.isEmpty ? "" : "?\(items.joined(separator: "&"))")
  }

  private func call(_ options: Options, _ path: String) throws(OptionError) -> String {
    let api = try TaskCommands(output: output, environment: environment).api(options)
    let answer = try api.call("GET", path)
    guard answer.status == 200 else {
      let detail = (try? JSONDocument(parsing: answer.body))?.root["detail"]?.string
      throw OptionError(description: "\(detail ?? "refused") (status \(answer.status))")
    }
    return answer.body
  }

  private func list(_ options: Options) throws(OptionError) {
    let text = try call(
      options, try path(options, "", ["actor", "route", "outcome", "since", "until", "limit"]))
    if options["json"] != nil { return output.line(text) }
    guard let root = try? JSONDocument(parsing: text).root else {
      throw OptionError(description: "the answer is not understood")
    }
    for entry in root["entries"]?.elements.map({ $0 }) ?? [] {
      let line = AuditCommands.columns.map { entry[$0]?.string ?? entry[$0]?.int.map { "\($0)" } ?? "-" }
      output.line(line.joined(separator: "\t"))
    }
  }

  private func export(_ options: Options) throws(OptionError) {
    let text = try call(options, try path(options, "/export", ["after"]))
    guard let file = options["output"] else { return output.bytes(Array(text.utf8)) }
    guard FileAccess.write(file, bytes: Array(text.utf8)) else {
      throw OptionError(description: "the file \(file) cannot be written")
    }
    output.line("\(max(0, text.utf8.count { $0 == UInt8(ascii: "\n") } - 2)) entries written to \(file)")
  }

  private func verifyOnline(_ options: Options) throws(OptionError) -> Int32 {
    let text = try call(options, try path(options, "/verification", []))
    guard let root = try? JSONDocument(parsing: text).root, let isIntact = root["intact"]?.bool else {
      throw OptionError(description: "the answer is not understood")
    }
    let faults = root["faults"]?.elements.map { "\($0["sequence"]?.int ?? 0)\t\($0["kind"]?.string ?? "")" } ?? []
    say(
      root["chain"]?.string ?? "", isIntact, entries: root["entries"]?.int ?? 0, last: root["sequence"]?.int ?? 0,
      faults, of: root["fault_count"]?.int ?? 0)
    return isIntact ? 0 : 1
  }

  private func verifyFile(_ options: Options) throws(OptionError) -> Int32 {
    let keys = try keys(options)
    let earlier: AuditLink?
    if let file = options["earlier"] {
      earlier = try read(file, AuditExportReader(keys: keys)).end
    } else {
      earlier = nil
    }
    let report = try read(options.words[1], AuditExportReader(keys: keys, containing: earlier))
    say(
      "\(report.chain)", report.isIntact, entries: report.entries, last: report.end.sequence,
      report.faults.map { "\($0.sequence)\t\($0.kind.rawValue)" }, of: report.faultCount)
    if keys == nil {
      output.line("The signatures were not checked: give the keys with --keys FILE or \(AuditCommands.keysVariable).")
    }
    return report.isIntact ? 0 : 1
  }

  private func read(_ file: String, _ reader: AuditExportReader) throws(OptionError) -> AuditReport {
    guard let bytes = FileAccess.bytes(file) else {
      throw OptionError(description: "the file \(file) cannot be read")
    }
    var reader = reader
    do throws(AuditExportReader.Refusal) {
      for line in bytes.split(separator: UInt8(ascii: "\n")) { try reader.take(line) }
      return try reader.finish()
    } catch {
      throw OptionError(description: "\(file): \(error.rawValue)")
    }
  }

  /// The keys of `--keys`, of the environment, or of a local stack; `nil` when there are none.
  private func keys(_ options: Options) throws(OptionError) -> AuditKeys? {
    let named = options["keys"] ?? environment[AuditCommands.keysVariable]
    let file = named ?? (options["data"] ?? ".local") + "/keys/audit"
    guard let text = FileAccess.read(file) else {
      if let named { throw OptionError(description: "the file \(named) cannot be read") }
      return nil
    }
    do { return try AuditKeys(setting: text, named: file) } catch { throw OptionError(description: "\(error)") }
  }

  private func say(
    _ chain: String, _ isIntact: Bool, entries: Int64, last: Int64, _ faults: [String], of count: Int64
  ) {
    output.line("\(chain): \(isIntact ? "intact" : "NOT INTACT"), \(entries) entries, the last is number \(last)")
    for fault in faults { output.line(fault) }
    if count > Int64(faults.count) { output.line("and \(count - Int64(faults.count)) more faults") }
  }
}
