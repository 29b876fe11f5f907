import Foundation
import JSON
import LocalStack
import Process
import Testing

/// `cadre doctor`, `status` and `logs` beside a stack of their own, which they see well and broken.
extension EndToEndTests {
  @Suite(.serialized) final class Operator {
    private let folder = "/tmp/cadre-operator-\(getpid())"
    private let stack: LocalStack

    init() throws {
      var configuration = StackConfiguration(data: folder, executables: StackFixture.executables)
      configuration.port = 0
      configuration.isThrowaway = true
      stack = try LocalStack(configuration)
      do { try stack.startServices() } catch {
        stack.stop()
        throw error
      }
    }

    deinit {
      stack.stop()
      try? FileManager.default.removeItem(atPath: folder)
    }

    private struct Answer {
      let status: Int32
      let text: String

      /// The findings of a check that are faults.
      func faults(_ check: String) throws -> [String] {
        try #require(try JSONDocument(parsing: text).root["findings"]).elements
          .filter { $0["check"]?.string == check && $0["status"]?.string == "fault" }
          .map { "\($0["detail"]?.string ?? "") / \($0["remedy"]?.string ?? "")" }
      }
    }

    /// Runs the command; whatever it prints, no secret is in it.
    private func cadre(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Answer {
      let done = try ChildProcess.run(
        ProcessSpecification(
          StackFixture.executables + "/cadre", arguments, environment: environment, folder: "/"), seconds: 120,
        outputBytesMax: 1 << 20)
      for secret in [stack.apiKey] + StackKeys.Name.allCases.map({ String(stack.keys.list($0).dropFirst(6)) }) {
        #expect(secret.count > 20 && !done.output.contains(secret))
      }
      return Answer(status: done.status, text: done.output)
    }

    private func doctor(_ more: String...) throws -> Answer {
      try cadre(["doctor", "--json", "--data", folder, "--timeout", "20"] + more)
    }

    @Test func `the doctor names what is broken and how to mend it, and finds nothing where all is well`() throws {
      let well = try doctor()
      #expect(well.status == 0, "\(well.text)")
      let findings = try #require(try JSONDocument(parsing: well.text).root["findings"]).elements
      let checked = Set(findings.filter { $0["status"]?.string == "ok" }.compactMap { $0["check"]?.string })
      #expect(
        checked.isSuperset(of: [
          "configuration", "services", "versions", "postgres", "migrations", "redis", "api", "providers", "keys",
          "clocks", "descriptors",
        ]), "\(well.text)")
      let text = try cadre(["doctor", "--data", folder])
      #expect(text.status == 0 && text.text.contains("0 at fault"), "\(text.text)")

      // A gateway with another key, seen on this machine and from elsewhere.
      try FileAccess.write(folder + "/wrong-keys", "other:\(String(repeating: "ab", count: 32))\n")
      let wrong = try stack.startReplica(
        of: "gateway", environment: ["CADRE_IDENTITY_GATEWAY_KEYS_FILE": folder + "/wrong-keys"])
      let distrusted = try doctor()
      #expect(distrusted.status == 1)
      #expect(
        try distrusted.faults("keys").contains { $0.contains("which orchestrator does not have / give both the same") },
        "\(distrusted.text)")
      let remote = try cadre(
        [
          "doctor", "--json", "--url", "http://127.0.0.1:\(wrong.port)", "--admin",
          "gateway=http://127.0.0.1:\(wrong.adminPort)",
        ],
        ["CADRE_API_KEY": stack.apiKey, "CADRE_POSTGRES_URL": stack.postgres.connectionString])
      #expect(remote.status == 1)
      #expect(
        try remote.faults("api").contains { $0.contains("a service does not believe the gateway") }, "\(remote.text)")
      #expect(try remote.faults("postgres").isEmpty && remote.faults("services").count == 3, "\(remote.text)")
      wrong.process.stop()
      #expect(try doctor().faults("services").contains { $0.contains("\(wrong.name) gives no answer") })

      // A schema that lacks a migration, and one whose script was another.
      let newest = try stack.postgres.query("select max(version) from orchestrator.schema_migrations")
      _ = try stack.postgres.query("delete from orchestrator.schema_migrations where version = \(newest)")
      _ = try stack.postgres.query("update llm_router.schema_migrations set checksum = 'x' where version = 2")
      let old = try doctor()
      #expect(try old.faults("migrations").contains { $0.contains("orchestrator is at migration") }, "\(old.text)")
      #expect(
        try old.faults("migrations").contains { $0.contains("migrations 2 were applied with other") }, "\(old.text)")

      // No Redis, then no database either.
      _ = try ChildProcess.run(
        ProcessSpecification("/usr/bin/redis-cli", ["-s", stack.redisSocket, "shutdown", "nosave"], folder: "/"))
      #expect(try doctor("--timeout", "5").faults("redis").count == 1)
      stack.postgres.stop(isImmediate: true)
      let dead = try doctor("--timeout", "5")
      #expect(dead.status == 1)
      #expect(try dead.faults("postgres").contains { $0.contains("/ start the server") }, "\(dead.text)")
      #expect(try !dead.faults("services").isEmpty, "services say that they are not ready: \(dead.text)")

      stack.stop()
      let nothing = try doctor()
      #expect(nothing.status == 1)
      #expect(try nothing.faults("services").contains { $0.contains("nothing runs on the data folder") })
    }

    @Test func `status shows the installation, logs its lines`() throws {
      let answer = BlockingHTTP.send(
        "POST", port: stack.port(of: "gateway"), path: "/api/v1/tasks",
        headers: ["Authorization": "Bearer \(stack.apiKey)", "Prefer": "wait=60"], body: #"{"prompt":"x"}"#, seconds: 90
      )
      #expect(answer?.status == 200)
      let status = try cadre(["status", "--json", "--data", folder, "--timeout", "20"])
      let root = try JSONDocument(parsing: status.text).root
      #expect(status.status == 0 && root["serving"]?.bool == true, "\(status.text)")
      #expect(root["runs_24h"]?["succeeded"]?.int == 1 && root["workers"]?["slots"]?.int == 16, "\(status.text)")
      #expect(root["services"]?.elements.count { $0["ready"]?.bool == true } == 5)
      #expect(root["open_breakers"]?.count == 0)
      let text = try cadre(["status", "--data", folder])
      #expect(text.text.contains("gateway        1 of 1 ready") && text.text.contains("1 succeeded"), "\(text.text)")

      let logs = try cadre(["logs", "--data", folder, "--service", "gateway", "--lines", "12"])
      #expect(logs.status == 0 && logs.text.contains("listening port="), "\(logs.text)")
      let raw = try cadre(["logs", "--data", folder, "--json", "--level", "info", "--service", "orchestrator"])
      #expect(
        try raw.text.split(separator: "\n").allSatisfy { try JSONDocument(parsing: String($0)).root["message"] != nil })
      #expect(try cadre(["logs", "--data", folder, "--service", "nobody"]).status == 2)
    }

    @Test(arguments: ["orchestrator", "llm-router", "gateway"])
    func `a migration job brings an empty database to the version, does nothing twice, and fails where it cannot`(
      service: String
    ) throws {
      func migrate(_ database: String) throws -> Answer {
        var environment = [
          "CADRE_POSTGRES_URL": "host=\(stack.sockets) port=5432 user=cadre dbname=\(database)",
          "CADRE_HTTP_PORT": "\(stack.port(of: service))",
        ]
        if service == "llm-router" { environment["CADRE_REDIS_URL"] = "unix:/nowhere" }
        if service == "gateway" {
          environment["CADRE_AUTH_KEY"] = stack.apiKey
          environment["CADRE_REDIS_URL"] = "unix:/nowhere"
        }
        let keys: [(String, StackKeys.Name)] =
          switch service {
          case "orchestrator":
            [("CADRE_IDENTITY_STEP_KEYS_FILE", .step), ("CADRE_IDENTITY_WORKER_KEYS_FILE", .worker)]
          case "gateway": [("CADRE_IDENTITY_KEY_SECRETS_FILE", .apiKey), ("CADRE_AUDIT_KEYS_FILE", .audit)]
          default: [("CADRE_IDENTITY_STEP_KEYS_FILE", .step), ("CADRE_VIRTUAL_KEYS_SIGNING_KEYS_FILE", .virtualKey)]
          }
        for (variable, name) in keys + [("CADRE_IDENTITY_GATEWAY_KEYS_FILE", .gateway)] {
          environment[variable] = stack.keys.path(name)
        }
        let done = try ChildProcess.run(
          ProcessSpecification(
            "\(StackFixture.executables)/\(service)", ["--migrate"], environment: environment, folder: "/"),
          seconds: 120)
        return Answer(status: done.status, text: done.output)
      }
      _ = try stack.postgres.query("create database fresh", database: "postgres")
      let first = try migrate("fresh")
      #expect(first.status == 0 && first.text.contains("\"schema migrated\""), "\(first.text)")
      let schema = service.replacingOccurrences(of: "-", with: "_")
      let applied = "select count(*) from \(schema).schema_migrations"
      #expect(try stack.postgres.query(applied, database: "fresh") == stack.postgres.query(applied))
      let second = try migrate("fresh")
      #expect(second.status == 0 && !second.text.contains("\"schema migrated\""), "\(second.text)")
      let failed = try migrate("none")
      #expect(failed.status == 1 && failed.text.contains("the schema could not be migrated"), "\(failed.text)")
      _ = try stack.postgres.query(
        "insert into \(schema).schema_migrations values (99, 'x', 'x', now(), 0)", database: "fresh")
      #expect(try migrate("fresh").status == 1)
    }

    @Test func `a service takes the descriptors that it may, says so, and warns when they are too few`() throws {
      func start(_ limit: String?) throws -> (log: String, metrics: String) {
        let (port, admin) = (LoopbackPort.free(), LoopbackPort.free())
        let log = "\(folder)/limits-\(admin)"
        let process = try ChildProcess.start(
          ProcessSpecification(
            "/bin/bash", ["-c", "ulimit -Sn 300; ulimit -Hn 4096; exec \(StackFixture.executables)/mock-provider"],
            environment: ["CADRE_HTTP_PORT": "\(port)", "CADRE_ADMIN_PORT": "\(admin)"].merging(
              limit.map { ["CADRE_HTTP_CONNECTIONS_MAX": $0] } ?? [:]
            ) { $1 },
            folder: "/", log: log))
        defer { process.stop() }
        for _ in 0..<1200 {
          if let answer = BlockingHTTP.send(port: admin, path: "/metrics") {
            // The line is written by another thread.
            let text = FileAccess.read(log) ?? ""
            if text.contains("\"listening\"") { return (text, answer.body) }
          }
          Thread.sleep(forTimeInterval: 0.1)
        }
        Issue.record("it does not start: \(FileAccess.read(log) ?? "")")
        return ("", "")
      }
      let few = try start("20000")
      #expect(few.metrics.contains("\nprocess_max_fds 4096\n"), "\(few.metrics.suffix(600))")
      #expect(few.log.contains("\"descriptors_max\":4096"))
      #expect(few.log.contains("http.connections_max is 20000, for which"), "\(few.log)")
      #expect(try !start("1000").log.contains("\"warning\""))
      // Without a setting as many are accepted as fit.
      let derived = try start(nil).log
      #expect(derived.contains("\"connections_max\":3328") && !derived.contains("\"warning\""), "\(derived)")
    }
  }
}
