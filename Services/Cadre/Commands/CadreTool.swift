internal import LocalStack
internal import ServiceKit

/// The command line of `cadre`.
package enum CadreTool {
  /// The version that is printed.
  package static let version = CadreVersion.current

  /// Runs a command and returns the exit status: 0 when it did what was asked, 1 when it could not, 2 when the command
  /// line is not understood.
  package static func run(
    _ arguments: [String], output: Output, environment: [String: String] = ProcessEnvironment.all
  ) -> Int32 {
    let rest = Array(arguments.dropFirst())
    if let command = arguments.first, let text = Usage.commands[command],
      rest.contains(where: { $0 == "--help" || $0 == "-h" })
    {
      output.line(text)
      return 0
    }
    switch arguments.first {
    case "up": return UpCommand(output: output, environment: environment).run(rest)
    case "submit": return TaskCommands(output: output, environment: environment).submit(rest)
    case "get": return TaskCommands(output: output, environment: environment).get(rest)
    case "events": return TaskCommands(output: output, environment: environment).events(rest)
    case "artefacts": return WorkspaceCommands(output: output, environment: environment).artefacts(rest)
    case "artefact": return WorkspaceCommands(output: output, environment: environment).artefact(rest)
    case "tools": return WorkspaceCommands(output: output, environment: environment).tools(rest)
    case "tool": return WorkspaceCommands(output: output, environment: environment).tool(rest)
    case "mcp": return WorkspaceCommands(output: output, environment: environment).mcp(rest)
    case "approvals": return people(output, environment).approvals(rest)
    case "approve": return people(output, environment).decide(rest, isApproved: true)
    case "reject": return people(output, environment).decide(rest, isApproved: false)
    case "outcome": return people(output, environment).outcome(rest)
    case "questions": return people(output, environment).questions(rest)
    case "answer": return people(output, environment).answer(rest)
    case "admin": return AdminCommands(tasks: TaskCommands(output: output, environment: environment)).run(rest)
    case "replay": return ReplayCommand(output: output).run(rest)
    case "audit": return AuditCommands(output: output, environment: environment).run(rest)
    case "secrets": return SecretsCommands(output: output, environment: environment).run(rest)
    case "policy" where PolicyControlCommands.names.contains(rest.first ?? ""):
      return PolicyControlCommands(tasks: TaskCommands(output: output, environment: environment)).run(rest)
    case "policy": return PolicyCommand(output: output).run(rest)
    case "doctor": return OperatorCommands(output: output, environment: environment).doctor(rest)
    case "status": return OperatorCommands(output: output, environment: environment).status(rest)
    case "logs": return OperatorCommands(output: output, environment: environment).logs(rest)
    case "--version", "version":
      output.line("cadre \(version)")
      return 0
    case "help" where !rest.isEmpty: return help(rest[0], output)
    case nil, "--help", "-h", "help":
      output.line(Usage.text)
      return 0
    case .some(let word): return unknown(word, output)
    }
  }

  private static func people(_ output: Output, _ environment: [String: String]) -> PeopleCommands {
    PeopleCommands(tasks: TaskCommands(output: output, environment: environment))
  }

  private static func help(_ command: String, _ output: Output) -> Int32 {
    guard let text = Usage.commands[command] else { return unknown(command, output) }
    output.line(text)
    return 0
  }

  private static func unknown(_ word: String, _ output: Output) -> Int32 {
    output.error("cadre: there is no command \"\(word)\".\n\n\(Usage.text)")
    return 2
  }
}
