/// What becomes of the layers of an architecture.
///
/// ``TransformerArchitecture`` and ``TokenizerArchitecture`` name every layer of a half once, in the
/// order in which a run visits them, and keep what the visitor returns: a list of tensors for the
/// manifest, bound weights for the runtime.
package protocol ArchitectureVisitor {
  /// Of a tensor by itself that stays where it is: an embedding, the codebook.
  associatedtype Tensor: Sendable
  /// Of a small tensor by itself: a bias, a learned scale.
  associatedtype Vector: Sendable
  /// Of a linear layer, or a 1×1 convolution.
  associatedtype Linear: Sendable
  /// Of a 3×3 convolution.
  associatedtype Convolution: Sendable
  /// Of a GroupNorm of 32 groups.
  associatedtype Norm: Sendable
  /// What may go wrong with a layer; nothing, where a visitor doesn't say.
  associatedtype Failure: Error = Never

  /// A tensor that stays where it is.
  mutating func tensor(_ tensor: TensorSpecification) throws(Failure) -> Tensor
  /// A small tensor.
  mutating func vector(_ tensor: TensorSpecification) throws(Failure) -> Vector
  /// y = x · weightᵀ + bias; weight [N, K] or [N, K, 1, 1], bias [N].
  mutating func linear(_ layer: AffineLayer) throws(Failure) -> Linear
  /// The layer of queries, keys and values: as ``linear(_:)``, but keys have no bias.
  mutating func attentionInput(_ layer: AttentionInputLayer) throws(Failure) -> Linear
  /// A 3×3 convolution; weight [Cout, Cin, 3, 3], bias [Cout].
  mutating func convolution(_ layer: AffineLayer, _ form: ConvolutionForm) throws(Failure)
    -> Convolution
  /// A GroupNorm; weight [C], bias [C].
  mutating func norm(_ layer: AffineLayer) throws(Failure) -> Norm
}

/// A layer with a weight and a bias.
package struct AffineLayer: Equatable, Sendable {
  /// `NAME.weight`.
  package let weight: TensorSpecification
  /// `NAME.bias`.
  package let bias: TensorSpecification
}

/// The layer of queries, keys and values of a transformer block.
package struct AttentionInputLayer: Equatable, Sendable {
  /// [C].
  package let queryBias: TensorSpecification
  /// [C].
  package let valueBias: TensorSpecification
  /// [3C, C].
  package let weight: TensorSpecification
}

/// What a convolution does to the side of a map.
package enum ConvolutionForm: Equatable, Sendable {
  /// Stride 1, padding 1.
  case same
  /// Stride 2, padding 1 to the right and below: halves the side.
  case down
  /// On the map enlarged twice to the nearest: doubles the side.
  case up
}

/// Names tensors of one half for a visitor.
struct LayerNamer<Visitor: ArchitectureVisitor> {
  let half: ModelHalf
  var visitor: Visitor

  func specification(
    _ part: ModelPart, _ name: String, _ shape: [Int], _ role: TensorRole, isInterface: Bool = false
  ) -> TensorSpecification {
    TensorSpecification(
      half: half, part: part, upstreamName: name, upstreamShape: shape, role: role,
      isInterface: isInterface)
  }

  mutating func tensor(
    _ part: ModelPart, _ name: String, _ shape: [Int], _ role: TensorRole
  ) throws(Visitor.Failure) -> Visitor.Tensor {
    try visitor.tensor(specification(part, name, shape, role))
  }

  mutating func vector(
    _ part: ModelPart, _ name: String, _ shape: [Int], _ role: TensorRole
  ) throws(Visitor.Failure) -> Visitor.Vector {
    try visitor.vector(specification(part, name, shape, role))
  }

  mutating func linear(
    _ part: ModelPart, _ name: String, _ outputs: Int, _ inputs: Int, isInterface: Bool = false
  ) throws(Visitor.Failure) -> Visitor.Linear {
    try visitor.linear(affine(part, name, [outputs, inputs], .matrix, isInterface))
  }

  /// A 1×1 convolution.
  mutating func pointwise(
    _ part: ModelPart, _ name: String, _ outputs: Int, _ inputs: Int
  ) throws(Visitor.Failure) -> Visitor.Linear {
    try visitor.linear(affine(part, name, [outputs, inputs, 1, 1], .convolution))
  }

  mutating func convolution(
    _ part: ModelPart, _ name: String, _ outputs: Int, _ inputs: Int,
    _ form: ConvolutionForm = .same, isInterface: Bool = false
  ) throws(Visitor.Failure) -> Visitor.Convolution {
    try visitor.convolution(
      affine(part, name, [outputs, inputs, 3, 3], .convolution, isInterface), form)
  }

  mutating func norm(_ part: ModelPart, _ name: String, _ channels: Int) throws(Visitor.Failure)
    -> Visitor.Norm
  {
    try visitor.norm(affine(part, name, [channels], .norm))
  }

  private func affine(
    _ part: ModelPart, _ name: String, _ shape: [Int], _ role: TensorRole,
    _ isInterface: Bool = false
  ) -> AffineLayer {
    AffineLayer(
      weight: specification(part, name + ".weight", shape, role, isInterface: isInterface),
      bias: specification(
        part, name + ".bias", Array(shape.prefix(1)), .bias, isInterface: isInterface))
  }
}
