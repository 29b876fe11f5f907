internal import APIKit
package import Artefacts
internal import Contracts
package import HTTP
package import Memories
internal import RunEngine
package import ToolRegistry

extension BlobRefusal: ProblemConvertible {
  package var problem: Problem {
    switch self {
    case .tooLarge(let bytesMax): Problem(.bodyTooLarge, "A file has at most \(bytesMax) bytes.")
    case .removed: Problem(.contentRemoved, retryAfterSeconds: 1)
    }
  }
}

extension ArtefactStore.AttachRefusal: ProblemConvertible {
  package var problem: Problem {
    TaskRefusal.artefacts(self).problem
  }
}

extension MemoryRefusal: ProblemConvertible {
  package var problem: Problem {
    switch self {
    case .quota: Problem(.memoryQuotaExceeded)
    case .keyReused: Problem(.idempotencyKeyReused, "The key was used for another memory; use a new key.")
    }
  }
}

extension RegistryRefusal: ProblemConvertible {
  package var problem: Problem {
    switch self {
    case .toolQuota: Problem(.toolQuotaExceeded)
    case .serverQuota: Problem(.mcpServerQuotaExceeded)
    case .nameTaken: Problem(.nameTaken, "Another MCP server has this name.")
    case .commandNotAllowed: Problem(.commandNotAllowed)
    case .noKey: Problem(.encryptionKeyMissing)
    case .declared: Problem(.declaredServer)
    case .outdated: .outdated()
    case .definitionDiffers: Problem(.definitionDiffers)
    case .unfitReport(let detail): Problem(.unfitReport, detail)
    }
  }
}
