import VARCompute
import VARModel
import VARQuant

/// Makes weights of the layers that it visits: matrices stay mapped, vectors are read into memory.
struct TensorBinder: ArchitectureVisitor {
  private let model: ModelFile
  /// Bytes of the vectors that were read into memory.
  private(set) var vectorBytes = 0

  /// Binds the tensors of a file whose tensors have been checked.
  init(_ model: ModelFile) { self.model = model }

  func tensor(_ tensor: TensorSpecification) throws(ModelFileError) -> WeightMatrix {
    try model.tensor(tensor).matrix
  }

  mutating func vector(_ tensor: TensorSpecification) throws(ModelFileError) -> FloatVector {
    let vector = FloatVector(decoding: try self.tensor(tensor))
    vectorBytes += vector.bytes
    return vector
  }

  mutating func linear(_ layer: AffineLayer) throws(ModelFileError) -> LayerWeights {
    LayerWeights(weight: try tensor(layer.weight), bias: try vector(layer.bias))
  }

  /// The bias of queries, zeros for keys, and that of values, [3C].
  mutating func attentionInput(_ layer: AttentionInputLayer) throws(ModelFileError) -> LayerWeights
  {
    let bias = [try vector(layer.queryBias), nil, try vector(layer.valueBias)]
    let width = layer.queryBias.upstreamShape[0]
    let values = bias.flatMap { $0?.array ?? [Float](repeating: 0, count: width) }
    return LayerWeights(weight: try tensor(layer.weight), bias: FloatVector(values))
  }

  /// Sums are direct except in the decoder: tokens depend on the others to the last bits.
  mutating func convolution(_ layer: AffineLayer, _ form: ConvolutionForm) throws(ModelFileError)
    -> Convolution
  {
    try Convolution(
      weight: tensor(layer.weight), bias: vector(layer.bias), form: Convolution.Form(form),
      algorithm: layer.weight.part == .decoder ? .winograd : .direct)
  }

  mutating func norm(_ layer: AffineLayer) throws(ModelFileError) -> GroupNorm {
    try GroupNorm(gamma: vector(layer.weight), beta: vector(layer.bias))
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
