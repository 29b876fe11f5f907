import Reactor
import RedisTestKit
import TLS
import Telemetry
import Testing

@testable import Redis

extension PortRedis {
  /// Asks the server directly. On a loop.
  @discardableResult
  func ask(_ words: [RedisArgument], _ change: (inout RedisConfiguration) -> Void = { _ in }) async throws -> RedisValue
  {
    var configuration = RedisConfiguration(address: address)
    configuration.connectTimeout = .seconds(20)
    change(&configuration)
    let connection = try await RedisConnection.connect(configuration)
    defer { connection.close() }
    let answers = try await connection.ask([RedisCommand(words)], until: .max)
    if case .error(let error) = answers[0] { throw FixtureError("\(words[0]): \(error.message)") }
    return answers[0]
  }
}

/// A configuration as an operator writes it, with limits for a busy machine.
func configuration(
  _ url: String, _ change: (inout RedisConfiguration) -> Void = { _ in }
) throws -> RedisConfiguration {
  var configuration = try RedisConfiguration(url: url)
  configuration.commandTimeout = .seconds(20)
  configuration.connectTimeout = .seconds(20)
  configuration.redirectTimeout = .seconds(60)
  change(&configuration)
  return configuration
}

extension MetricsRegistry {
  var text: String { String(decoding: render(.prometheusText), as: UTF8.self) }
}
