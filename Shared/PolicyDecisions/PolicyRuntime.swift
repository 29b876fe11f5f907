public import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
public import Settings
public import Telemetry

/// An engine as the settings say it, and what keeps its bundle up to date.
public final class PolicyRuntime: Sendable {
  /// The engine.
  public let engine: PolicyEngine
  private let folder: String?
  private let interval: Duration
  private let initial: [PolicyFile]

  /// Reads the settings and loads the bundle; blocks. Throws when the policies cannot be used: then nothing may start.
  /// `labels` name the process in the decision log.
  public init(
    _ settings: Settings, client: HTTPClient, telemetry: Telemetry, labels: [(String, String)]
  ) throws(PolicyBundleError) {
    let control = PolicyControl(
      PolicySwitches(
        mode: settings[PolicySettings.mode], canaryPercent: settings[PolicySettings.canaryPercent],
        isHalted: settings[PolicySettings.halt]))
    let log = try PolicyRuntime.log(settings, labels)
    let url = settings[PolicySettings.url]
    let source: any PolicySource
    if url.isEmpty {
      let named = settings[PolicySettings.folder]
      let folder = named.isEmpty ? PolicyFolder.shipped() : named
      self.folder = folder
      // Before it is read: what changes meanwhile is seen as a change.
      initial = try PolicyFolder.list(folder, PolicyBundleLimits())
      source = BundleSource(try PolicyBundle(folder: folder))
    } else {
      folder = nil
      initial = []
      guard (try? HTTPURL(url)) != nil else { throw PolicyBundleError("policy.url is not a complete address") }
      source = ServerSource(
        url, token: settings[PolicySettings.token], client: client, cacheTime: settings[PolicySettings.urlCache])
    }
    interval = settings[PolicySettings.reload]
    engine = PolicyEngine(
      source: source, control: control, cacheEntries: settings[PolicySettings.cacheEntries], log: log,
      timeout: settings[PolicySettings.timeout], telemetry: telemetry)
  }

  private static func log(
    _ settings: Settings, _ labels: [(String, String)]
  ) throws(PolicyBundleError) -> DecisionLog? {
    let path = settings[PolicySettings.log]
    guard let mask = DecisionMask(settings[PolicySettings.logMasked]) else {
      throw PolicyBundleError("policy.log_masked: a JSON pointer begins with /input or /result")
    }
    guard !path.isEmpty else { return nil }
    let sink: any DecisionLogSink
    if path == "-" {
      sink = LoggedDecisions()
    } else {
      let file = RotatingFile(
        path, bytesMax: settings[PolicySettings.logBytes], filesMax: settings[PolicySettings.logFiles])
      guard file.open() else { throw PolicyBundleError("policy.log: the file \(path) cannot be written") }
      sink = file
    }
    return DecisionLog(
      sink, mask: mask, labels: labels, allowedPercent: settings[PolicySettings.logAllowedPercent])
  }

  /// Watches the folder until the task is cancelled. To be called from a task on an event loop.
  public func run() async {
    guard let folder else { return }
    var watch = BundleWatch(initial)
    while !Task.isCancelled {
      do { try await EventLoop.sleep(for: interval) } catch { return }
      let files: [PolicyFile]
      do {
        files = try await BlockingPool.shared.run { try PolicyFolder.list(folder, PolicyBundleLimits()) }
      } catch {
        if let error = error as? PolicyBundleError { engine.refused(error) }
        continue
      }
      if watch.look(files) { await reload() }
    }
  }

  /// Reads the folder now. A bundle that cannot be used changes nothing but the status; `false` then.
  @discardableResult public func reload() async -> Bool {
    guard let folder else { return false }
    do {
      let bundle = try await BlockingPool.shared.run { try PolicyBundle(folder: folder) }
      if bundle.revision != engine.bundle?.revision { engine.replace(bundle) }
      engine.accepted()
      return true
    } catch {
      engine.refused(error as? PolicyBundleError ?? PolicyBundleError("the policies cannot be read now"))
      return false
    }
  }
}
