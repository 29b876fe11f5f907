import Foundation
import LocalStack

/// Something that happens on a thread of its own.
final class Background<Value>: @unchecked Sendable {
  // @unchecked: the result is read when the thread has signalled its end.
  private var result: Result<Value, any Error>?
  private let done = DispatchSemaphore(value: 0)

  init(_ body: @escaping () throws -> Value) {
    nonisolated(unsafe) let body = body
    Thread { [self] in
      result = Result { try body() }
      done.signal()
    }.start()
  }

  func value() throws -> Value {
    done.wait()
    guard let result else { throw StackError("nothing has happened") }
    return try result.get()
  }
}
