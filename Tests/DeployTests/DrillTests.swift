import Testing

/// Drills with real servers. They take half a minute each, the last two less; the others are run by `make drills`.
@Suite(.serialized) struct DrillTests {
  @Test func `a backup is restored row for row, and open runs go on`() throws {
    let drill = try Script.run(
      "python3", "Tests/Deploy/restore_drill.py", "--bin", Script.executables, "--tasks", "100")
    #expect(drill.status == 0, "\(drill.text.suffix(4000))")
  }

  @Test func `backups that fail leave nothing that looks like one, and restores that fail change nothing`() throws {
    let drill = try Script.run("python3", "Tests/Deploy/backup_drill.py", "--bin", Script.executables)
    #expect(drill.status == 0, "\(drill.text.suffix(4000))")
  }

  @Test func `jobs and services run with what the manifests of Kubernetes give them`() throws {
    let drill = try Script.run("python3", "Tests/Deploy/manifest_drill.py", "--bin", Script.executables)
    #expect(drill.status == 0, "\(drill.text.suffix(4000))")
  }

  @Test func `traces are whole trees, and logs and metrics arrive, at a receiver that knows the schema`() throws {
    let drill = try Script.run(
      ".build/python/bin/python", "Tests/Deploy/trace_drill.py", "--bin", Script.executables, "--quick")
    #expect(drill.status == 0, "\(drill.text.suffix(8000))")
  }

  @Test func `a database that dies under load costs no accepted task`() throws {
    let drill = try Script.run(
      "python3", "Tests/Deploy/failover_drill.py", "--bin", Script.executables, "--seconds", "3")
    #expect(drill.status == 0, "\(drill.text.suffix(4000))")
  }

  @Test func `a stack works through a pooler in transaction mode`() throws {
    let drill = try Script.run(
      "python3", "Tests/Deploy/pooler_drill.py", "--bin", Script.executables, "--seconds", "4")
    #expect(drill.status == 0, "\(drill.text.suffix(4000))")
  }

  @Test func `certificates of the database are verified, and a wrong one says what to do`() throws {
    let drill = try Script.run("python3", "Tests/Deploy/tls_drill.py", "--bin", Script.executables)
    #expect(drill.status == 0, "\(drill.text.suffix(4000))")
  }
}
