internal import Primitives
public import Reactor

/// How to reach Redis.
public struct RedisConfiguration: Sendable {
  /// Where the server listens.
  public var address: SocketAddress
  /// The user of `AUTH`; `nil` means the default user. Only used with a password.
  public var username: String?
  /// The password of `AUTH`; `nil` means that the server asks for none.
  public var password: String?
  /// The database that is selected; 0 is the first.
  public var database: Int
  /// Shown by `CLIENT LIST`; no blanks.
  public var clientName: String
  /// Time for a connection to be made, authentication included.
  public var connectTimeout = Duration.seconds(2)
  /// Time for a command to be answered.
  public var commandTimeout = Duration.seconds(1)
  /// Time after a command's deadline in which nothing at all arrives, after which the connection is given up.
  public var silenceTimeout = Duration.seconds(5)
  /// Time between two looks at an idle connection.
  public var probeInterval = Duration.seconds(5)
  /// Commands that may wait for their answers on one event loop, those included whose callers gave up.
  public var inFlightMax = 4096
  /// Bytes of commands that may wait to be sent on one event loop; a single larger command still passes.
  public var unsentBytesMax = 64 << 20
  /// Bytes of one reply; Redis itself allows strings of 512 MiB.
  public var replyBytesMax = 64 << 20
  /// Subscriptions of one event loop.
  public var subscriptionsMax = 65_536

  /// Makes a configuration with the defaults above.
  public init(
    address: SocketAddress, username: String? = nil, password: String? = nil, database: Int = 0,
    clientName: String = "cadre"
  ) {
    self.address = address
    self.username = username
    self.password = password
    self.database = database
    self.clientName = clientName
  }

  /// What is sent first on each connection. The `PING` also tells a server that is still loading its data.
  var greeting: [[RedisArgument]] {
    var commands: [[RedisArgument]] = []
    if let password {
      commands.append(["AUTH"] + (username.map { [.string($0)] } ?? []) + [.string(password)])
    }
    commands.append(["CLIENT", "SETNAME", .string(clientName)])
    if database != 0 { commands.append(["SELECT", .int(database)]) }
    commands.append(["PING"])
    return commands
  }
}
