/// Verifies a chain, entry by entry in the order in which they are stored. Pure. Behind a fault it goes on from what is
/// there, so that each fault is found at its own place.
package struct AuditVerifier: Sendable {
  private let keys: AuditKeys?
  private var previous: AuditLink
  private var report: AuditReport

  /// Begins behind `base`: the signed beginning of a chain whose older entries were removed, or with the purpose
  /// `entry` an entry.
  package init(_ base: SignedLink, signedAs purpose: AuditKeys.Purpose = .base, keys: AuditKeys?) {
    self.init(after: base.link, keys: keys)
    switch keys?.isGood(base.signature, purpose, base.link) {
    case true?: break
    case false?: note(base.link.sequence, .baseForged)
    // Without keys, and with a key that is gone.
    case nil: if keys != nil { note(base.link.sequence, .unknownKey) }
    }
  }

  /// Begins behind a place that is known to be good: the first of a chain, or one of an earlier export.
  package init(after place: AuditLink, keys: AuditKeys?) {
    self.keys = keys
    previous = place
    report = AuditReport(chain: place.chain, end: place, areSignaturesChecked: keys != nil)
  }

  /// What was found until now.
  package var soFar: AuditReport { report }

  /// Looks at the next entry.
  package mutating func check(_ stored: ChainedEntry) {
    report.entries &+= 1
    let link = stored.link
    guard link.chain == previous.chain else { return note(link.sequence, .foreign) }
    guard link.sequence > previous.sequence else { return note(link.sequence, .misplaced) }
    let isNext = link.sequence == previous.sequence &+ 1
    if !isNext { note(previous.sequence &+ 1, .missing) }
    // Behind a gap the hash before is not known; the signature is.
    let isLinked = !isNext || previous.next(stored.entry) == link
    if !isLinked { note(link.sequence, .altered) }
    switch keys?.isGood(stored.signature, .entry, link) {
    case true?: break
    // Of what is altered anyway, one fault is enough.
    case false?: if isLinked { note(link.sequence, .forged) }
    case nil: if keys != nil { note(link.sequence, .unknownKey) }
    }
    previous = link
    report.end = link
  }

  /// What should be the next entry cannot be read.
  package mutating func checkUnreadable() {
    report.entries &+= 1
    note(previous.sequence &+ 1, .unreadable)
  }

  /// Looks at the end of the chain. Returns what was found in all.
  package mutating func finish(_ head: SignedLink) -> AuditReport {
    let link = head.link
    switch keys?.isGood(head.signature, .head, link) {
    case true?: break
    case false?: note(link.sequence, .headForged)
    case nil: if keys != nil { note(link.sequence, .unknownKey) }
    }
    if link.chain != previous.chain {
      note(link.sequence, .foreign)
    } else if link.sequence > previous.sequence {
      note(previous.sequence &+ 1, .truncated)
    } else if link.sequence < previous.sequence {
      note(link.sequence &+ 1, .excess)
    } else if link.hash != previous.hash {
      note(link.sequence, .headForged)
    }
    return report
  }

  private mutating func note(_ sequence: Int64, _ kind: AuditFault.Kind) {
    report.faultCount &+= 1
    guard report.faults.count < AuditReport.faultsMax else { return }
    let fault = AuditFault(sequence, kind)
    if report.faults.last != fault { report.faults.append(fault) }
  }
}
