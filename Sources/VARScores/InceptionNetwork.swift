package import VARCompute

/// Inception v3 as FID is measured by it: the TensorFlow graph of 2015-12-05 (Szegedy et al. 2016).
///
/// Not torchvision's: average pools leave the padding out, the last block max-pools, batch norm has
/// ε = 1e-3, and the classifier has 1,008 classes. Tensor names are those of the PyTorch ports of the
/// graph, in which FID weights are passed around.
package final class InceptionNetwork: PictureNetwork {
  private static func unit(
    _ name: String, _ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int, stride: Int = 1,
    padding: (height: Int, width: Int) = (0, 0)
  ) -> ConvolutionUnit {
    ConvolutionUnit(
      name: name, convolution: name + ".conv", norm: name + ".bn", inputs: inputs,
      outputs: outputs, filter: (height, width), stride: stride, padding: padding, epsilon: 1e-3)
  }

  /// Every convolution, in the order of the network.
  package static let units: [ConvolutionUnit] =
    [
      unit("Conv2d_1a_3x3", 3, 32, 3, 3, stride: 2), unit("Conv2d_2a_3x3", 32, 32, 3, 3),
      unit("Conv2d_2b_3x3", 32, 64, 3, 3, padding: (1, 1)), unit("Conv2d_3b_1x1", 64, 80, 1, 1),
      unit("Conv2d_4a_3x3", 80, 192, 3, 3),
    ] + [("Mixed_5b", 192, 32), ("Mixed_5c", 256, 64), ("Mixed_5d", 288, 64)].flatMap(blockA)
    + [
      unit("Mixed_6a.branch3x3", 288, 384, 3, 3, stride: 2),
      unit("Mixed_6a.branch3x3dbl_1", 288, 64, 1, 1),
      unit("Mixed_6a.branch3x3dbl_2", 64, 96, 3, 3, padding: (1, 1)),
      unit("Mixed_6a.branch3x3dbl_3", 96, 96, 3, 3, stride: 2),
    ]
    + [("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)].flatMap(blockC)
    + [
      unit("Mixed_7a.branch3x3_1", 768, 192, 1, 1),
      unit("Mixed_7a.branch3x3_2", 192, 320, 3, 3, stride: 2),
      unit("Mixed_7a.branch7x7x3_1", 768, 192, 1, 1),
      unit("Mixed_7a.branch7x7x3_2", 192, 192, 1, 7, padding: (0, 3)),
      unit("Mixed_7a.branch7x7x3_3", 192, 192, 7, 1, padding: (3, 0)),
      unit("Mixed_7a.branch7x7x3_4", 192, 192, 3, 3, stride: 2),
    ] + [("Mixed_7b", 1280), ("Mixed_7c", 2048)].flatMap(blockE)

  private static func blockA(_ block: (name: String, inputs: Int, pool: Int)) -> [ConvolutionUnit] {
    let (name, inputs) = (block.name, block.inputs)
    return [
      unit(name + ".branch1x1", inputs, 64, 1, 1), unit(name + ".branch5x5_1", inputs, 48, 1, 1),
      unit(name + ".branch5x5_2", 48, 64, 5, 5, padding: (2, 2)),
      unit(name + ".branch3x3dbl_1", inputs, 64, 1, 1),
      unit(name + ".branch3x3dbl_2", 64, 96, 3, 3, padding: (1, 1)),
      unit(name + ".branch3x3dbl_3", 96, 96, 3, 3, padding: (1, 1)),
      unit(name + ".branch_pool", inputs, block.pool, 1, 1),
    ]
  }

  private static func blockC(_ block: (name: String, width: Int)) -> [ConvolutionUnit] {
    let (name, width) = block
    let (row, column) = ((height: 0, width: 3), (height: 3, width: 0))
    return [
      unit(name + ".branch1x1", 768, 192, 1, 1), unit(name + ".branch7x7_1", 768, width, 1, 1),
      unit(name + ".branch7x7_2", width, width, 1, 7, padding: row),
      unit(name + ".branch7x7_3", width, 192, 7, 1, padding: column),
      unit(name + ".branch7x7dbl_1", 768, width, 1, 1),
      unit(name + ".branch7x7dbl_2", width, width, 7, 1, padding: column),
      unit(name + ".branch7x7dbl_3", width, width, 1, 7, padding: row),
      unit(name + ".branch7x7dbl_4", width, width, 7, 1, padding: column),
      unit(name + ".branch7x7dbl_5", width, 192, 1, 7, padding: row),
      unit(name + ".branch_pool", 768, 192, 1, 1),
    ]
  }

  private static func blockE(_ block: (name: String, inputs: Int)) -> [ConvolutionUnit] {
    let (name, inputs) = block
    let (row, column) = ((height: 0, width: 1), (height: 1, width: 0))
    return [
      unit(name + ".branch1x1", inputs, 320, 1, 1), unit(name + ".branch3x3_1", inputs, 384, 1, 1),
      unit(name + ".branch3x3_2a", 384, 384, 1, 3, padding: row),
      unit(name + ".branch3x3_2b", 384, 384, 3, 1, padding: column),
      unit(name + ".branch3x3dbl_1", inputs, 448, 1, 1),
      unit(name + ".branch3x3dbl_2", 448, 384, 3, 3, padding: (1, 1)),
      unit(name + ".branch3x3dbl_3a", 384, 384, 1, 3, padding: row),
      unit(name + ".branch3x3dbl_3b", 384, 384, 3, 1, padding: column),
      unit(name + ".branch_pool", inputs, 192, 1, 1),
    ]
  }

  package let sizes = (features: 2048, spatial: 17 * 17 * spatialChannels, logits: 1008)
  package let batch = 4
  private static let side = 299
  private static let spatialChannels = 7
  private let runner: UnitRunner

  /// Reads the weights.
  package init(_ file: NetworkFile, _ compute: Compute) throws {
    runner = try UnitRunner(file, Self.units, compute)
  }

  package func look(at pictures: [UInt8], side: Int) throws -> NetworkOutputs {
    let count = pictures.count / (3 * side * side)
    let input = try runner.map("input", count, Self.side, Self.side, 3)
    try PictureInput.fill(input, pictures, side: side) { ($0 - 128) / 128 }
    let largest = Pooling(.largest, side: 3, stride: 2)
    var x = try runner.chain(["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"], input)
    x = try runner.chain(
      ["Conv2d_3b_1x1", "Conv2d_4a_3x3"], runner.pool(largest, "pool1", x))
    x = try runner.pool(largest, "pool2", x)
    for name in ["Mixed_5b", "Mixed_5c", "Mixed_5d"] { x = try runBlockA(name, x) }
    x = try reduceA(x, largest)
    var spatial: [Float] = []
    for name in ["Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"] {
      x = try runBlockC(name, x)
      if name == "Mixed_6d" { spatial = Self.spatial(x) }
    }
    x = try reduceB(x, largest)
    let mean = Pooling(.mean, side: 3, stride: 1, padding: 1)
    x = try runBlockE("Mixed_7b", x, mean)
    x = try runBlockE("Mixed_7c", x, Pooling(.largest, side: 3, stride: 1, padding: 1))
    let features = runner.means(x)
    return NetworkOutputs(
      features: features, spatial: spatial,
      logits: try runner.linear("fc", features, columns: 2048, outputs: 1008, bias: false))
  }

  /// The first channels of `mixed_6/conv`, branch1x1 of Mixed_6d, flattened NHWC.
  private static func spatial(_ x: FeatureMap) -> [Float] {
    x.buffer.withSpan { values in
      (0..<x.images * x.pixels).flatMap { pixel in
        (0..<spatialChannels).map { values[x.offset + pixel * x.channels + $0] }
      }
    }
  }

  /// Writes the ends of branches into one map, side by side.
  private func join(
    _ block: String, _ x: FeatureMap, side: (height: Int, width: Int),
    _ ends: [(name: String, input: FeatureMap)], channels: Int
  ) throws -> FeatureMap {
    let map = try runner.map(block, x.images, side.height, side.width, channels)
    var channel = 0
    for (name, input) in ends {
      _ = try runner.run(block + "." + name, input, into: map, at: channel)
      channel += Self.outputs[block + "." + name] ?? 0
    }
    return map
  }

  private static let outputs = Dictionary(uniqueKeysWithValues: units.map { ($0.name, $0.outputs) })

  private func runBlockA(_ name: String, _ x: FeatureMap) throws -> FeatureMap {
    let mean = Pooling(.mean, side: 3, stride: 1, padding: 1)
    return try join(
      name, x, side: (x.height, x.width),
      [
        ("branch1x1", x), ("branch5x5_2", runner.run(name + ".branch5x5_1", x)),
        (
          "branch3x3dbl_3",
          runner.chain([name + ".branch3x3dbl_1", name + ".branch3x3dbl_2"], x)
        ),
        ("branch_pool", runner.pool(mean, name + ".pool", x)),
      ],
      channels: 224 + (Self.outputs[name + ".branch_pool"] ?? 0))
  }

  private func reduceA(_ x: FeatureMap, _ largest: Pooling) throws -> FeatureMap {
    let name = "Mixed_6a"
    let side = largest.outputSide(x.height)
    let map = try join(
      name, x, side: (side, side),
      [
        ("branch3x3", x),
        (
          "branch3x3dbl_3",
          runner.chain([name + ".branch3x3dbl_1", name + ".branch3x3dbl_2"], x)
        ),
      ], channels: 480 + x.channels)
    runner.compute.pool(largest, x, into: map.matrix.columns(480..<480 + x.channels))
    return map
  }

  private func runBlockC(_ name: String, _ x: FeatureMap) throws -> FeatureMap {
    let mean = Pooling(.mean, side: 3, stride: 1, padding: 1)
    return try join(
      name, x, side: (x.height, x.width),
      [
        ("branch1x1", x),
        ("branch7x7_3", runner.chain([1, 2].map { name + ".branch7x7_\($0)" }, x)),
        ("branch7x7dbl_5", runner.chain((1...4).map { name + ".branch7x7dbl_\($0)" }, x)),
        ("branch_pool", runner.pool(mean, name + ".pool", x)),
      ], channels: 768)
  }

  private func reduceB(_ x: FeatureMap, _ largest: Pooling) throws -> FeatureMap {
    let name = "Mixed_7a"
    let side = largest.outputSide(x.height)
    let map = try join(
      name, x, side: (side, side),
      [
        ("branch3x3_2", runner.run(name + ".branch3x3_1", x)),
        ("branch7x7x3_4", runner.chain((1...3).map { name + ".branch7x7x3_\($0)" }, x)),
      ], channels: 512 + x.channels)
    runner.compute.pool(largest, x, into: map.matrix.columns(512..<512 + x.channels))
    return map
  }

  private func runBlockE(_ name: String, _ x: FeatureMap, _ pooling: Pooling) throws -> FeatureMap {
    let first = try runner.run(name + ".branch3x3_1", x)
    let second = try runner.chain([name + ".branch3x3dbl_1", name + ".branch3x3dbl_2"], x)
    return try join(
      name, x, side: (x.height, x.width),
      [
        ("branch1x1", x), ("branch3x3_2a", first), ("branch3x3_2b", first),
        ("branch3x3dbl_3a", second), ("branch3x3dbl_3b", second),
        ("branch_pool", runner.pool(pooling, name + ".pool", x)),
      ], channels: 2048)
  }
}
