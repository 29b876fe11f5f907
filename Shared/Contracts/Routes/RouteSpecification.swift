public import HTTPWire

/// One address of the installation: the single declaration from which the gateway's table, the registration in the
/// service that answers, and the reference of the API derive.
public struct RouteSpecification: Hashable, Sendable {
  /// What a caller must have.
  public enum Access: Hashable, Sendable {
    /// An API key of the tenant.
    case tenant
    /// An API key or a virtual key.
    case models
    /// An API key of an operator.
    case `operator`
    /// The credential of a worker.
    case worker
    /// The lease of the step that the request is about.
    case step
    /// Nobody in particular: for those who sign in, and for documents that are public.
    case anonymous

    /// The right that the assertion of the caller must have; workers show a credential before they have one.
    public var scope: Scope? {
      switch self {
      case .tenant: .api
      case .models: .models
      case .operator: .operator
      case .step: .step
      case .worker, .anonymous: nil
      }
    }
  }

  /// The method.
  public let method: HTTPMethod
  /// The pattern, in the notation of the HTTP router: `/api/v1/tasks/{id}`.
  public let pattern: String
  /// Who answers.
  public let service: Audience
  /// Who may ask.
  public let access: Access
  /// Whether the gateway forwards it from outside.
  public let isPublic: Bool
  /// Largest request body, in bytes.
  public let bodyBytesMax: Int
  /// Whether work for a request ends when its client leaves: for waiting and for what is paid by the call.
  public let cancelsOnDisconnect: Bool
  /// When the gateway may send a request again.
  public let repetition: Repetition
  /// What it does, in a line.
  public let summary: String

  /// The body of a request that says all in its path.
  public static let standardBodyBytesMax = 1 << 20

  init(
    _ method: HTTPMethod, _ pattern: String, _ service: Audience, _ access: Access, isPublic: Bool = true,
    bodyBytesMax: Int = RouteSpecification.standardBodyBytesMax, cancelsOnDisconnect: Bool = false,
    repetition: Repetition? = nil, _ summary: String
  ) {
    self.method = method
    self.pattern = pattern
    self.service = service
    self.access = access
    self.isPublic = isPublic
    self.bodyBytesMax = bodyBytesMax
    self.cancelsOnDisconnect = cancelsOnDisconnect
    self.repetition = repetition ?? (method == .post || method == .patch ? .never : .asMethod)
    self.summary = summary
  }

  /// Whether clients of OpenAI and Anthropic use it: virtual keys are good there, errors have their shapes.
  public var isModelRoute: Bool { access == .models }
}

extension RouteSpecification: CustomStringConvertible {
  /// The method and the pattern.
  public var description: String { "\(method.name) \(pattern)" }
}
