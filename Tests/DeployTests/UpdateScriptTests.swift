import Foundation
import Testing

/// What `deploy/up` and `deploy/upgrade` do in which order, with a stand-in for the container engine that writes down
/// how it is called.
@Suite struct UpdateScriptTests {
  /// Answers as `docker` and `docker compose` do for a stack in which all is well. `FAILS` is a part of the call that
  /// fails, `ENDED` a service one of whose two containers has ended, `LACKS` one that gets no new container.
  private static let engine = #"""
    #!/bin/bash
    echo "CADRE_VERSION=${CADRE_VERSION:-} $*" >> "$CALLS"
    if [ -n "${FAILS:-}" ] && [[ "$*" == *"$FAILS"* ]]; then echo "the database is away"; exit 1; fi
    case "$*" in
      *" config --services") printf '%s\n' $SERVICES cadre ;;
      *" config") echo "services: {}" ;;
      *" --scale "*) mkdir -p "$CALLS.new" && touch "$CALLS.new/$(sed -E 's/.* //' <<< "$*")" ;;
      "ps -q "* | "ps -aq "*)
        service=$(sed -E 's/.*compose.service=([a-z-]+).*/\1/' <<< "$*")
        [[ "$*" == *oneoff=False* ]] || exit 0
        case "$*" in
          *" --filter status="*) [ "$service" != "${ENDED:-}" ] || [ -e "$CALLS.new/$service" ] || echo "ended-$service" ;;
          "ps -aq "*) echo "dead-$service" ;;
          *)
            echo "id-$service"
            [ ! -e "$CALLS.new/$service" ] || [ "$service" = "${LACKS:-}" ] || echo "new-$service"
            if [ -e "$CALLS.new/$service" ] && [ "$service" = "${ENDED:-}" ]; then echo "new2-$service"; fi
            ;;
        esac ;;
      "inspect "*) [ "${*: -1}" = "${SICK:-}" ] && echo unhealthy || echo healthy ;;
      "exec -i "*) cat >> "$CALLS" ;;
    esac
    """#

  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "cadre-update-\(UUID().uuidString)")

  private func run(
    _ script: String, _ arguments: String..., services: String, fails: String = "", more: [String: String] = [:]
  )
    throws -> (status: Int32, text: String, calls: [String])
  {
    let deploy = folder.appendingPathComponent("deploy")
    if !FileManager.default.fileExists(atPath: deploy.path) {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("bin"), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: Script.root.appendingPathComponent("deploy"), to: deploy)
      // Made by the test, not those of an installation.
      try? FileManager.default.removeItem(at: deploy.appendingPathComponent("secrets"))
      try? FileManager.default.removeItem(at: deploy.appendingPathComponent(".state"))
      let docker = folder.appendingPathComponent("bin/docker")
      try Self.engine.write(to: docker, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: docker.path)
      // What is checked of the stack itself needs an engine that reads it.
      let validate = deploy.appendingPathComponent("validate")
      try "#!/bin/sh\n".write(to: validate, atomically: true, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: validate.path)
    }
    let calls = folder.appendingPathComponent("calls")
    for left in [calls.path, calls.path + ".new"] { try? FileManager.default.removeItem(atPath: left) }
    let path = "\(folder.path)/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    let result = try Script.run(
      arguments: [deploy.appendingPathComponent(script).path] + arguments,
      environment: ["PATH": path, "CALLS": calls.path, "SERVICES": services, "FAILS": fails].merging(more) { $1 })
    let text = (try? String(contentsOf: calls, encoding: .utf8)) ?? ""
    return (result.status, result.text, text.split(separator: "\n").map(String.init))
  }

  private static let all = "postgres redis orchestrator llm-router agent-core gateway postgres-exporter"

  @Test func `up starts Postgres, makes the role of its exporter, migrates, and then starts the rest`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let done = try run("up", "--no-build", "--version", "7.0.0", services: Self.all)
    #expect(done.status == 0, "\(done.text)")
    let order = [
      "up -d --no-build --no-deps postgres", "\\set password '", "grant pg_monitor to cadre_monitor",
      "run --rm --no-deps -T orchestrator --migrate", "run --rm --no-deps -T llm-router --migrate",
      "run --rm --no-deps -T gateway --migrate",
      "up -d --no-build postgres redis",
    ]
    let places = order.map { part in done.calls.firstIndex { $0.contains(part) } ?? -1 }
    #expect(!places.contains(-1) && places == places.sorted(), "\(places) of \(done.calls)")
    #expect(done.calls.filter { $0.contains("--migrate") }.allSatisfy { $0.hasPrefix("CADRE_VERSION=7.0.0 ") })
    let password = try String(
      contentsOf: folder.appendingPathComponent("deploy/secrets/postgres_monitor_password"), encoding: .utf8)
    #expect(password.count == 48 && done.calls.contains("\\set password '\(password)'"))
    // By standard input: an argument could be seen by every user of the machine.
    #expect(!done.calls.contains { $0.contains("exec") && $0.contains(password) })
  }

  @Test func `up starts the pooler before it migrates, and takes several files on top of the stack`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let done = try run(
      "up", "--no-build", "--version", "7.0.0", services: "\(Self.all) pgbouncer",
      more: ["CADRE_COMPOSE_OVERRIDE": "one.yml:two.yml"])
    #expect(done.status == 0, "\(done.text)")
    let order = [
      "up -d --no-build --no-deps postgres", "up -d --no-build --no-deps pgbouncer", "orchestrator --migrate",
    ]
    let places = order.map { part in done.calls.firstIndex { $0.contains(part) } ?? -1 }
    #expect(!places.contains(-1) && places == places.sorted(), "\(places) of \(done.calls)")
    #expect(done.calls.filter { $0.contains("--migrate") }.allSatisfy { $0.contains("-f one.yml -f two.yml -p ") })
  }

  @Test(arguments: ["orchestrator --migrate", "llm-router --migrate", "gateway --migrate"])
  func `up starts and replaces no service when the database cannot be migrated`(fails: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let first = try run("up", "--no-build", "--version", "6.0.0", services: Self.all)
    #expect(first.status == 0, "\(first.text)")
    let failed = try run("up", "--no-build", "--version", "7.0.0", services: Self.all, fails: fails)
    #expect(failed.status == 1)
    for part in [
      "the database is away", "the database could not be brought to version 7.0.0", "version 6.0.0 goes on",
    ] {
      #expect(failed.text.contains(part), "\(failed.text)")
    }
    #expect(!failed.calls.contains { $0.contains("up -d") && !$0.hasSuffix("--no-deps postgres") }, "\(failed.calls)")
    #expect(
      try String(contentsOf: folder.appendingPathComponent("deploy/.state/version"), encoding: .utf8) == "6.0.0\n")
  }

  @Test func `with a database elsewhere up only migrates it`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let done = try run(
      "up", "--no-build", "--version", "7.0.0", "--without", "postgres,postgres-exporter", services: Self.all)
    #expect(done.status == 0, "\(done.text)")
    #expect(!done.calls.contains { $0.contains("--no-deps postgres") || $0.contains("password") }, "\(done.calls)")
    #expect(done.calls.filter { $0.hasSuffix("--migrate") }.count == 3)
  }

  @Test func `upgrade migrates before it replaces anything, and replaces nothing when that fails`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let done = try run("upgrade", "7.0.0", services: Self.all)
    #expect(done.status == 0, "\(done.text)")
    let migrated = done.calls.lastIndex { $0.contains("--migrate") } ?? .max
    let replaced = done.calls.firstIndex { $0.contains("--scale") } ?? -1
    #expect(migrated < replaced && done.calls.filter { $0.hasSuffix("--migrate") }.count == 3, "\(done.calls)")
    let failed = try run("upgrade", "8.0.0", services: Self.all, fails: "llm-router --migrate")
    #expect(failed.status == 1 && failed.text.contains("could not be brought to version 8.0.0"), "\(failed.text)")
    #expect(
      failed.text.contains("--- llm-router --migrate ended with 1") && failed.text.contains("the old version serves on")
    )
    #expect(!failed.calls.contains { $0.contains("--scale") || $0.contains("stop ") || $0.contains("rm -f") })
  }

  @Test func `upgrade starts no container again that has ended, and brings back the number of replicas`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let done = try run("upgrade", "7.0.0", services: Self.all, more: ["ENDED": "orchestrator"])
    #expect(done.status == 0, "\(done.text)")
    let removed = done.calls.firstIndex { $0.hasSuffix(" rm ended-orchestrator") } ?? .max
    let scaled = done.calls.firstIndex { $0.hasSuffix("--scale orchestrator=3 orchestrator") } ?? -1
    #expect(removed < scaled, "\(done.calls)")
    #expect(done.calls.contains { $0.hasSuffix(" stop -t 40 id-orchestrator") })
    #expect(done.calls.contains { $0.hasSuffix("--scale gateway=2 gateway") })
  }

  @Test func `upgrade stops no old container when there is no new one, or none can be started`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let lacking = try run("upgrade", "7.0.0", services: Self.all, more: ["LACKS": "llm-router"])
    #expect(
      lacking.status == 1 && lacking.text.contains("llm-router of version 7.0.0 has 0 new containers in place of 1"))
    let failing = try run("upgrade", "8.0.0", services: Self.all, fails: "--scale llm-router")
    #expect(failing.status == 1 && failing.text.contains("cannot be started: the database is away"), "\(failing.text)")
    for calls in [lacking.calls, failing.calls] {
      #expect(calls.contains { $0.contains("stop -t 40 id-orchestrator") })
      #expect(
        !calls.contains { $0.contains("stop -t 40 id-llm-router") || $0.contains("--scale agent-core") }, "\(calls)")
    }
  }

  @Test func `an OPA server gets the policies of the version before anybody asks for them`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let up = try run("up", "--no-build", "--version", "7.0.0", services: "\(Self.all) opa")
    #expect(up.status == 0, "\(up.text)")
    let renewed = up.calls.firstIndex { $0.hasSuffix("up -d --no-build --no-deps --force-recreate opa") } ?? .max
    #expect(renewed < up.calls.firstIndex { $0.contains("up -d --no-build postgres redis") } ?? -1, "\(up.calls)")
    let done = try run("upgrade", "7.0.0", services: "\(Self.all) opa")
    #expect(done.status == 0, "\(done.text)")
    let stopped = done.calls.firstIndex { $0.hasSuffix(" stop -t 40 id-opa") } ?? .max
    #expect(stopped > done.calls.firstIndex { $0.hasSuffix("--scale opa=2 opa") } ?? .max, "\(done.calls)")
    #expect(stopped < done.calls.firstIndex { $0.hasSuffix("--scale orchestrator=2 orchestrator") } ?? -1)
    let without = try run("upgrade", "8.0.0", services: Self.all)
    #expect(without.status == 0 && !without.calls.contains { $0.contains("opa") }, "\(without.text)")
  }

  @Test func `an OPA server that is not healthy ends an update before any service is replaced`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let up = try run(
      "up", "--no-build", "--version", "7.0.0", "--wait", "0", services: "\(Self.all) opa", more: ["SICK": "id-opa"])
    #expect(up.status == 1 && up.text.contains("OPA is not healthy; no service was started or replaced"), "\(up.text)")
    #expect(!up.calls.contains { $0.contains("--migrate") || $0.contains("up -d --no-build postgres") }, "\(up.calls)")
    let done = try run(
      "upgrade", "7.0.0", "--wait", "0", services: "\(Self.all) opa", more: ["SICK": "new-opa"])
    #expect(done.status == 1 && done.text.contains("opa of version 7.0.0 is not healthy"), "\(done.text)")
    #expect(done.calls.contains { $0.hasSuffix(" rm -f new-opa") }, "\(done.calls)")
    // Its log is shown first.
    #expect(done.calls.contains { $0.hasSuffix(" logs --tail 15 dead-opa") }, "\(done.calls)")
    #expect(!done.calls.contains { $0.contains("--scale orchestrator") || $0.contains(" stop ") }, "\(done.calls)")
  }

  @Test func `the role of the Postgres exporter sees statistics and no table`() throws {
    let done = try Script.run("python3", "Tests/Deploy/monitor_role.py")
    #expect(done.status == 0, "\(done.text.suffix(4000))")
  }
}
