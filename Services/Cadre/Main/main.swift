internal import CadreCommands
internal import Glibc

exit(CadreTool.run(Array(CommandLine.arguments.dropFirst()), output: .standard))
