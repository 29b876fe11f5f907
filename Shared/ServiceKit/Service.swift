public import Contracts
public import HTTP
public import HTTPWire
public import Settings

/// One executable of the platform. `main` reads the settings, starts the loops and the listener, prepares the service
/// in the background and ends everything in order on SIGTERM or SIGINT.
public protocol Service: AnyObject, Sendable {
  /// Name and purpose.
  static var program: ProgramDescription { get }
  /// The port when none is configured.
  static var defaultPort: Int { get }
  /// The port of the admin listener when none is configured: 1000 above the other.
  static var defaultAdminPort: Int { get }
  /// Whether `/readyz` is answered beside `/healthz` on the service's own port.
  static var isReadinessPublic: Bool { get }
  /// How long a request waits for the end of `prepare` before it is refused.
  static var startPatience: Duration { get }
  /// Whether answers name the trace of their request (`traceresponse`).
  static var answersTrace: Bool { get }
  /// The standard of `http.stall_timeout_ms`.
  static var stallTimeout: Duration { get }
  /// The service's own settings, besides those that all have.
  static var settings: [any SettingDeclaration] { get }
  /// How its calls of other servers behave.
  static var httpClient: HTTPClientConfiguration { get }

  /// Makes the parts; does not wait for anything outside the process.
  init(_ context: ServiceContext) throws
  /// The addresses that it must register, all of them and no others; `nil` for a service without declarations.
  static var declaredRoutes: [RouteSpecification]? { get }
  /// Adds the routes. They answer 503 until `prepare` has returned, after `startPatience`.
  func route(_ router: inout Router)
  /// The answer that reports a problem of a request: by default a problem document.
  func response(to problem: Problem, of head: RequestHead, traceID: String) -> HTTPResponse
  /// What its server does beside the routes, when its clients are not part of the installation.
  var edge: HTTPEdge? { get }
  /// Brings the schema of the service to the version of this program. `--migrate` does this and ends; a service also
  /// does it as a part of `prepare`. Several processes may do it at once.
  func migrate() async throws
  /// What must be there before requests are answered: schemas, connections. Called again after a pause while it throws.
  func prepare() async throws
  /// Work besides requests, from the end of `prepare` until the task is cancelled.
  func run() async
  /// What the service cannot work without, by name, and whether it is there now.
  func readiness() -> [(name: String, isReady: Bool)]
  /// First step of the end, before the listener closes: take on no new work.
  func drain() async
  /// Last step: release what is in use.
  func close() async
}

extension Service {
  /// Long: a gateway stands before the service, which takes its answer as slowly as its own client does, and knows when
  /// to drop that one.
  public static var stallTimeout: Duration { .seconds(300) }
  /// 1000 above the service's own.
  public static var defaultAdminPort: Int { defaultPort + 1000 }
  /// For services behind others, whose callers look for replicas that are ready.
  public static var isReadinessPublic: Bool { true }
  /// None: callers of our own go to another replica.
  public static var startPatience: Duration { .zero }
  /// For services whose callers are our own.
  public static var answersTrace: Bool { false }
  /// A problem document.
  public func response(to problem: Problem, of head: RequestHead, traceID: String) -> HTTPResponse {
    problem.response(traceID: traceID)
  }
  /// Nothing: its clients are our own.
  public var edge: HTTPEdge? { nil }
  /// No declarations.
  public static var declaredRoutes: [RouteSpecification]? { nil }
  /// The usual client.
  public static var httpClient: HTTPClientConfiguration { HTTPClientConfiguration() }
  /// No work besides requests.
  public func run() async {}
  /// No schema.
  public func migrate() async throws {}
  /// Nothing to prepare.
  public func prepare() async throws {}
  /// Needs nothing.
  public func readiness() -> [(name: String, isReady: Bool)] { [] }
  /// Nothing to stop taking on.
  public func drain() async {}
  /// Nothing to give back.
  public func close() async {}

  /// Runs the service until a signal ends it, and exits the process.
  public static func main() { ServiceProcess<Self>.main() }
}
