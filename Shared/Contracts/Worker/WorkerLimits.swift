/// What a message of the worker protocol may hold. Both ends keep to it: the orchestrator refuses what is beyond, a
/// worker does not send it.
public enum WorkerLimits {
  /// Bytes of a worker's name.
  public static let workerBytesMax = 200
  /// Job types of a request for leases.
  public static let jobTypesMax = 32
  /// Bytes of each.
  public static let jobTypeBytesMax = 100
  /// Free slots of a request for leases.
  public static let slotsMax: Int64 = 256
  /// The longest wait for a lease, in milliseconds.
  public static let waitMillisecondsMax: Int64 = 60_000
  /// Bytes of a request.
  public static let bodyBytesMax = 8 << 20
  /// Bytes of inputs and journals after which an answer takes no further lease.
  public static let leasesBytesMax = 32 << 20
  /// Calls of one request.
  public static let callsMax = 100
  /// Results of one request.
  public static let resultsMax = 256
  /// Leases of one request of heartbeats.
  public static let heartbeatsMax = 1024
  /// Questions to people of one result.
  public static let asksMax = 32
  /// Bytes of the key of a question.
  public static let askKeyBytesMax = 100
  /// Bytes of what a question is about, and of its answer.
  public static let askSubjectBytesMax = 64 << 10
  /// The longest time that a question waits for its answer, in milliseconds: a year.
  public static let askExpiresMillisecondsMax: Int64 = 31_536_000_000
  /// Attempts of a step.
  public static let attemptMax: Int64 = 1_000_000
  /// Largest index of a call.
  public static let callIndexMax: Int64 = 1_000_000
  /// Bytes of the name of a model or tool; more is cut.
  public static let callNameBytesMax = 200
  /// Bytes of the code of a failure; more is cut.
  public static let failureCodeBytesMax = 100
  /// Bytes of the message of a failure; more is cut.
  public static let failureMessageBytesMax = 4000
  /// Largest count that a call reports: up to here every JSON reader knows whole numbers exactly. More is recorded as
  /// this.
  public static let countMax: Int64 = 1 << 53
  /// Shortest and longest lease that a worker believes, in milliseconds.
  public static let leaseMilliseconds: ClosedRange<Int64> = 100...86_400_000
  /// Bytes of a token or of the name of a step in a message.
  static let nameBytesMax = 64
  /// Bytes of an assertion.
  static let assertionBytesMax = 4096
}
