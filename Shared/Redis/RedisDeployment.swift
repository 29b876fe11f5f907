public import Reactor

/// How the servers of an installation belong together.
public enum RedisDeployment: Sendable, Hashable {
  /// One server at the configuration's `address`.
  case server
  /// A master with replicas, watched by sentinels that know it by a name.
  case sentinels([SocketAddress], master: String)
  /// A cluster, reached first through some of its nodes.
  case cluster([SocketAddress])
}
