import Settings
import Testing

@Suite struct SecretTests {
  @Test func `a secret shows itself only when revealed`() {
    let secret = Secret("hunter2")
    var dumped = ""
    dump(secret, to: &dumped)
    for text in ["\(secret)", String(reflecting: secret), dumped, "\([secret])", "\(Optional(secret) as Any)"] {
      #expect(!text.contains("hunter2"), "\(text)")
    }
    #expect(secret.reveal() == "hunter2")
  }

  @Test func `neither settings nor sources show a secret by reflection`() throws {
    let settings = try Sample.load(yaml: "auth: { pin: 4321 }")
    let sources = SettingsSources(environment: ["CADRE_AUTH_TOKEN": "hunter2"])
    var dumped = ""
    dump(settings, to: &dumped)
    dump(sources, to: &dumped)
    dumped += "\(settings) \(sources) \(settings.redactedDump)"
    #expect(!dumped.contains("hunter2") && !dumped.contains("4321"))
  }

  @Test func `a secret comes from a file, trimmed`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "\n  s3cret value \n\n")
    let yaml = try folder.write("cadre.yaml", "auth: { token_file: \(file) }")
    let override = SettingsOverride(key: "auth.token_file", value: file)
    for sources in [
      SettingsSources(environment: ["CADRE_AUTH_TOKEN_FILE": file]), SettingsSources(file: yaml),
      SettingsSources(overrides: [override]),
    ] {
      let settings = try Sample.table.load(sources)
      #expect(settings[Sample.token].reveal() == "s3cret value")
      #expect(settings.warnings.isEmpty)
    }
  }

  @Test func `a secret file that everyone can read earns a warning`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "t", mode: 0o644)
    let settings = try Sample.load(["CADRE_AUTH_TOKEN_FILE": file])
    #expect(settings.warnings.count == 1)
    #expect(settings.warnings.first?.contains(file) == true)
  }

  @Test func `a secret file that is missing, empty, huge, binary or no file is a fault without its content`() throws {
    let folder = try TemporaryFolder()
    let cases: [(String, SettingsFault.Code)] = [
      (folder.path + "/none", .unreadable), (folder.path, .unreadable), (folder.makePipe("pipe"), .unreadable),
      (try folder.write("empty", " \n"), .missing),
      (try folder.write("huge", String(repeating: "x", count: 65_537)), .limit),
      (try folder.write("binary", [0x61, 0xFF, 0xFE]), .wrongType),
    ]
    for (path, code) in cases {
      let faults = try Sample.faults(["CADRE_AUTH_TOKEN_FILE": path])
      #expect(faults.map(\.code) == [code], "\(path)")
      #expect(faults.first?.description.contains("CADRE_AUTH_TOKEN_FILE") == true)
      #expect(faults.first?.description.contains(path) == true)
    }
  }

  @Test func `a secret as text and as a file in one source is a conflict`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "t")
    let both = ["CADRE_AUTH_TOKEN": "x", "CADRE_AUTH_TOKEN_FILE": file]
    #expect(try Sample.faults(both).map(\.code) == [.conflict])
    #expect(try Sample.faults(yaml: "auth: { token: x, token_file: \(file) }").map(\.code) == [.conflict])
  }

  @Test func `a stronger source replaces a secret file by text`() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("token", "from file")
    let settings = try Sample.load(yaml: "auth: { token_file: \(file) }", ["CADRE_AUTH_TOKEN": "from variable"])
    #expect(settings[Sample.token].reveal() == "from variable")
  }

  @Test func `faults never show a secret nor an interpolated value`() throws {
    let yaml = """
      auth: { token: [hunter3], pin: hunter4 }
      http: { port: "${PASSWORD}", idle_timeout_ms: "${PASSWORD}" }
      log: { level: "${PASSWORD}" }
      trace: { endpoint: "http://user:hunter5@bad host/" }
      providers:
        - { name: n, base_url: "ftp://u:hunter6@h", api_key: "" }
      """
    let faults = try Sample.faults(
      yaml: yaml, ["PASSWORD": "hunter7", "CADRE_AUTH_PIN": "hunter8", "CADRE_AUT_TOKEN": "hunter9"])
    #expect(faults.count == 10)
    let text = SettingsErrorText.of(faults)
    #expect(!text.contains("hunter"), "\(text)")
    #expect(text.contains("${PASSWORD}"))
  }

  @Test func `a masked default and an unset optional look different`() throws {
    let dump = try Sample.load().redactedDump
    #expect(dump.first { $0.key == "auth.spare" }?.value == "")
    #expect(dump.first { $0.key == "auth.pin" }?.value == "[secret]")
  }
}

enum SettingsErrorText {
  static func of(_ faults: [SettingsFault]) -> String { faults.map(\.description).joined(separator: "\n") }
}
