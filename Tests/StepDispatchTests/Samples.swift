import Contracts
import Primitives
import RunStorage
import StepDispatch

let tenant = TenantID(UUID(high: 1, low: 1))
let otherTenant = TenantID(UUID(high: 1, low: 2))

/// A leased step that is told from others by its number.
func leased(_ number: UInt64, jobType: String = "agent", slot: Int = 0) -> LeasedStep {
  LeasedStep(
    step: StepID(UUID(high: number, low: 1)), run: RunID(UUID(high: number, low: 0)), tenant: tenant, key: "answer",
    attempt: 1, token: UUID(high: 99, low: number), deadline: Timestamp(unixMicroseconds: 0), version: 2,
    task: TaskID(UUID(high: number, low: 0)), traceparent: nil, leaseMilliseconds: 1000, slot: slot,
    waitedMicroseconds: 0, lane: "", jobType: jobType)
}

func request(
  _ worker: String = "w", _ jobTypes: [String] = ["agent"], slots: Int = 1, deadline: UInt64 = 100
) -> WorkerPoll {
  WorkerPoll(worker: worker, jobTypes: jobTypes, slots: slots, leaseMilliseconds: 1000, deadline: deadline)
}

extension [LeasedStep] {
  /// The numbers of the steps.
  var numbers: [UInt64] { map(\.step.uuid.high) }
}
