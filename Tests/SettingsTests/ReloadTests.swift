import Settings
import Testing

@Suite struct ReloadTests {
  private static let environment = ["CADRE_AUTH_TOKEN": "t"]

  private static func start(_ folder: TemporaryFolder, _ yaml: String) throws -> Settings {
    let file = try folder.write("cadre.yaml", yaml)
    return try Sample.table.load(SettingsSources(file: file, environment: environment))
  }

  @Test func `a reload lists what changed and leaves the old snapshot alone`() throws {
    let folder = try TemporaryFolder()
    let old = try Self.start(folder, "log: { level: info }\nproviders: []\n")
    try folder.write(
      "cadre.yaml", "log: { level: debug }\nhttp: { port: 8080 }\nproviders: [{ name: a, base_url: http://a }]\n")
    let reload = try old.reload()
    #expect(reload.changedKeys == ["log.level", "providers"])
    #expect(reload.settings[Sample.level] == .debug)
    #expect(old[Sample.level] == .info)
  }

  @Test func `moving a value to another place is no change`() throws {
    let folder = try TemporaryFolder()
    let old = try Self.start(folder, "http: { port: 1234, body_bytes: 65536 }")
    try folder.write("cadre.yaml", "\n# moved\nhttp:\n  body_bytes: 64KiB\n  port: 0x4D2\n")
    #expect(try old.reload().changedKeys.isEmpty)
  }

  @Test func `a change that needs a restart is refused as a whole`() throws {
    let folder = try TemporaryFolder()
    let old = try Self.start(folder, "log: { level: info }")
    try folder.write("cadre.yaml", "log: { level: debug }\nhttp: { port: 1, host: h }")
    let error = try #require(throws: SettingsError.self) { try old.reload() }
    #expect(error.code == .notReloadable)
    #expect(error.faults.map(\.key) == ["http.port", "http.host"])
    #expect(error.description.contains("the old one stays in force"))
  }

  @Test func `a faulty file is refused at reload as at start`() throws {
    let folder = try TemporaryFolder()
    let old = try Self.start(folder, "log: { level: info }")
    try folder.write("cadre.yaml", "log: { level: loud }")
    #expect(try #require(throws: SettingsError.self) { try old.reload() }.code == .invalid)
  }

  @Test func `a rotated secret file is a change`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "one")
    let sources = SettingsSources(environment: ["CADRE_AUTH_TOKEN_FILE": file])
    let old = try Sample.table.load(sources)
    #expect(try old.reload().changedKeys.isEmpty)
    try folder.write("token", "two")
    let reload = try old.reload()
    #expect(reload.changedKeys == ["auth.token"])
    #expect(reload.settings[Sample.token].reveal() == "two")
  }
}
