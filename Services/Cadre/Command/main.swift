internal import Glibc
internal import LocalStack

let arguments = Array(CommandLine.arguments.dropFirst())
let status: Int32
if let command = arguments.first, let text = Usage.commands[command],
  arguments.dropFirst().contains(where: { $0 == "--help" || $0 == "-h" })
{
  print(text)
  exit(0)
}
switch arguments.first {
case "up": status = UpCommand.run(Array(arguments.dropFirst()))
case "submit": status = TaskCommands.submit(Array(arguments.dropFirst()))
case "get": status = TaskCommands.get(Array(arguments.dropFirst()))
case "events": status = TaskCommands.events(Array(arguments.dropFirst()))
case "replay": status = ReplayCommand.run(Array(arguments.dropFirst()))
case "--version", "version":
  print("cadre 0.1.0")
  status = 0
case "help" where arguments.count > 1:
  if let text = Usage.commands[arguments[1]] {
    print(text)
    status = 0
  } else {
    Output.error("cadre: there is no command \"\(arguments[1])\".\n\n\(Usage.text)")
    status = 2
  }
case nil, "--help", "-h", "help":
  print(Usage.text)
  status = 0
case .some(let word):
  Output.error("cadre: there is no command \"\(word)\".\n\n\(Usage.text)")
  status = 2
}
exit(status)
