internal import CLinux
internal import Glibc
package import MCP
package import Process
internal import Reactor

/// A program that speaks over its input and output: the process, in a group of its own, and our ends of its pipes.
/// Started on a thread that may block.
package struct ServerProcess: Sendable {
  /// The process.
  package let child: ChildProcess
  /// Writes to its input: a socket.
  package let input: Int32
  /// Reads from its output.
  package let output: Int32
  /// Reads from its error output.
  package let errors: Int32

  /// Starts a program. Of this process it gets its three pipes and nothing else: no other descriptor, and of the
  /// environment what `specification` says.
  package static func start(_ specification: ProcessSpecification) throws(MCPError) -> ServerProcess {
    var pairs: [(own: Int32, program: Int32)] = []
    defer { for pair in pairs { Glibc.close(pair.program) } }
    func failed(_ what: String) -> MCPError {
      for pair in pairs { Glibc.close(pair.own) }
      return MCPError(.cannotStart, what)
    }
    var ends: [Int32] = [-1, -1]
    guard cadre_socket_pair(&ends) == 0 else { throw failed("no pipe can be made") }
    pairs.append((ends[0], ends[1]))
    for _ in 0..<2 {
      guard pipe2(&ends, O_CLOEXEC) == 0 else { throw failed("no pipe can be made") }
      pairs.append((ends[0], ends[1]))
      guard cadre_set_nonblocking(ends[0]) == 0 else { throw failed("no pipe can be made") }
    }
    var specification = specification
    specification.input = pairs[0].program
    specification.output = pairs[1].program
    specification.errors = pairs[2].program
    specification.endsGroup = true
    specification.isKilledWithParent = true
    do throws(ProcessError) {
      let child = try ChildProcess.start(specification)
      return ServerProcess(child: child, input: pairs[0].own, output: pairs[1].own, errors: pairs[2].own)
    } catch { throw failed("\(error)") }
  }

  /// Ends a program that nobody listens to, and waits until it is gone. On a thread that may block.
  func abandon() {
    child.killGroup()
    for fd in [input, output, errors] { Glibc.close(fd) }
    _ = child.wait(seconds: ServerProcess.killSeconds)
  }

  private static let killSeconds = 5
}
