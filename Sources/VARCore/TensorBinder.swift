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

  /// `name.weight` and `name.bias` of a linear layer or a convolution.
  func layer(_ name: String) throws(ModelError) -> LayerWeights {
    LayerWeights(weight: try matrix(name + ".weight"), bias: try vector(name + ".bias"))
  }

  /// `name.weight` and `name.bias` of a GroupNorm.
  func norm(_ name: String) throws(ModelError) -> NormWeights {
    NormWeights(gamma: try vector(name + ".weight"), beta: try vector(name + ".bias"))
  }
}

/// A linear layer or a convolution.
struct LayerWeights: Sendable {
  /// [N, K]; of a convolution [Cout, kh·kw·Cin].
  let weight: WeightMatrix
  /// [N].
  let bias: FloatVector
}

/// The affine part of a GroupNorm.
struct NormWeights: Sendable {
  /// [channels].
  let gamma: FloatVector
  /// [channels].
  let beta: FloatVector
}
