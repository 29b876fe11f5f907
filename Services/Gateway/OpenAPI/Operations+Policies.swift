internal import Contracts
internal import HTTPWire

/// Operations of policies: their switches, the data of tenants, explanations.
enum PolicyOperations {
  static let all: [(String, Operation)] =
    [
      (
        "GET /operator/v1/policy", Operation("getPolicy", "Operators").answers(.ok, "PolicyStatus", headers: ["ETag"])
      ),
      (
        "PUT /operator/v1/policy",
        Operation("setPolicy", "Operators", "It works while everything else is halted.").guarded
          .sends("PolicySwitches", #"{"mode": "enforce", "canary_percent": 25}"#)
          .answers(.ok, "PolicyStatus", headers: ["ETag"])
      ),
      (
        "POST /api/v1/policy/explain",
        Operation("explainPolicy", "Policies").sends("PolicyQuestion")
          .answers(.ok, "PolicyExplanation").fails(.explanationUnavailable)
      ),
    ]
    + data("/api/v1/policy/data", "Policies", "", sends: "NewPolicyData")
    + data("/operator/v1/tenants/{id}/policy-data", "Operators", "OfTenant", sends: "NewPolicyDataOfTenant")

  private static func data(_ path: String, _ tag: String, _ suffix: String, sends: String) -> [(String, Operation)] {
    [
      (
        "GET \(path)",
        Operation("getPolicyData\(suffix)", tag).answers(.ok, "PolicyData", "With an ETag once something is stored.")
      ),
      (
        "PUT \(path)",
        Operation("setPolicyData\(suffix)", tag).guarded.sends(sends).answers(.ok, "PolicyData", headers: ["ETag"])
      ),
      ("DELETE \(path)", Operation("removePolicyData\(suffix)", tag).guarded.answersNothing()),
    ]
  }
}
