package import VARCompute
package import VARImages
import VARModel
package import VARQuant

/// The VQ-VAE's encoder and decoder with the memory for one picture at a time: pictures in, pictures
/// out.
///
/// Three buffers take turns: a stage reads one and writes another, and the third is needed only while
/// a residual block changes the number of channels. Each has room for the largest feature map, but
/// memory is taken when it is first touched, so the third stays small. Everything is computed in f32.
package final class ImageCodec {
  let shape: TokenizerConfiguration
  let weights: TokenizerWeights
  let compute: Compute
  let quantizer: Quantizer
  private let buffers: [FloatBuffer]
  private let pixels: FloatBuffer  // [S, S, 3]
  private let cache: KVCache  // of the attention over the pixels of the lowest level
  private let pointwiseInput: ActivationBuffer  // [pointwiseRows, channels]
  private let ones: FloatBuffer  // [channels]
  private let workspace = Workspace()
  let monitor: RunMonitor
  /// Sees the inputs of convolutions before they run; what it throws ends the run.
  package var onInput: ((ImageLayerInput) throws -> Void)?

  /// Rows of a 1×1 convolution that are computed together.
  private static let pointwiseRows = 1024

  /// Allocates for pictures of the model's side.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(
    _ model: Model, _ compute: Compute, monitor: RunMonitor = RunMonitor()
  ) throws {
    weights = try model.tokenizer(for: "encoding or decoding pictures")
    shape = weights.configuration
    self.monitor = monitor
    self.compute = compute.with(mode: .f32)
    quantizer = try Quantizer(weights, compute, images: 1)
    let count = Self.largestMap(shape)
    buffers = try (0..<3).map { _ in try FloatBuffer(count: count) }
    pixels = try FloatBuffer(count: shape.imageSide * shape.imageSide * 3)
    let side = shape.patchNumbers.last ?? 0
    let lowest = shape.channels * (shape.multipliers.last ?? 1)
    cache = try KVCache(
      images: 1, heads: 1, tokens: side * side, headWidth: lowest, storage: .f32)
    let widest = shape.channels * (shape.multipliers.max() ?? 1)
    pointwiseInput = try self.compute.activations(rows: Self.pointwiseRows, columns: widest)
    ones = try FloatBuffer(Array(repeating: 1, count: lowest))
  }

  /// What it holds besides feature maps and what they need: the picture and small things.
  var heldBytes: Int { pixels.bytes + pointwiseInput.bytes + ones.bytes }

  /// Elements of the largest feature map of encoder and decoder.
  private static func largestMap(_ shape: TokenizerConfiguration) -> Int {
    let levels = shape.multipliers.indices
    let maps = levels.map { level in
      let neighbours = shape.multipliers[max(0, level - 1)...min(level + 1, levels.count - 1)]
      let side = shape.imageSide >> level
      return side * side * shape.channels * (neighbours.max() ?? 1)
    }
    let side = shape.patchNumbers.last ?? 0
    let queries = side * side * 3 * shape.channels * (shape.multipliers.last ?? 1)
    return max(maps.max() ?? 0, queries)
  }

  /// Decodes f̂ [1, P, P, Z] to a picture of 8-bit RGB pixels, round(255·x).
  /// - Throws: ``ModelError/features(expected:actual:)``, ``ModelError/notFinite(_:)``,
  ///   `ComputeError.outOfMemory`, `CancellationError`.
  package func decode(_ features: FeatureMap) throws -> Image {
    try decodePixels(features)
    return try pixels.withSpan { values in
      try Image(width: side, height: side, unit: values)
    }
  }

  /// Decodes f̂ [1, P, P, Z] to RGB values in [0, 1], [S, S, 3].
  ///
  /// - Parameter onStage: sees what the parts of the decoder write, by their official names: `conv_in`,
  ///   `mid`, `up{level}` with its attention and upsampling included, `norm_out` before SiLU.
  package func decodeValues(
    _ features: FeatureMap, onStage: ((String, FeatureMap) throws -> Void)? = nil
  ) throws -> [Float] {
    try decodePixels(features, onStage: onStage)
    return pixels.array()
  }

  /// decoder(post_quant_conv(f̂)) clamped to [−1, 1], then (x+1)/2, into ``pixels``.
  private func decodePixels(
    _ features: FeatureMap, onStage: ((String, FeatureMap) throws -> Void)? = nil
  ) throws {
    let side = shape.patchNumbers.last ?? 0
    let expected = [1, side, side, shape.latentChannels]
    guard features.shape == expected else {
      throw ModelError.features(expected: expected, actual: features.shape)
    }
    let convolved = map(buffers[1], side: side, channels: shape.latentChannels)
    try convolve(weights.postQuantConvolution, features, into: convolved)
    let output = map(pixels, side: shape.imageSide, channels: 3)
    try run(weights.decoder, convolved, into: output, onStage: onStage)
    // Before clamping, which would hide an infinity.
    let isFinite = pixels.withSpan { span in span.indices.allSatisfy { span[$0].isFinite } }
    guard isFinite else { throw ModelError.notFinite("decoded pixels") }
    pixels.withMutableSpan { span in
      for index in 0..<span.count { span[index] = (min(max(span[index], -1), 1) + 1) * 0.5 }
    }
  }

  /// The features f [1, P, P, Z] of a picture [S, S, 3]: quant_conv(encoder(2·(u8/255) − 1)).
  func features(of image: Image) throws -> FeatureMap {
    guard image.width == shape.imageSide, image.height == shape.imageSide else {
      throw ModelError.pixels(
        expected: shape.imageSide, width: image.width, height: image.height)
    }
    pixels.withMutableSpan { span in
      for index in 0..<span.count {
        let value = Float(image.pixels[index]) / 255
        span[index] = value + value - 1
      }
    }
    let side = shape.patchNumbers.last ?? 0
    let count = side * side * shape.latentChannels
    let encoded = map(try FloatBuffer(count: count), side: side, channels: shape.latentChannels)
    let features = map(try FloatBuffer(count: count), side: side, channels: shape.latentChannels)
    try run(weights.encoder, map(pixels, side: shape.imageSide, channels: 3), into: encoded)
    try convolve(weights.quantConvolution, encoded, into: features)
    guard features.values.allSatisfy(\.isFinite) else {
      throw ModelError.notFinite("encoded features")
    }
    return features
  }
}

// The network: stages over feature maps [1, side, side, channels].
extension ImageCodec {
  private func map(_ buffer: FloatBuffer, side: Int, channels: Int) -> FeatureMap {
    FeatureMap(buffer, images: 1, height: side, width: side, channels: channels)
  }

  /// A convolution, before which the run may be ended.
  private func convolve(
    _ convolution: Convolution, _ x: FeatureMap, norm: GroupNorm? = nil,
    adding residual: FeatureMap? = nil, into output: FeatureMap
  ) throws {
    try monitor.poll()
    try onInput?(.convolution(convolution, x, norm))
    // SiLU follows every norm in front of a convolution.
    try compute.convolve(
      convolution, x, norm: norm, silu: norm != nil, adding: residual, into: output,
      workspace: workspace)
    try monitor.poll()
  }

  /// A map in one of the two buffers that `x` doesn't occupy.
  private func free(besides x: FeatureMap, _ index: Int, side: Int, channels: Int) -> FeatureMap {
    let free = buffers.filter { $0 !== x.buffer }
    return map(free[index], side: side, channels: channels)
  }

  private func run(
    _ network: ImageNetwork, _ input: FeatureMap, into output: FeatureMap,
    onStage: ((String, FeatureMap) throws -> Void)? = nil
  ) throws {
    var x = free(
      besides: input, 0, side: input.height, channels: network.input.outputChannels)
    try convolve(network.input, input, into: x)
    try onStage?("conv_in", x)
    for (index, stage) in network.stages.enumerated() {
      x = try run(stage, x)
      if let name = network.partNames[index] { try onStage?(name, x) }
    }
    if let onStage {
      let normed = free(besides: x, 0, side: x.height, channels: x.channels)
      try compute.groupNorm(x, network.norm, silu: false, into: normed, workspace: workspace)
      try onStage("norm_out", normed)
    }
    try convolve(network.output, x, norm: network.norm, into: output)
  }

  private func run(_ stage: ImageStage, _ x: FeatureMap) throws -> FeatureMap {
    switch stage {
    case .residual(let block): return try run(block, x)
    case .attention(let block): return try run(block, x)
    case .resample(let convolution):
      let output = free(
        besides: x, 0, side: convolution.outputSide(x.height), channels: convolution.outputChannels)
      try convolve(convolution, x, into: output)
      return output
    }
  }

  /// x + conv2(SiLU(norm2(conv1(SiLU(norm1(x)))))), or shortcut(x) + … where the channels change.
  private func run(_ block: ResidualWeights, _ x: FeatureMap) throws -> FeatureMap {
    let channels = block.conv1.outputChannels
    let hidden = free(besides: x, 0, side: x.height, channels: channels)
    try convolve(block.conv1, x, norm: block.norm1, into: hidden)
    var output = x
    if let shortcut = block.shortcut {
      output = free(besides: x, 1, side: x.height, channels: channels)
      try pointwise(shortcut, x, into: output)
    }
    try convolve(block.conv2, hidden, norm: block.norm2, adding: output, into: output)
    return output
  }

  /// x + proj_out(softmax(q·kᵀ/√C)·v) with q, k, v = qkv(norm(x)).
  private func run(_ block: AttentionWeights, _ x: FeatureMap) throws -> FeatureMap {
    let normed = free(besides: x, 0, side: x.height, channels: x.channels)
    let queries = free(besides: x, 1, side: x.height, channels: 3 * x.channels)
    try compute.groupNorm(x, block.norm, silu: false, into: normed, workspace: workspace)
    try pointwise(block.qkv, normed, into: queries)
    try compute.append(
      queries.matrix, to: cache, at: 0,
      scaling: .plain(factor: 1 / Float(x.channels).squareRoot()))
    try compute.attention(
      queries.matrix.columns(0..<x.channels), over: cache, keys: x.pixels, into: normed.matrix)
    try onInput?(.pointwise(block.projection.weight, normed.matrix))
    let gamma = ones.matrix(rows: 1, columns: x.channels)
    try forRowBlocks(of: normed.matrix) { rows in
      try compute.prepare(normed.matrix.rows(rows), into: pointwiseInput)
      try compute.linearResidual(
        pointwiseInput, block.projection.weight, bias: block.projection.bias, gamma: gamma,
        into: x.matrix.rows(rows))
    }
    return x
  }

  /// A 1×1 convolution.
  private func pointwise(_ layer: LayerWeights, _ x: FeatureMap, into output: FeatureMap) throws {
    try onInput?(.pointwise(layer.weight, x.matrix))
    try forRowBlocks(of: x.matrix) { rows in
      try compute.prepare(x.matrix.rows(rows), into: pointwiseInput)
      try compute.linear(
        pointwiseInput, layer.weight, bias: layer.bias, into: output.matrix.rows(rows))
    }
  }

  private func forRowBlocks(of matrix: FloatMatrix, _ body: (Range<Int>) throws -> Void) rethrows {
    for start in stride(from: 0, to: matrix.rows, by: Self.pointwiseRows) {
      try body(start..<min(start + Self.pointwiseRows, matrix.rows))
    }
  }
}

/// The input of a layer of encoder or decoder, valid until the layer runs.
package enum ImageLayerInput {
  /// Of a 3×3 convolution [side, side, Cin], before a norm and SiLU where there is a norm.
  case convolution(Convolution, FeatureMap, GroupNorm?)
  /// Of a 1×1 convolution, [pixels, Cin].
  case pointwise(WeightMatrix, FloatMatrix)
}
