public import Process

/// The programs of the stack, with errors that a person can mend.
enum StackProgram {
  /// Starts a program; its outputs are appended to the file `log`.
  static func start(_ specification: ProcessSpecification) throws(StackError) -> ChildProcess {
    do { return try ChildProcess.start(specification) } catch { throw StackError(error.description) }
  }

  /// Runs a program to its end and returns its status and the end of its output.
  static func run(_ specification: ProcessSpecification) throws(StackError) -> ChildProcess.Completion {
    do { return try ChildProcess.run(specification) } catch { throw StackError(error.description) }
  }
}

extension SystemUser {
  /// The user for servers that refuse to run as root; `nil` when this process is not root.
  public static func forServers() throws(StackError) -> SystemUser? {
    guard canChange else { return nil }
    for name in ["postgres", "nobody"] { if let user = SystemUser(named: name) { return user } }
    throw StackError("Postgres refuses to run as root and there is neither a user \"postgres\" nor \"nobody\"")
  }
}
