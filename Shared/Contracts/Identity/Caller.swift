/// On whose behalf a request is made, and what it may do. Made from a verified assertion; nothing else is a source of
/// identity between services.
public struct Caller: Hashable, Sendable {
  /// The leased step that a worker acts for.
  public struct Step: Hashable, Sendable {
    /// The run.
    public let run: RunID
    /// The step.
    public let id: StepID
    /// The lease.
    public let lease: LeaseBinding

    /// Makes the identity of a leased step.
    public init(run: RunID, id: StepID, lease: LeaseBinding) {
      self.run = run
      self.id = id
      self.lease = lease
    }
  }

  /// Who has vouched for it.
  public let issuer: Issuer
  /// The tenant.
  public let tenant: TenantID
  /// Who acts, for the audit: an API key by its name, or who has submitted the task of a step. At most 256 bytes.
  public let principal: String
  /// What it may do.
  public let scopes: Scopes
  /// The project, where there is one. At most 256 bytes, like the two below.
  public let project: String?
  /// The group, where there is one.
  public let group: String?
  /// The agent, where there is one.
  public let agent: String?
  /// The step, for a worker.
  public let step: Step?
  /// The role of a person or program in the tenant, for the policies of the service; `nil` where there is none.
  public let role: String?

  /// Makes a caller. Texts are brought into the form that an assertion can carry: control characters are replaced, what
  /// is too long is cut, an empty label is none. Scopes that the issuer may not give are left out.
  public init(
    issuer: Issuer, tenant: TenantID, principal: String, scopes: Scopes, project: String? = nil, group: String? = nil,
    agent: String? = nil, step: Step? = nil, role: String? = nil
  ) {
    self.issuer = issuer
    self.tenant = tenant
    self.principal = ClaimText.make(principal) ?? "unknown"
    self.scopes = scopes.intersection(issuer.scopes)
    self.project = project.flatMap(ClaimText.make)
    self.group = group.flatMap(ClaimText.make)
    self.agent = agent.flatMap(ClaimText.make)
    self.step = step
    self.role = role.flatMap(ClaimText.make)
  }

  /// Whether it has a right.
  public func has(_ scope: Scope) -> Bool { scopes.contains(Scopes(scope)) }
}
