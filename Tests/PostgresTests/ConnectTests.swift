import Testing

@testable import Postgres

/// Pure parts of connecting and of reading from a replica.
@Suite struct ConnectTests {
  @Test(arguments: [
    ("SSL error: certificate verify failed", "sslrootcert"),
    ("server certificate for \"a\" does not match host name \"b\"", "another name"),
    ("root certificate file \"/x\" does not exist", "sslrootcert"),
    ("server does not support SSL, but SSL was required", "ssl = on"),
    ("FATAL:  password authentication failed for user \"u\"", "password"),
    ("FATAL:  unsupported startup parameter: options", "CADRE_POSTGRES_POOLER=transaction"),
    ("FATAL:  sorry, too many clients already", "max_connections"),
  ])
  func `what cannot be connected to says what to do, and nothing of the message`(message: String, word: String) {
    let error = PostgresError(.unavailable, detail: message, advice: ConnectAdvice.advice(for: message))
    #expect(error.description.contains(word) && !error.description.contains(message))
    #expect(String(reflecting: error).contains(message))
  }

  @Test func `an unknown message has no advice`() {
    #expect(
      PostgresError(.unavailable, detail: "odd", advice: ConnectAdvice.advice(for: "odd")).description.hasSuffix(
        "reached"))
  }

  @Test func `settings go with the session, or with each transaction`() {
    var configuration = PostgresConfiguration(connectionString: "postgresql://db/cadre", schema: "it's")
    #expect(configuration.conninfo.contains("&options=") || configuration.conninfo.contains("?options="))
    #expect(configuration.transactionSettings == nil)
    configuration.pooler = .transaction
    configuration.directConnectionString = "host=direct"
    #expect(!configuration.conninfo.contains("options"))
    #expect(configuration.transactionSettings?.contains("set_config('search_path', 'it''s', true)") == true)
    #expect(configuration.directConninfo.hasPrefix("host=direct ") && configuration.directConninfo.contains("options"))
  }

  @Test func `a replica has everything up to the latest position that it has passed`() {
    var freshness = ReplicaFreshness()
    freshness.replica(at: 100)
    #expect(freshness.wholeUntil == nil)
    freshness.primary(at: 100, time: 1)
    freshness.primary(at: 200, time: 2)
    freshness.primary(at: 200, time: 3)
    freshness.replica(at: 150)
    #expect(freshness.wholeUntil == 1)
    freshness.replica(at: 200)
    #expect(freshness.wholeUntil == 3)
    // It stands still: no newer time is known.
    freshness.primary(at: 300, time: 4)
    freshness.replica(at: 200)
    #expect(freshness.wholeUntil == 3)
    // Another server has taken over at an older position: nothing is known.
    freshness.primary(at: 50, time: 5)
    #expect(freshness.wholeUntil == nil)
    freshness.replica(at: 40)
    #expect(freshness.wholeUntil == nil)
  }

  @Test func `the notes of positions are bounded`() {
    var freshness = ReplicaFreshness()
    for time in 0..<10_000 { freshness.primary(at: UInt64(time), time: UInt64(time)) }
    freshness.replica(at: 5)
    #expect(freshness.wholeUntil == nil)
    freshness.replica(at: 9_990)
    #expect(freshness.wholeUntil == 9_990)
  }

  @Test func `what the replica could not do is asked of the primary, what was too much is not`() {
    for state in ["40001", "57P01", "42P01", "08006"] {
      #expect(PostgresReader.isOfReplica(PostgresError(.sql(state))))
    }
    #expect(!PostgresReader.isOfReplica(PostgresError(.sql("57014"))))
    #expect(!PostgresReader.isOfReplica(PostgresError(.timedOut)))
    #expect(!PostgresReader.isOfReplica(PostgresError(.sql("22P02"))))
  }
}
