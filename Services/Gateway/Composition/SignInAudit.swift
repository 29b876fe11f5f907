internal import GatewayAudit
internal import GatewaySignIn
internal import HTTPWire

/// What happens to sessions, in the audit log of the user's tenant. Of names that nobody has there is none.
struct SignInAudit: SignInRecording {
  let log: AuditLog

  func record(_ event: SignInEvent) async {
    guard let tenant = event.tenant else { return }
    let status: HTTPStatus =
      switch event.kind {
      case .refused: .unauthorized
      case .blocked: .tooManyRequests
      default: .ok
      }
    log.note(
      event.kind.rawValue, of: event.user.map { "\($0)" } ?? "", tenant, status: status, address: event.address ?? "")
  }
}
