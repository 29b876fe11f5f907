/// What a member of a tenant may do, from most to least. What each role is allowed stands in the policies.
package enum Role: String, Sendable, CaseIterable {
  /// All, including the end of the tenant and who else owns it.
  case owner
  /// Members, keys, settings.
  case admin
  /// Runs, workflows, tools and approvals of everybody in the tenant.
  case `operator`
  /// Work of its own.
  case member
  /// Reading.
  case viewer
}
