internal import CLinux
internal import Glibc

/// Two connected stream sockets: one for this process, one for a program that it starts.
public struct ControlChannel: Sendable {
  /// The end of this process; it does not block.
  public let own: Int32
  /// The end of the program (`ProcessSpecification.control`); it is closed here once the program runs.
  public let program: Int32

  /// Makes a pair; both are closed when a program is started that does not get them.
  public static func make() throws(ProcessError) -> ControlChannel {
    var ends: [Int32] = [-1, -1]
    guard cadre_socket_pair(&ends) == 0 else {
      throw ProcessError("no control channel can be made: \(String(cString: strerror(errno)))")
    }
    return ControlChannel(own: ends[0], program: ends[1])
  }
}
