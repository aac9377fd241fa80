internal import VARCompute
internal import VARQuant

/// What a network says of some pictures.
package struct NetworkOutputs: Sendable {
  /// [n, D], for Fréchet distance, precision and recall.
  package var features: [Float] = []
  /// [n, D′], of Inception the first 7 channels of `mixed_6/conv`; empty where there are none.
  package var spatial: [Float] = []
  /// [n, C] logits, for the Inception Score.
  package var logits: [Float] = []

  /// Of no pictures, or of some.
  package init(features: [Float] = [], spatial: [Float] = [], logits: [Float] = []) {
    self.features = features
    self.spatial = spatial
    self.logits = logits
  }
}

/// A network that scores pictures.
package protocol PictureNetwork: AnyObject {
  /// Numbers of a picture's features, of its spatial features and of its logits.
  var sizes: (features: Int, spatial: Int, logits: Int) { get }
  /// Pictures that it looks at together.
  var batch: Int { get }
  /// Looks at pictures, U8 [n, side, side, 3] with n at most ``batch``.
  func look(at pictures: [UInt8], side: Int) throws -> NetworkOutputs
}

/// Runs convolution units over maps whose memory it keeps.
final class UnitRunner {
  let compute: Compute
  private let file: NetworkFile
  private let units: [String: ConvolutionUnit]
  private var convolutions: [String: PatchConvolution] = [:]
  private var maps: [String: FeatureMap] = [:]
  private let patches: ActivationBuffer

  init(_ file: NetworkFile, _ units: [ConvolutionUnit], _ compute: Compute) throws {
    self.file = file
    self.compute = compute
    self.units = Dictionary(uniqueKeysWithValues: units.map { ($0.name, $0) })
    let widest = units.map { $0.inputs * $0.filter.height * $0.filter.width }.max() ?? 1
    patches = try compute.patches(columns: widest)
    for unit in units {
      let (weight, bias) = try file.layer(
        unit.name, rows: unit.outputs, columns: unit.inputs * unit.filter.height * unit.filter.width
      )
      convolutions[unit.name] = PatchConvolution(
        weight: weight, bias: bias, filter: unit.filter, stride: unit.stride,
        padding: unit.padding)
    }
  }

  /// A map of this name and shape, whose numbers are undefined.
  func map(_ name: String, _ images: Int, _ height: Int, _ width: Int, _ channels: Int) throws
    -> FeatureMap
  {
    if let map = maps[name], map.shape == [images, height, width, channels] { return map }
    let map = FeatureMap(
      try FloatBuffer(count: images * height * width * channels), images: images, height: height,
      width: width, channels: channels)
    maps[name] = map
    return map
  }

  /// A unit over a map, into a map of its own, or into some channels of a wider one.
  func run(_ name: String, _ x: FeatureMap, into wide: FeatureMap? = nil, at channel: Int = 0)
    throws
    -> FeatureMap
  {
    guard let convolution = convolutions[name] else {
      throw ScoreError.network(path: file.path, reason: "it lacks \(name)")
    }
    let size = convolution.outputSize(height: x.height, width: x.width)
    let outputs = convolution.weight.rows
    let target =
      try wide ?? map(name, x.images, size.height, size.width, outputs)
    try compute.convolve(
      convolution, x, into: target.matrix.columns(channel..<channel + outputs), patches: patches)
    return target
  }

  /// Units one after the other.
  func chain(_ names: [String], _ x: FeatureMap) throws -> FeatureMap {
    try names.reduce(x) { try run($1, $0) }
  }

  /// A pooled map.
  func pool(_ window: Pooling, _ name: String, _ x: FeatureMap) throws -> FeatureMap {
    let map = try map(
      name, x.images, window.outputSide(x.height), window.outputSide(x.width), x.channels)
    compute.pool(window, x, into: map.matrix)
    return map
  }

  /// The mean over each picture's pixels, [images, channels].
  func means(_ x: FeatureMap) -> [Float] {
    var means = [Float](repeating: 0, count: x.images * x.channels)
    x.buffer.withSpan { values in
      for image in 0..<x.images {
        for pixel in 0..<x.pixels {
          let start = x.offset + (image * x.pixels + pixel) * x.channels
          for channel in 0..<x.channels {
            means[image * x.channels + channel] += values[start + channel]
          }
        }
      }
    }
    return means.map { $0 / Float(x.pixels) }
  }

  /// rows [n, K] · weightᵀ + bias of a layer.
  func linear(_ name: String, _ rows: [Float], columns: Int, outputs: Int, bias: Bool = true) throws
    -> [Float]
  {
    let (weight, biases) = try file.layer(name, rows: outputs, columns: columns)
    let count = rows.count / columns
    let exact = compute.with(mode: .f32)
    let input = try exact.activations(rows: count, columns: columns)
    let source = try FloatBuffer(rows)
    let target = try FloatBuffer(count: count * outputs)
    try exact.prepare(
      FloatMatrix(source, rows: count, columns: columns, stride: columns), into: input)
    try exact.linear(
      input, weight, bias: bias ? biases : nil,
      into: FloatMatrix(target, rows: count, columns: outputs, stride: outputs))
    return target.array()
  }
}
