public import VARCompute
import VARModel

/// The VQ-VAE's encoder and decoder with the memory for one picture at a time.
///
/// Three buffers take turns: a stage reads one and writes another, and a third is needed only while
/// a residual block changes the number of channels. They are as large as the largest feature map,
/// but memory is taken when it is first touched, so the third stays small.
public final class ImageCodec {
  let weights: TokenizerWeights
  private let compute: Compute
  private let quantizer: Quantizer
  private let buffers: [FloatBuffer]
  private let workspace = Workspace()
  private var pointwiseInput: [ComputeMode: ActivationBuffer] = [:]

  /// Allocates for pictures of the model's side.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  public init(_ model: Model, _ compute: Compute) throws {
    weights = try model.tokenizer(for: "encoding or decoding pictures")
    self.compute = compute
    quantizer = try Quantizer(weights, compute, images: 1)
    let count = Self.largestMap(weights.configuration)
    buffers = try (0..<3).map { _ in try FloatBuffer(count: count) }
  }
}
