package import Process
package import SandboxProtocol

/// How a supervisor works.
package struct SandboxConfiguration: Sendable {
  /// The bounds of the pool.
  package var pool = PoolLimits()
  /// What a run may use when its job asks for no less.
  package var limits = RunLimits()
  /// What may be left in a scratch folder.
  package var scratch = ScratchLimits()
  /// The folder of the scratch folders; it belongs to this process alone.
  package var scratchRoot: String
  /// The first user id of the slots; `nil` when this process cannot change users.
  package var firstUser: UInt32?
  /// Milliseconds after the time of a run until its worker is killed.
  package var graceMilliseconds: Int64 = 100
  /// Milliseconds after the time of a run until a worker is killed that only sleeps: its guest blocks in a call of the
  /// engine, and nothing will come of it. One that computes ends within one tick of 5 ms, one that sleeps in slices of
  /// 8 ms.
  package var blockedMilliseconds: Int64 = 11
  /// Milliseconds that a worker may take until it is ready.
  package var startMilliseconds: Int64 = 10_000
  /// Most threads of a worker; the jail sets the same limit where a worker has a user of its own.
  package var threadsMax = 40
  /// Milliseconds between two looks at the scratch folder and the threads of a running job.
  package var quotaMilliseconds: Int64 = 100
  /// Whether a worker is trusted with jobs only after the jail has reported its layers. Tests have no jail.
  package var requiresJail = true
  /// Largest frame of a worker that runs jobs.
  package var frameBytesMax = 24 << 20
  /// Largest frame of a worker that compiles.
  package var compiledBytesMax = 96 << 20

  /// A configuration with the defaults.
  package init(scratchRoot: String) { self.scratchRoot = scratchRoot }

  /// The user id of a slot.
  func user(of slot: Int) -> UInt32? { firstUser.map { $0 &+ UInt32(clamping: slot) } }
}

/// How the process of a worker is started.
package protocol WorkerLauncher: Sendable {
  /// What is started for a worker; the supervisor adds the control channel. `scratch` is its folder, `user` the id
  /// that it gets, if this process can change users.
  func specification(_ kind: WorkerKind, slot: Int, scratch: String, user: UInt32?) -> ProcessSpecification
}
