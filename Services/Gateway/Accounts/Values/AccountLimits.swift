/// How much of each there may be. Counted before a row is added, so that requests at the same moment can pass a limit by
/// their number.
package enum AccountLimits {
  /// Users of a tenant.
  package static let usersMax = 10_000
  /// Service accounts of a tenant.
  package static let serviceAccountsMax = 1000
  /// Keys of a user or a service account.
  package static let keysOfSubjectMax = 100
  /// Invitations of a tenant that wait.
  package static let invitationsMax = 1000
  /// Bytes of a name of a person, a key or a service account.
  package static let nameBytesMax = 100
  /// Bytes of the name of a tenant.
  package static let tenantNameBytesMax = 200
  /// Bytes of a description.
  package static let descriptionBytesMax = 4096
  /// Bytes of a project's name, as assertions carry it.
  package static let projectBytesMax = 256
  /// Seconds that the secret before a rotation can stay good: 30 days.
  package static let overlapSeconds: ClosedRange<Int64> = 0...2_592_000
  /// Overlap unless another one is asked for: a day.
  package static let overlapSecondsStandard: Int64 = 86_400
  /// Seconds that an invitation can wait: 30 days.
  package static let invitationSeconds: ClosedRange<Int64> = 60...2_592_000
  /// Unless another time is asked for: 7 days.
  package static let invitationSecondsStandard: Int64 = 604_800
  /// Bytes of a password, before it is hashed.
  package static let passwordBytesMax = 1024
}
