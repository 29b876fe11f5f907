import Foundation
import Testing

/// What `deploy/validate` says of files that are broken, in a copy, with a stand-in for the compose command.
@Suite struct ValidateTests {
  /// What is done to a copy, and what has to be said of it.
  struct Damage: CustomTestStringConvertible, Sendable {
    let command: String
    let says: String
    var testDescription: String { command }
  }

  static let damages = [
    Damage(command: "truncate -s 900 dashboards/grafana/cadre-gateway.json", says: "cadre-gateway.json is no JSON: "),
    Damage(command: "echo '{}' > dashboards/grafana/cadre-gateway.json", says: "cadre-gateway.json: no uid"),
    Damage(command: "rm dashboards/grafana/*", says: "no dashboard is there"),
    Damage(command: "rm dashboards/rules/slo.yaml", says: "dashboards/rules/slo.yaml is missing"),
    Damage(command: "sed -i 's/expr: up/expr: up{/' dashboards/rules/alerts.yaml", says: "could not parse expression"),
    Damage(command: "sed -i s/scrape_interval/interval/ deploy/prometheus/prometheus.yml", says: "field interval not"),
    Damage(command: "echo password > secrets/redis_url", says: "secrets/redis_url is a default"),
    Damage(
      command: "echo postgresql://cadre:cadre@db.example.com/cadre > secrets/postgres_url",
      says: "the password in secrets/postgres_url is a default"),
    Damage(
      command: "echo 0123456789 > secrets/postgres_password",
      says: "secrets/postgres_url has another password than secrets/postgres_password"),
    Damage(
      command: "sed -i 's/^requirepass .*/requirepass other/' secrets/redis.conf",
      says: "secrets/redis_url has another password than secrets/redis.conf"),
    Damage(command: "echo > secrets/api_key", says: "secrets/api_key is empty"),
    Damage(
      command: "cp secrets/identity_gateway_keys secrets/identity_step_keys",
      says: "secrets/identity_step_keys and secrets/identity_gateway_keys have a key in common"),
    Damage(command: "echo nothing > secrets/tls.crt", says: "secrets/tls.crt is no certificate"),
    Damage(command: "cp secrets/redis.key secrets/tls.key", says: "secrets/tls.key is not the key of secrets/tls.crt"),
    Damage(command: "chmod 755 secrets", says: "secrets can be listed by everybody"),
    Damage(
      command: "echo 'services: {a: {image: grafana/grafana}}' > config", says: "the image grafana/grafana has no"),
    Damage(
      command: "printf 'a:\\n  GF_PASSWORD: admin\\n' > config", says: "GF_PASSWORD is a secret in the environment"),
    Damage(command: "printf 'a:\\n  source: /nowhere/file\\n' > config", says: "/nowhere/file is missing"),
  ]

  private static let engine = #"""
    #!/bin/bash
    case "$*" in
      "compose version") ;;
      *" config") sed 's/{\|}/\n/g' "$CONFIG" ;;
      *) exit 1 ;;
    esac
    """#

  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "cadre-validate-\(UUID().uuidString)")

  private func prepare() throws {
    try FileManager.default.createDirectory(
      at: folder.appendingPathComponent("bin"), withIntermediateDirectories: true)
    for name in ["deploy", "dashboards", "docs"] {
      try FileManager.default.copyItem(
        at: Script.root.appendingPathComponent(name), to: folder.appendingPathComponent(name))
    }
    try? FileManager.default.removeItem(at: folder.appendingPathComponent("deploy/secrets"))
    let docker = folder.appendingPathComponent("bin/docker")
    try Self.engine.write(to: docker, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: docker.path)
    try "services: {}\n".write(to: folder.appendingPathComponent("config"), atomically: true, encoding: .utf8)
    try #require(Script.run(folder.path + "/deploy/make-secrets").status == 0)
    let opened = """
      cd \(folder.path) && ln -s deploy/secrets secrets && chmod -R u+w deploy dashboards
      """
    try #require(Script.run("bash", "-c", opened).status == 0)
  }

  private func validate(_ arguments: String...) throws -> (status: Int32, text: String) {
    let path = "\(folder.path)/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    return try Script.run(
      arguments: [folder.path + "/deploy/validate"] + arguments,
      environment: ["PATH": path, "CONFIG": folder.path + "/config"])
  }

  @Test func `files that are in order are`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try prepare()
    let checked = try validate()
    #expect(checked.status == 0, "\(checked.text)")
    let odd = try validate("--nonsense")
    #expect(odd.status == 1 && odd.text.contains("not understood: --nonsense"), "\(odd.text)")
  }

  @Test(arguments: damages)
  func `what is broken is named`(damage: Damage) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try prepare()
    try #require(Script.run("bash", "-c", "cd \(folder.path) && \(damage.command)").status == 0)
    let checked = try validate()
    #expect(checked.status == 1)
    #expect(checked.text.contains(damage.says), "\(checked.text)")
  }
}
