import Foundation
import Testing

/// `deploy/make-secrets`, run in a folder of its own.
@Suite struct SecretsScriptTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
    "cadre-secrets-\(UUID().uuidString)")

  private var secrets: URL { folder.appendingPathComponent("deploy/secrets") }

  private func make() throws -> (status: Int32, text: String) {
    let deploy = folder.appendingPathComponent("deploy")
    if !FileManager.default.fileExists(atPath: deploy.path) {
      try FileManager.default.createDirectory(at: deploy, withIntermediateDirectories: true)
      for name in ["make-secrets", "lib.sh", "alertmanager"] {
        try FileManager.default.copyItem(
          at: Script.root.appendingPathComponent("deploy/\(name)"), to: deploy.appendingPathComponent(name))
      }
    }
    let done = try Script.run(deploy.path + "/make-secrets")
    return (done.status, done.text)
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOf: secrets.appendingPathComponent(name), encoding: .utf8)
  }

  private func remove(_ name: String) throws {
    try FileManager.default.removeItem(at: secrets.appendingPathComponent(name))
  }

  @Test func `secrets are made once, whole, and not for everybody's eyes`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let first = try make()
    #expect(first.status == 0, "\(first.text)")
    let (key, url, password) = (try text("api_key"), try text("postgres_url"), try text("postgres_password"))
    #expect(key.count == 54 && password.count == 48 && url.contains(password) && !url.contains("\n"))
    // Databases by TLS: a certificate is of the authority beside it, for the name that the stack uses.
    for name in ["redis", "postgres", "pgbouncer"] {
      let verified = try Script.run(
        "openssl", "verify", "-CAfile", secrets.path + "/\(name)_ca.crt", "-verify_hostname", name,
        secrets.path + "/\(name).crt")
      #expect(verified.status == 0, "\(verified.text)")
    }
    let monitor = try text("postgres_monitor_password")
    #expect(
      try text("pgbouncer_users.txt") == "\"cadre\" \"\(password)\"\n\"cadre_monitor\" \"\(monitor)\"\n")
    // The folder cannot be listed by others; the files can be read by the users inside of the containers.
    #expect(try Script.run("stat", "-c", "%a", secrets.path).text == "711\n")
    #expect(try make().status == 0)
    #expect(try text("api_key") == key)
  }

  @Test func `users of PgBouncer that are there stay, and the exporter's is added once`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try make().status == 0)
    // As an earlier version left it, with a user of the operator.
    let old = "\"cadre\" \"\(try text("postgres_password"))\"\n\"reports\" \"abc\"\n"
    try remove("pgbouncer_users.txt")
    try old.write(to: secrets.appendingPathComponent("pgbouncer_users.txt"), atomically: true, encoding: .utf8)
    for _ in 0..<2 { #expect(try make().status == 0) }
    let added = "\"cadre_monitor\" \"\(try text("postgres_monitor_password"))\"\n"
    #expect(try text("pgbouncer_users.txt") == old + added)
    #expect(try Script.run("stat", "-c", "%a", secrets.path + "/pgbouncer_users.txt").text == "444\n")
  }

  @Test(arguments: [
    ("redis.crt", "redis.key"), ("postgres.crt", "postgres_ca.crt"), ("tls.crt", "tls.key"), ("tls.key", "tls.crt"),
  ])
  func `a certificate without what belongs to it is said, and neither is replaced`(kept: String, lost: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try make().status == 0)
    let before = try text(kept)
    try remove(lost)
    let done = try make()
    #expect(done.status == 1 && done.text.contains("secrets/\(kept) is there without secrets/\(lost)"), "\(done.text)")
    #expect(try text(kept) == before)
    try remove(kept)
    let again = try make()
    #expect(again.status == 0, "\(again.text)")
    #expect(try text(kept) != before && !text(lost).isEmpty)
  }

  @Test func `what was cut off before its certificate was written is made anew`() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try make().status == 0)
    let authority = try text("redis_ca.crt")
    try remove("redis.crt")
    #expect(try make().status == 0)
    #expect(try text("redis_ca.crt") != authority)
    let verified = try Script.run(
      "openssl", "verify", "-CAfile", secrets.path + "/redis_ca.crt", secrets.path + "/redis.crt")
    #expect(verified.status == 0, "\(verified.text)")
  }
}
