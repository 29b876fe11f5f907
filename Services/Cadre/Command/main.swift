internal import Glibc
internal import LocalStack

let arguments = Array(CommandLine.arguments.dropFirst())
let status: Int32
switch arguments.first {
case "up": status = UpCommand.run(Array(arguments.dropFirst()))
case "submit": status = TaskCommands.submit(Array(arguments.dropFirst()))
case "get": status = TaskCommands.get(Array(arguments.dropFirst()))
case "events": status = TaskCommands.events(Array(arguments.dropFirst()))
case "replay": status = ReplayCommand.run(Array(arguments.dropFirst()))
case "--version", "version":
  print("cadre 0.1.0")
  status = 0
case nil, "--help", "-h", "help":
  print(Usage.text)
  status = 0
case .some(let word):
  Output.error("cadre: there is no command \"\(word)\".\n\n\(Usage.text)")
  status = 2
}
exit(status)
