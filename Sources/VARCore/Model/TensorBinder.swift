import VARCompute
import VARModel
import VARQuant

/// Binds the tensors of a file to a model, all or nothing, by ``TensorManifest``.
struct TensorBinder {
  private let file: VarqFile

  /// Checks that the file holds each tensor of the manifest in its shape, and no other.
  /// - Throws: ``ModelError``.
  init(_ file: VarqFile, _ configuration: ModelConfiguration) throws(ModelError) {
    self.file = file
    let manifest = TensorManifest(configuration).tensors
    for tensor in manifest {
      guard let stored = file[tensor.name] else {
        throw .missingTensor(path: file.path, name: tensor.name)
      }
      guard stored.shape == tensor.storedShape else {
        throw .shape(
          path: file.path, name: tensor.name, expected: tensor.storedShape, actual: stored.shape)
      }
    }
    let names = Set(manifest.map(\.name))
    if let surplus = file.tensors.first(where: { !names.contains($0.name) }) {
      throw .surplusTensor(path: file.path, name: surplus.name)
    }
  }

  /// A weight that stays in the mapped file.
  func matrix(_ name: String) throws(ModelError) -> WeightMatrix {
    guard let tensor = file[name] else { throw .missingTensor(path: file.path, name: name) }
    return tensor.matrix
  }

  /// A small tensor, read into memory.
  func vector(_ name: String) throws(ModelError) -> FloatVector {
    FloatVector(decoding: try matrix(name))
  }

  /// `name.weight` and `name.bias` of a linear layer or a 1×1 convolution.
  func layer(_ name: String) throws(ModelError) -> LayerWeights {
    LayerWeights(weight: try matrix(name + ".weight"), bias: try vector(name + ".bias"))
  }

  /// `name.weight` and `name.bias` of a 3×3 convolution.
  ///
  /// Sums are direct except in the decoder: tokens depend on the others to the last bits.
  func convolution(
    _ name: String, form: Convolution.Form = .same, algorithm: Convolution.Algorithm = .direct
  ) throws(ModelError) -> Convolution {
    let layer = try layer(name)
    return Convolution(weight: layer.weight, bias: layer.bias, form: form, algorithm: algorithm)
  }

  /// `name.weight` and `name.bias` of a GroupNorm of 32 groups.
  func norm(_ name: String) throws(ModelError) -> GroupNorm {
    GroupNorm(gamma: try vector(name + ".weight"), beta: try vector(name + ".bias"))
  }
}

/// A linear layer, or a 1×1 convolution.
struct LayerWeights: Sendable {
  /// [N, K].
  let weight: WeightMatrix
  /// [N].
  let bias: FloatVector
}
