import VARCompute
import VARModel
import VARQuant

/// The VQ-VAE's tensors: convolutions stay mapped, vectors and the codebook are read into memory.
struct TokenizerWeights: Sendable {
  let configuration: TokenizerConfiguration
  let encoder: ImageNetwork
  let decoder: ImageNetwork
  /// `quant_conv`, [Z, 3, 3, Z].
  let quantConvolution: Convolution
  /// `post_quant_conv`, [Z, 3, 3, Z].
  let postQuantConvolution: Convolution
  /// [V, Z], in the file.
  let codebookMatrix: WeightMatrix
  /// [V, Z], decoded.
  let codebook: FloatVector
  /// The phi convolution of each scale, [Z, 3, 3, Z].
  let phi: [Convolution]

  init(_ binder: inout TensorBinder, _ configuration: TokenizerConfiguration) throws(ModelFileError)
  {
    let layers = try TokenizerArchitecture(configuration, &binder)
    self.configuration = configuration
    encoder = layers.encoder
    decoder = layers.decoder
    quantConvolution = layers.quantConvolution
    postQuantConvolution = layers.postQuantConvolution
    codebookMatrix = layers.codebook
    codebook = FloatVector(decoding: codebookMatrix)
    phi = configuration.phiIndices.map { layers.phi[$0] }
  }
}
