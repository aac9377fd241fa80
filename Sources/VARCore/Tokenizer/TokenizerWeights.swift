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

  init(_ binder: TensorBinder, _ configuration: TokenizerConfiguration) throws {
    self.configuration = configuration
    encoder = try .encoder(binder, configuration)
    decoder = try .decoder(binder, configuration)
    quantConvolution = try binder.convolution("vae.quant_conv")
    postQuantConvolution = try binder.convolution("vae.post_quant_conv")
    codebookMatrix = try binder.matrix("vae.quantize.embedding.weight")
    codebook = FloatVector(decoding: codebookMatrix)
    let layers = try configuration.phiNames.map {
      try binder.convolution("vae.quantize.quant_resi." + $0)
    }
    phi = configuration.phiIndices.map { layers[$0] }
  }
}
