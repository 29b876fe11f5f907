internal import Primitives
public import Reactor
public import TLS

/// How to reach Redis, and the limits of the client.
public struct RedisConfiguration: Sendable {
  /// Where the server listens; for sentinels and clusters the first of those that are known.
  public var address: SocketAddress
  /// Whether that is one server, or whom to ask where the servers are.
  public var deployment = RedisDeployment.server
  /// How connections are secured, to sentinels too; `nil` for not at all.
  public var tls: TLSConfiguration?
  /// The ACL user; `nil` for the default user.
  public var username: String?
  /// The password; `nil` when none is needed.
  public var password: String?
  /// The ACL user of the sentinels; `nil` for the default user.
  public var sentinelUsername: String?
  /// The password of the sentinels; `nil` when none is needed.
  public var sentinelPassword: String?
  /// The number of the logical database.
  public var database = 0
  /// The name in `CLIENT LIST`; no spaces. An empty name is not sent.
  public var clientName = "cadre"
  /// Multiplexed connections of each event loop. One is enough: all commands of a turn leave in one write.
  public var connectionsPerLoop = 1
  /// Time for a connection to be made, greeting included.
  public var connectTimeout = Duration.seconds(5)
  /// Time for a command to be answered.
  public var commandTimeout = Duration.seconds(1)
  /// Time beyond the deadline of the oldest unanswered command after which its connection is given up.
  public var overdueGrace = Duration.seconds(2)
  /// Time between two probes of an idle connection, and between two looks at where the servers are.
  public var probeInterval = Duration.seconds(10)
  /// The longest pause between two attempts to connect.
  public var retryPauseMax = Duration.seconds(3)
  /// Time in which a cluster has to say who serves a key, redirections and a moving slot included.
  public var redirectTimeout = Duration.seconds(5)
  /// Unanswered commands of a connection; more are refused as `overloaded`.
  public var inFlightCommandsMax = 16_384
  /// Bytes of the unanswered commands of a connection; more are refused as `overloaded`.
  public var inFlightBytesMax = 64 << 20
  /// Bytes of all strings in one reply; more break the connection as a `protocolViolation`.
  public var replyBytesMax = 64 << 20
  /// Elements of all arrays in one reply; more break the connection as a `protocolViolation`.
  public var replyElementsMax = 1 << 20
  /// Whether a server that is no master is refused.
  var requiresMaster = false

  /// Makes a configuration with the defaults above.
  public init(address: SocketAddress, username: String? = nil, password: String? = nil, database: Int = 0) {
    self.address = address
    self.username = username
    self.password = password
    self.database = database
  }

  var replyLimits: ReplyLimits { ReplyLimits(bytesMax: replyBytesMax, elementsMax: replyElementsMax) }

  /// The first commands on a connection. The last reply says whether the server is ready to serve.
  var greeting: [RedisCommand] {
    var commands: [RedisCommand] = []
    if let password {
      commands.append(RedisCommand(.auth, ["AUTH"] + [username, password].compactMap { $0.map(RedisArgument.string) }))
    }
    if database != 0 { commands.append(RedisCommand(.select, ["SELECT", RedisArgument(database)])) }
    if !clientName.isEmpty { commands.append(RedisCommand(.client, ["CLIENT", "SETNAME", .string(clientName)])) }
    if requiresMaster { commands.append(RedisCommand(.role, ["ROLE"])) }
    commands.append(RedisCommand(.ping, ["PING"]))
    return commands
  }
}

extension RedisConfiguration {
  /// The same for one server at an address.
  func server(at address: SocketAddress, requiresMaster: Bool = false) -> RedisConfiguration {
    var configuration = self
    configuration.address = address
    configuration.deployment = .server
    configuration.requiresMaster = requiresMaster
    return configuration
  }

  /// The same for a sentinel at an address, which has a password of its own and no databases.
  func sentinel(at address: SocketAddress) -> RedisConfiguration {
    var configuration = server(at: address)
    configuration.username = sentinelUsername
    configuration.password = sentinelPassword
    configuration.database = 0
    return configuration
  }
}

/// Adds a duration to a moment of the monotonic clock (nanoseconds) without overflow; negative durations count as zero.
func deadline(after duration: Duration, from now: UInt64) -> UInt64 {
  let (sum, overflow) = now.addingReportingOverflow(UInt64(max(0, duration.nanoseconds)))
  return overflow ? .max : sum
}
