import Settings
import Testing

@Suite struct SettingsLoadingTests {
  @Test func `defaults hold when no source says anything`() throws {
    let settings = try Sample.load()
    let port: Int = settings[Sample.port]
    #expect(port == 8080)
    #expect(settings[Sample.level] == .info)
    #expect(settings[Sample.timeout] == .seconds(5))
    #expect(settings[Sample.tags] == ["a", "b"])
    #expect(settings[Sample.collector] == nil)
    #expect(settings[Sample.spare] == nil)
    #expect(settings.origin(of: Sample.port) == .defaultValue)
  }

  @Test func `the file beats defaults, the environment beats the file, the command line beats all`() throws {
    let yaml = "http:\n  port: 1001\n  host: file\nlog: { level: debug }\n"
    let file = try Sample.load(yaml: yaml)
    #expect(file[Sample.port] == 1001 && file[Sample.host] == "file" && file[Sample.level] == .debug)
    guard case .file(_, 2, 9) = file.origin(of: Sample.port) else {
      Issue.record("wrong place: \(file.origin(of: Sample.port))")
      return
    }
    let variables = try Sample.load(yaml: yaml, ["CADRE_HTTP_PORT": "1002", "CADRE_HTTP_HOST": "env"])
    #expect(variables[Sample.port] == 1002 && variables[Sample.host] == "env" && variables[Sample.level] == .debug)
    let options = try Sample.load(
      yaml: yaml, ["CADRE_HTTP_PORT": "1002", "CADRE_HTTP_HOST": "env"],
      set: [("http.port", "1003"), ("http.port", "1004")])
    #expect(options[Sample.port] == 1004 && options[Sample.host] == "env")
    #expect(options.origin(of: Sample.port) == .commandLine(key: "http.port"))
  }

  @Test func `every type is read from a variable`() throws {
    let settings = try Sample.load([
      "CADRE_HTTP_IDLE_TIMEOUT_MS": "250", "CADRE_HTTP_BODY_BYTES": "64 KiB", "CADRE_LOG_LEVEL": "error",
      "CADRE_LOG_COLOR": "true", "CADRE_TRACE_RATIO": "1", "CADRE_TRACE_TAGS": " x, y ,",
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:4318/v1", "CADRE_AUTH_SPARE": "null", "CADRE_HTTP_HOST": "null",
    ])
    #expect(settings[Sample.timeout] == .milliseconds(250))
    #expect(settings[Sample.body] == 65_536)
    #expect(settings[Sample.level] == .error)
    #expect(settings[Sample.color])
    #expect(settings[Sample.ratio] == 1)
    #expect(settings[Sample.tags] == ["x", "y"])
    #expect(settings[Sample.collector]?.host == "::1")
    #expect(settings[Sample.spare]?.reveal() == "null")
    #expect(settings[Sample.host] == "null")
  }

  @Test func `an empty variable and a null in the file count as unset`() throws {
    let settings = try Sample.load(yaml: "http:\n  port:\n  host: ~\nlog:\n", ["CADRE_HTTP_PORT": ""])
    #expect(settings[Sample.port] == 8080)
    #expect(settings[Sample.host] == "127.0.0.1")
  }

  @Test func `an explicitly empty text is kept`() throws {
    #expect(try Sample.load(yaml: "http: { host: '' }")[Sample.host] == "")
    #expect(try Sample.load(set: [("http.host", "")])[Sample.host] == "")
  }

  @Test func `a text keeps its spelling even when it looks like a number`() throws {
    #expect(try Sample.load(yaml: "http: { host: 1.10 }")[Sample.host] == "1.10")
    #expect(try Sample.load(yaml: "http: { host: off }")[Sample.host] == "off")
  }

  @Test func `all faults come in one message, each with its place and what is allowed`() throws {
    let yaml = """
      http:
        port: 99999
        hots: x
      log:
        level: inof
        color: "true"
      unknown: 1
      """
    let faults = try Sample.faults(
      yaml: yaml, ["CADRE_HTP_PORT": "1", "CADRE_TRACE_RATIO": "7"], set: [("http.prt", "1"), ("log.color", "yes")])
    #expect(
      faults.map(\.code) == [
        .outOfRange, .unknownKey, .wrongType, .wrongType, .unknownKey, .outOfRange, .unknownVariable, .unknownKey,
        .wrongType,
      ])
    let text = faults.map(\.description).joined(separator: "\n")
    #expect(text.contains("cadre.yaml:2:9: http.port: 99999 is out of range; allowed: an integer from 1 to 65535"))
    #expect(text.contains("cadre.yaml:3:3: http.hots: unknown key; did you mean http.host?"))
    #expect(text.contains("log.level: \"inof\" is not known; did you mean info?; allowed: one of debug, info, error"))
    #expect(text.contains("cadre.yaml:6:10: log.color: \"true\" is a text (write it without quotes)"))
    #expect(text.contains("cadre.yaml:7:1: unknown: unknown key"))
    #expect(text.contains("CADRE_HTP_PORT: unknown variable; did you mean CADRE_HTTP_PORT?"))
    #expect(text.contains("CADRE_TRACE_RATIO: trace.ratio: 7 is out of range"))
    #expect(text.contains("--set http.prt: unknown key; did you mean http.port?"))
    #expect(text.contains("--set log.color: \"yes\" is not a boolean; allowed: true or false"))
  }

  @Test func `a missing required value says how to give it`() throws {
    let error = try #require(throws: SettingsError.self) { try Sample.table.load(SettingsSources()) }
    #expect(error.code == .invalid)
    #expect(error.faults.map(\.code) == [.missing])
    #expect(error.description.hasPrefix("1 fault in the configuration:\n  auth.token: required and not set"))
    #expect(error.description.contains("CADRE_AUTH_TOKEN or CADRE_AUTH_TOKEN_FILE"))
  }

  @Test func `a weaker value is checked even when a stronger one replaces it`() throws {
    let faults = try Sample.faults(yaml: "http: { port: many }", ["CADRE_HTTP_PORT": "1"])
    #expect(faults.map(\.code) == [.wrongType])
  }

  @Test(arguments: ["99999999999999999999", "0", "-1", "1.5", "8080x", "''", "[1]", "{a: 1}", "0x1FFFF"])
  func `a port refuses`(_ value: String) throws {
    let faults = try Sample.faults(yaml: "http: { port: \(value) }")
    #expect(faults.count == 1)
    #expect(faults.first?.key == "http.port")
  }

  @Test func `permitted variables and the ones a file names are no faults`() throws {
    #expect(try Sample.faults(["CADRE_BUILD": "1", "CADRE_TEST_ANY": "1", "CADRE_CONFIG": ""]).isEmpty)
    #expect(try Sample.faults(["CADRE_BUILDX": "1"]).map(\.code) == [.unknownVariable])
    let yaml = "http: { host: '${CADRE_MY_HOST}' }"
    #expect(try Sample.load(yaml: yaml, ["CADRE_MY_HOST": "h"])[Sample.host] == "h")
  }

  @Test func `a dotted key in the file is refused with the way to write it`() throws {
    let faults = try Sample.faults(yaml: "http.port: 1")
    #expect(faults.map(\.code) == [.unknownKey])
    #expect(faults.first?.message.contains("nested") == true)
  }

  @Test func `a scalar where settings are grouped is refused`() throws {
    #expect(try Sample.faults(yaml: "http: 8080").map(\.code) == [.wrongType])
    #expect(try Sample.faults(yaml: "- http").map(\.code) == [.wrongType])
    #expect(try Sample.faults(yaml: "").isEmpty)
    #expect(try Sample.faults(yaml: "# nothing\n").isEmpty)
  }

  @Test func `a configuration file must be a readable regular file`() throws {
    let folder = try TemporaryFolder()
    for path in ["/nonexistent/cadre.yaml", folder.path, folder.makePipe("pipe")] {
      let error = try #require(throws: SettingsError.self) {
        try Sample.table.load(SettingsSources(file: path, environment: ["CADRE_AUTH_TOKEN": "t"]))
      }
      #expect(error.faults.map(\.code) == [.unreadable], "\(path)")
      #expect(error.description.contains(path))
    }
  }

  @Test func `the variable CADRE_CONFIG names the file unless the option does`() {
    #expect(SettingsSources(environment: ["CADRE_CONFIG": "/a"]).file == "/a")
    #expect(SettingsSources(environment: ["CADRE_CONFIG": ""]).file == nil)
    #expect(SettingsSources(file: "/b", environment: ["CADRE_CONFIG": "/a"]).file == "/b")
  }

  @Test func `a text refuses control characters and excess`() throws {
    #expect(try Sample.faults(yaml: "http: { host: \"a\\0b\" }").map(\.code) == [.outOfRange])
    let long = String(repeating: "x", count: 4097)
    let faults = try Sample.faults(["CADRE_HTTP_HOST": long])
    #expect(faults.map(\.code) == [.outOfRange])
    #expect((faults.first?.message.utf8.count ?? .max) < 250)
  }

  @Test func `the environment of the process is readable`() {
    #expect(SettingsSources.processEnvironment()["PATH"]?.isEmpty == false)
  }
}
