import SafetensorsIO
import VARConversion
import VARQuant

extension SourceTensor {
  /// All values in the order of where the tensor is.
  func upstreamFloats() throws -> [Float] {
    switch place {
    case .checkpoint(let checkpoint, let tensor): try checkpoint.floats(of: tensor)
    case .varq(_, let tensor): try tensor.floats()
    }
  }
}
