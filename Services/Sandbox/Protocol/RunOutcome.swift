/// How a run has ended. The raw values are stable: they stand in histories, metrics and answers.
package enum RunOutcome: String, Hashable, Sendable, CaseIterable {
  /// The program has ended by itself with status 0.
  case ok
  /// The program has ended with another status, or by an exception that it did not catch.
  case exitNonzero = "exit_nonzero"
  /// The real time is used up.
  case timeoutWall = "timeout_wall"
  /// The fuel is used up.
  case timeoutCPU = "timeout_cpu"
  /// The program ran out of its memory.
  case memory
  /// The program ran out of its stack.
  case stack
  /// The program has written more than it may; the end is missing.
  case outputTruncated = "output_truncated"
  /// The scratch folder is full: bytes or files.
  case disk
  /// Another trap of the engine; the report names it.
  case trap
  /// The module is malformed or over a limit, or compiling it took too long.
  case compileRejected = "compile_rejected"
  /// The request asks for something that this worker does not do.
  case denied
  /// A fault of the sandbox, not of the program. The run may be repeated in a new worker.
  case sandboxError = "sandbox_error"
  /// The run was cancelled. Only the supervisor reports this: it cancels by ending the process.
  case cancelled

  /// Whether a worker that has reported this may take another run. Otherwise the supervisor ends it.
  package var keepsWorker: Bool { self == .ok || self == .exitNonzero }
}
