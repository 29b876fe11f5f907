internal import CLinux
internal import Glibc
internal import JSON
internal import LocalStack
internal import Primitives
internal import Process
internal import Synchronization
internal import SystemSources

/// `cadre up`: a whole installation on this machine, until Ctrl-C.
struct UpCommand {
  let output: Output
  let environment: [String: String]

  func run(_ arguments: [String]) -> Int32 {
    // Blocked before anything starts, so that Ctrl-C never kills half of a stack.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGINT)
    sigaddset(&signals, SIGTERM)
    sigaddset(&signals, SIGHUP)
    sigaddset(&signals, SIGQUIT)
    sigprocmask(SIG_BLOCK, &signals, nil)
    let started = MonotonicClock.now()
    do {
      let options = try Options(arguments, valued: ["data", "port", "bin", "replicas", "set"], flags: ["no-example"])
      guard options.words.isEmpty else { throw OptionError(description: "up takes no words; see cadre up --help") }
      var configuration = StackConfiguration(
        data: options["data"] ?? ".local", executables: options["bin"] ?? OwnExecutable.folder)
      configuration.port = try options.number("port", default: 8080, in: 1...65_535)
      configuration.replicas = try options.number("replicas", default: 1, in: 1...8)
      configuration.provider = try provider()
      for setting in options.all("set") { try set(setting, in: &configuration) }
      let stack = try LocalStack(configuration) { output.line("cadre: \($0)") }
      do {
        try stack.startServices { output.line("cadre: \($0)") }
      } catch {
        stack.stop()
        throw error
      }
      output.line("cadre: ready after \((MonotonicClock.now() - started) / 1_000_000) ms")
      // Beside the watch: a model may take its time, and Ctrl-C must not wait for it.
      let isStopping = Flag()
      Task.detached {
        if options["no-example"] == nil {
          example(stack, isStopping)
          if !isStopping.isSet { AgentExample(stack: stack, output: output).run { isStopping.isSet } }
        }
        if !isStopping.isSet { bootstrap(stack) }
        if !isStopping.isSet { announce(stack) }
      }
      watch(stack, signals)
      isStopping.set()
      output.line("\ncadre: stopping; Ctrl-C once more ends it at once")
      stop(stack, signals)
      output.line("cadre: stopped; the data is kept in \(configuration.data)")
      return 0
    } catch {
      output.error("cadre: \(error)")
      return 1
    }
  }

  /// Reads `SERVICE.NAME=VALUE`.
  private func set(_ text: String, in configuration: inout StackConfiguration) throws(OptionError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let names = parts[0].split(separator: ".", maxSplits: 1).map(String.init)
    guard parts.count == 2, names.count == 2, LocalStack.services.contains(names[0]) else {
      throw OptionError(
        description: "--set takes SERVICE.NAME=VALUE with one of \(LocalStack.services.joined(separator: ", "))")
    }
    configuration.environment[names[0], default: [:]][names[1]] = parts[1]
  }

  private func provider() throws(StackError) -> StackConfiguration.Provider? {
    guard let url = environment["CADRE_PROVIDER_URL"], !url.isEmpty else { return nil }
    guard let model = environment["CADRE_PROVIDER_MODEL"], !model.isEmpty else {
      throw StackError("CADRE_PROVIDER_URL is set; set CADRE_PROVIDER_MODEL too, the name of the model to use")
    }
    return StackConfiguration.Provider(url: url, key: environment["CADRE_PROVIDER_KEY"] ?? "", model: model)
  }

  // MARK: The example

  private func example(_ stack: LocalStack, _ isStopping: Flag) {
    let prompt = "Say hello to the team in one sentence."
    output.line("\nExample task: \(prompt)")
    let answer = BlockingHTTP.send(
      "POST", port: stack.port(of: "gateway"), path: "/api/v1/tasks",
      headers: ["Authorization": "Bearer \(stack.apiKey)", "Prefer": "wait=60"],
      body: "{\"prompt\":\"\(prompt)\"}", seconds: 70)
    if isStopping.isSet { return }
    guard let answer, let root = try? JSONDocument(parsing: answer.body).root else {
      return output.line("The example task got no answer; see \(stack.log(of: "gateway"))")
    }
    output.line(TaskText.describe(root))
  }

  /// Makes the first user, at the first start of a data folder.
  private func bootstrap(_ stack: LocalStack) {
    let api = TaskCommands.API(url: stack.url, key: stack.apiKey, hint: "see \(stack.log(of: "gateway"))")
    do throws(OptionError) {
      guard let made = try AdminBootstrap.run(api, email: AdminBootstrap.email, makesKey: false) else { return }
      output.line("\n\(made)")
    } catch {
      output.error("cadre: the first user could not be made: \(error); try again with: cadre admin bootstrap")
    }
  }

  private func announce(_ stack: LocalStack) {
    output.line(
      """

      API:  \(stack.url)
      Key:  \(stack.apiKey)

      Try:  curl -s \(stack.url)/api/v1/tasks -H "Authorization: Bearer \(stack.apiKey)" \\
              -H "Content-Type: application/json" -H "Prefer: wait=30" -d '{"prompt":"What is 6 times 7?"}'

      Ctrl-C stops everything.
      """)
  }

  // MARK: The end

  /// Stops everything. Services end the calls that they have begun, which may take a while; a second Ctrl-C cuts them.
  private func stop(_ stack: LocalStack, _ signals: sigset_t) {
    var signals = signals
    let isStopped = Flag()
    Task.detached {
      stack.stop()
      isStopped.set()
    }
    while !isStopped.isSet {
      var pause = timespec(tv_sec: 0, tv_nsec: 20_000_000)
      if sigtimedwait(&signals, nil, &pause) > 0 { stack.killServices() }
    }
  }

  // MARK: Watching

  /// Waits for Ctrl-C; meanwhile starts again what has ended by itself, with growing pauses for what ends at once.
  private func watch(_ stack: LocalStack, _ signals: sigset_t) {
    var signals = signals
    var policies: [String: RestartPolicy] = [:]
    while true {
      var pause = timespec(tv_sec: 0, tv_nsec: 200_000_000)
      if sigtimedwait(&signals, nil, &pause) > 0 { return }
      if !stack.postgres.isRunning {
        again("Postgres", "has ended", stack.log(of: "postgres"), &policies) { () throws(StackError) in
          try stack.relaunchPostgres()
        }
      }
      if !stack.isRedisRunning {
        again("Redis", "has ended", stack.log(of: "redis"), &policies) { () throws(StackError) in
          try stack.relaunchRedis()
        }
      }
      for service in stack.processes {
        guard let status = service.process.exitStatus else { continue }
        again(service.name, "has ended with status \(status)", stack.log(of: service.name), &policies) {
          () throws(StackError) in try stack.launch(service.name)
        }
      }
    }
  }

  /// Starts something that has ended when its time has come.
  private func again(
    _ name: String, _ what: String, _ log: String, _ policies: inout [String: RestartPolicy],
    _ start: () throws(StackError) -> Void
  ) {
    var policy = policies[name] ?? RestartPolicy()
    defer { policies[name] = policy }
    let now = MonotonicClock.now()
    if policy.ended(at: now) {
      let wait = ((policy.startAt ?? now) &- now) / 1_000_000
      let times = policy.recentEnds > 1 ? ", \(policy.recentEnds) times within a minute" : ""
      let when = wait == 0 ? "starting it again" : "starting it again in \(wait) ms; see \(log)"
      output.line("cadre: \(name) \(what)\(times); \(when)")
    }
    guard policy.isDue(at: now) else { return }
    do { try start() } catch { output.error("cadre: \(error)") }
  }
}

/// Something that comes true once.
private final class Flag: Sendable {
  private let value = Atomic<Bool>(false)

  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}
