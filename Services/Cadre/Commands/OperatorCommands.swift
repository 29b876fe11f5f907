internal import CLinux
internal import CadreOperations
internal import Glibc
internal import LocalStack
internal import SystemSources

/// `cadre doctor`, `status` and `logs`.
struct OperatorCommands {
  private static let place: Set<String> = ["data", "url", "admin", "timeout"]
  private static let watchMilliseconds = 2000
  private static let followMilliseconds = 200

  let output: Output
  let environment: [String: String]

  // MARK: doctor

  func doctor(_ arguments: [String]) -> Int32 {
    perform {
      let options = try Options(arguments, valued: OperatorCommands.place.union(["config", "bin"]), flags: ["json"])
      try requireNoWords(options, "doctor")
      let seconds = try options.number("timeout", default: Doctor.seconds, in: 1...60)
      let report: Report
      if var installation = try installation(options) {
        installation.executables = options["bin"] ?? installation.executables ?? OwnExecutable.folder
        for text in options.all("config") {
          let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
          guard parts.count == 2, LocalStack.services.contains(parts[0]) else {
            throw OptionError(description: "--config takes SERVICE=FILE, such as gateway=/etc/cadre/gateway.yaml")
          }
          installation.configurations.append((parts[0], parts[1]))
        }
        report = Doctor.examine(installation, ownVersion: CadreTool.version, seconds: seconds)
      } else {
        report = Doctor.nothingRuns(in: data(options))
      }
      output.line(options["json"] == nil ? report.text : report.json)
      return report.isHealthy ? 0 : 1
    }
  }

  // MARK: status

  func status(_ arguments: [String]) -> Int32 {
    perform {
      let options = try Options(arguments, valued: OperatorCommands.place, flags: ["json", "watch"])
      try requireNoWords(options, "status")
      let seconds = try options.number("timeout", default: 5, in: 1...60)
      while true {
        guard let installation = try installation(options) else {
          throw OptionError(
            description:
              "nothing runs on the data folder \(data(options)); start it with: cadre up --data \(data(options))")
        }
        let summary = StatusSummary.look(at: installation, seconds: seconds)
        if options["watch"] != nil, isatty(1) == 1 { output.line("\u{1B}[H\u{1B}[2J\u{1B}[A") }
        output.line(options["json"] == nil ? summary.text : summary.json)
        if options["watch"] == nil { return summary.isServing ? 0 : 1 }
        ThreadPause.milliseconds(OperatorCommands.watchMilliseconds)
      }
    }
  }

  // MARK: logs

  func logs(_ arguments: [String]) -> Int32 {
    perform {
      let options = try Options(
        arguments, valued: ["data", "service", "level", "run", "lines"], flags: ["follow", "json"])
      try requireNoWords(options, "logs")
      let count = try options.number("lines", default: 100, in: 0...100_000)
      if let level = options["level"], !["debug", "info", "warning", "error"].contains(level) {
        throw OptionError(description: "--level takes debug, info, warning or error")
      }
      var reader = LogReader(data: data(options), services: options.all("service"))
      guard !reader.sources.isEmpty || options["follow"] != nil else {
        throw OptionError(
          description: "there is no such log in \(data(options))/logs; is this the data folder of a stack?")
      }
      let filter = LogFilter(level: options["level"], run: options["run"])
      func show(_ lines: [LogLine]) { for line in lines { output.line(options["json"] == nil ? line.text : line.raw) } }
      show(reader.last(count, filter))
      while options["follow"] != nil {
        ThreadPause.milliseconds(OperatorCommands.followMilliseconds)
        show(reader.added(filter))
      }
      return 0
    }
  }

  // MARK: Which installation

  private func data(_ options: Options) -> String { options["data"] ?? ".local" }

  /// The one that options or variables name, else the local stack; `nil` when none runs there.
  private func installation(_ options: Options) throws(OptionError) -> Installation? {
    let isRemote =
      options["data"] == nil
      && (options["url"] != nil || options["admin"] != nil || environment["CADRE_ADMIN_URLS"] != nil
        || environment["CADRE_API_URL"] != nil)
    guard isRemote else { return Installation.local(data: data(options)) }
    do {
      return try Installation.remote(admin: options.all("admin"), api: options["url"], environment: environment)
    } catch { throw OptionError(description: error.description) }
  }

  private func requireNoWords(_ options: Options, _ command: String) throws(OptionError) {
    guard options.words.isEmpty else {
      throw OptionError(description: "\(command) takes no words; see cadre \(command) --help")
    }
  }

  private func perform(_ body: () throws -> Int32) -> Int32 {
    do { return try body() } catch {
      output.error("cadre: \(error)")
      return 2
    }
  }
}

/// The program of this process.
enum OwnExecutable {
  /// The folder that it lies in.
  static var folder: String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return path.split(separator: "/").dropLast().reduce(into: "") { $0 += "/\($1)" }
  }
}
