import JSON
import Policy
import Telemetry

@testable import PolicyDecisions

/// A small bundle with every kind of answer.
enum Sample {
  static let module = """
    package cadre.http

    default decision := {"effect": "deny", "reasons": ["no rule allows it"], "rule": "default"}

    decision := {"effect": "allow", "reasons": [], "rule": "reading"} if {
      input.action.method == "GET"
      input.subject.role in data.cadre.config.readers
    }

    decision := {"effect": "ask", "reasons": ["somebody must approve"], "rule": "deleting"} if {
      input.action.method == "DELETE"
      limits.deleting
    }

    limits := data.tenants[input.subject.tenant]
    """
  static let config = #"{"readers": ["owner", "viewer"]}"#

  static func bundle(_ modules: String..., config: String = config) throws -> PolicyBundle {
    try PolicyBundle(
      modules: modules.enumerated().map { ("m\($0.offset).rego", Array($0.element.utf8)) },
      documents: [("data/config.json", Array(config.utf8))])
  }

  static func value(_ json: String) throws -> RegoValue { RegoValue(try JSONDocument(parsing: json).root) }

  static func query(
    _ method: String = "GET", role: String = "viewer", tenant: String? = "tenant_a", path: [String] = http,
    extra: String = ""
  ) throws -> PolicyQuery {
    PolicyQuery(
      path: path,
      input: try value(
        #"{"subject":{"role":"\#(role)","tenant":"\#(tenant ?? "")"},"action":{"method":"\#(method)"}\#(extra)}"#),
      tenant: tenant, isReading: method == "GET")
  }

  static let http = ["cadre", "http", "decision"]

  static func engine(
    _ bundle: PolicyBundle, _ switches: PolicySwitches = PolicySwitches(), log: DecisionLog? = nil,
    timeout: Duration = .seconds(60), telemetry: Telemetry = .disabled()
  ) -> PolicyEngine {
    // Builds for tests are slow.
    var limits = EvaluationLimits()
    limits.stepsMax = 100_000
    return PolicyEngine(
      source: BundleSource(bundle, limits: limits), control: PolicyControl(switches), log: log, timeout: timeout,
      telemetry: telemetry)
  }
}
