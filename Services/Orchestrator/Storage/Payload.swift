internal import Crypto
package import Decider
internal import Primitives

/// Bytes that are stored once under their digest.
package struct Payload: Sendable {
  package let sha256: [UInt8]
  package let body: [UInt8]

  package init(_ body: [UInt8]) {
    sha256 = Digest.sha256(body)
    self.body = body
  }

  package var ref: PayloadRef { PayloadRef(sha256: Hex.encode(sha256), bytes: body.count) }
}
