public import HTTPWire

/// One address that can be reached from outside.
public struct PublicRoute: Sendable {
  /// The service that answers.
  public enum Service: Sendable {
    /// Tasks, runs, workflows.
    case orchestrator
    /// Models, budgets, keys.
    case router
  }

  /// The method.
  public let method: HTTPMethod
  /// The pattern, in the notation of the HTTP router.
  public let pattern: String
  /// Who answers.
  public let service: Service
  /// When it may be sent again.
  public let repetition: Repetition

  /// Whether clients of OpenAI and Anthropic use it: virtual keys are good there, errors have their shapes.
  public var isModelRoute: Bool { pattern.hasPrefix("/v1/") }

  init(_ method: HTTPMethod, _ pattern: String, _ service: Service, _ repetition: Repetition = .asMethod) {
    self.method = method
    self.pattern = pattern
    self.service = service
    self.repetition = repetition
  }

  /// All of them.
  public static let all = models + router + orchestrator

  /// What clients of OpenAI and Anthropic know. A call costs, so it is never made twice. Names of models may hold
  /// slashes.
  public static let models: [PublicRoute] = table(
    .router,
    """
    POST /v1/chat/completions
    POST /v1/completions
    POST /v1/responses
    POST /v1/responses/input_tokens
    GET DELETE /v1/responses/{id}
    POST /v1/responses/{id}/cancel
    GET /v1/responses/{id}/input_items
    POST /v1/embeddings
    POST /v1/moderations
    POST /v1/messages
    POST /v1/messages/count_tokens
    GET POST /v1/files
    GET DELETE /v1/files/{id}
    GET /v1/files/{id}/content
    GET /v1/models
    GET /v1/models/{model*}
    """)

  /// The first words behind `/api/v1` of Cadre's own addresses.
  static let ownAreas: Set<Substring> = Set(
    all.compactMap { route in
      let parts = route.pattern.split(separator: "/")
      return parts.first == "api" && parts.count > 2 ? parts[2] : nil
    })

  private static let router: [PublicRoute] = table(
    .router,
    """
    GET /api/v1/providers
    GET PUT DELETE /api/v1/providers/{provider}
    DELETE /api/v1/providers/{provider}/health
    GET PUT DELETE /api/v1/providers/{provider}/models/{model}
    GET /api/v1/models
    GET /api/v1/aliases
    PUT DELETE /api/v1/aliases/{alias}
    GET POST /api/v1/budgets
    GET PATCH DELETE /api/v1/budgets/{id}
    POST /api/v1/virtual-keys
    DELETE /api/v1/virtual-keys/{id}
    GET /api/v1/usage
    GET /api/v1/calls
    GET POST /api/v1/rate-limits
    GET DELETE /api/v1/rate-limits/{id}
    """)

  private static let orchestrator: [PublicRoute] = table(
    .orchestrator,
    """
    GET /api/v1/tasks
    POST:always /api/v1/tasks
    GET PATCH DELETE /api/v1/tasks/{id}
    GET /api/v1/runs
    POST /api/v1/runs/bulk-cancel
    GET /api/v1/runs/{id}
    GET /api/v1/runs/{id}/events
    GET /api/v1/runs/{id}/steps
    GET /api/v1/runs/{id}/result
    GET /api/v1/runs/{id}/bundle
    POST /api/v1/runs/{id}/cancel
    POST /api/v1/runs/{id}/pause
    POST /api/v1/runs/{id}/resume
    POST:key /api/v1/runs/{id}/signals
    POST /api/v1/runs/{id}/replay
    POST:key /api/v1/runs/{id}/retry
    POST:key /api/v1/runs/{id}/fork
    GET /api/v1/steps/{id}
    GET /api/v1/approvals
    GET /api/v1/approvals/{id}
    POST /api/v1/approvals/{id}/decision
    GET POST /api/v1/workflows
    POST /api/v1/workflows/validate
    GET PUT DELETE /api/v1/workflows/{name}
    GET /api/v1/workflows/{name}/versions
    GET /api/v1/workflows/{name}/versions/{version}
    POST /api/v1/workflows/{name}/compatibility
    GET POST /api/v1/projects
    GET PATCH DELETE /api/v1/projects/{id}
    GET /api/v1/limits
    PUT DELETE /api/v1/limits/{scope}/{name}
    GET POST /api/v1/schedules
    POST /api/v1/schedules/preview
    GET PATCH DELETE /api/v1/schedules/{id}
    """)

  /// Lines of methods and a pattern. A POST says behind a colon when it may be repeated.
  private static func table(_ service: Service, _ text: String) -> [PublicRoute] {
    text.split(separator: "\n").flatMap { line in
      let words = line.split(separator: " ")
      guard let pattern = words.last else { return [PublicRoute]() }
      return words.dropLast().map { word in
        switch word {
        case "GET": PublicRoute(.get, String(pattern), service)
        case "PUT": PublicRoute(.put, String(pattern), service)
        case "DELETE": PublicRoute(.delete, String(pattern), service)
        case "PATCH": PublicRoute(.patch, String(pattern), service, .never)
        case "POST:always": PublicRoute(.post, String(pattern), service, .always)
        case "POST:key": PublicRoute(.post, String(pattern), service, .withKey)
        default: PublicRoute(.post, String(pattern), service, .never)
        }
      }
    }
  }
}
