package import Primitives

/// A lease as it was written, with the step's input when that is a whole payload.
package struct WrittenLease: Sendable {
  package let deadline: Timestamp
  package let input: [UInt8]?

  package init(deadline: Timestamp, input: [UInt8]?) {
    self.deadline = deadline
    self.input = input
  }

  package func with(_ input: [UInt8]) -> WrittenLease { WrittenLease(deadline: deadline, input: input) }
}
