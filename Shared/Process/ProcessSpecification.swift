/// What is started, and with what.
public struct ProcessSpecification: Sendable {
  /// What the program is called in messages.
  public var name: String
  /// Path of the program.
  public var executable: String
  /// Arguments behind the program's own name.
  public var arguments: [String]
  /// All variables; nothing is inherited.
  public var environment: [String: String]
  /// The working folder; that of this process without one.
  public var folder: String?
  /// The file that both outputs are appended to; they are dropped without one.
  public var log: String?
  /// Another user to run as; this process must be root.
  public var user: SystemUser?
  /// What it may use at most.
  public var limits: [ResourceLimit]
  /// Whether it gets SIGTERM when this process dies.
  public var diesWithParent = true
  /// Whether that is SIGKILL instead: for programs that may not be trusted to leave.
  public var isKilledWithParent = false
  /// A descriptor of this process that the program gets as number 3; it stays open here.
  public var control: Int32?
  /// A descriptor of this process that both outputs go to, in place of `log`; it stays open here.
  public var output: Int32?
  /// Whether what the program has started itself, and left running in its group, is killed when it ends.
  public var endsGroup = false

  /// A program named by its last path component.
  public init(
    _ executable: String, _ arguments: [String] = [], name: String? = nil, environment: [String: String] = [:],
    folder: String? = nil, log: String? = nil, user: SystemUser? = nil, limits: [ResourceLimit] = []
  ) {
    self.name = name ?? executable.split(separator: "/").last.map(String.init) ?? "program"
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.folder = folder
    self.log = log
    self.user = user
    self.limits = limits
  }
}
