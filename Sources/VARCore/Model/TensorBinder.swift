import VARCompute
import VARModel
import VARQuant

/// Makes weights of the layers that it visits: matrices stay mapped, vectors are read into memory.
struct TensorBinder: ArchitectureVisitor {
  private let file: VarqFile
  /// Bytes of the vectors that were read into memory.
  private(set) var vectorBytes = 0

  /// Binds the tensors of a file whose tensors have been checked.
  init(_ model: ModelFile) { file = model.file }

  func tensor(_ tensor: TensorSpecification) -> WeightMatrix {
    guard let stored = file[tensor.name] else {
      preconditionFailure("ModelFile has found \(tensor.name), by the same walk")
    }
    return stored.matrix
  }

  mutating func vector(_ tensor: TensorSpecification) -> FloatVector {
    let vector = FloatVector(decoding: self.tensor(tensor))
    vectorBytes += vector.bytes
    return vector
  }

  mutating func linear(_ layer: AffineLayer) -> LayerWeights {
    LayerWeights(weight: tensor(layer.weight), bias: vector(layer.bias))
  }

  /// The bias of queries, zeros for keys, and that of values, [3C].
  mutating func attentionInput(_ layer: AttentionInputLayer) -> LayerWeights {
    let bias = [vector(layer.queryBias), nil, vector(layer.valueBias)]
    let width = layer.queryBias.upstreamShape[0]
    let values = bias.flatMap { $0?.array ?? [Float](repeating: 0, count: width) }
    return LayerWeights(weight: tensor(layer.weight), bias: FloatVector(values))
  }

  /// Sums are direct except in the decoder: tokens depend on the others to the last bits.
  mutating func convolution(_ layer: AffineLayer, _ form: ConvolutionForm) -> Convolution {
    Convolution(
      weight: tensor(layer.weight), bias: vector(layer.bias), form: Convolution.Form(form),
      algorithm: layer.weight.part == .decoder ? .winograd : .direct)
  }

  mutating func norm(_ layer: AffineLayer) -> GroupNorm {
    GroupNorm(gamma: vector(layer.weight), beta: vector(layer.bias))
  }
}

/// A linear layer, or a 1×1 convolution.
struct LayerWeights: Sendable {
  /// [N, K].
  let weight: WeightMatrix
  /// [N].
  let bias: FloatVector
}

extension Convolution.Form {
  fileprivate init(_ form: ConvolutionForm) {
    self =
      switch form {
      case .same: .same
      case .down: .down
      case .up: .up
      }
  }
}

extension FloatVector {
  /// All numbers.
  var array: [Float] { withSpan { span in span.indices.map { span[$0] } } }
}
