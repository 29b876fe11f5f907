internal import Policy
internal import Synchronization

/// What a question that is asked again and again needs each time: the bytes of its input, and its key in the cache
/// under the revisions of the last time.
final class PreparedQuestion: Sendable {
  private struct Last {
    let policy: String
    let data: String
    let key: DecisionCache.Key
  }

  /// The bytes of the input in the key.
  let inputBytes: [UInt8]
  private let last = Mutex<Last?>(nil)

  init(_ input: RegoValue) {
    var writer = CanonicalBytes()
    writer.add(input)
    inputBytes = writer.bytes
  }

  /// The key of a question that this was made of.
  fileprivate func key(_ query: PolicyQuery, policy: String, data: String) -> DecisionCache.Key {
    if let last = last.withLock({ $0 }), last.policy == policy, last.data == data { return last.key }
    let key = DecisionCache.Key(query, policy: policy, data: data)
    last.withLock { $0 = Last(policy: policy, data: data, key: key) }
    return key
  }
}

extension PolicyQuery {
  /// The key of the question in the cache, under revisions of policies and data.
  func key(policy: String, data: String) -> DecisionCache.Key {
    prepared?.key(self, policy: policy, data: data) ?? DecisionCache.Key(self, policy: policy, data: data)
  }
}
