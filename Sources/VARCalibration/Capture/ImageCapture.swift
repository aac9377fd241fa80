package import VARCompute
internal import VARCore
internal import VARImages
internal import VARQuant

/// Gathers the inputs of the convolutions of encoder or decoder, some layers a pass.
///
/// An output of a 3×3 convolution is a product with the 9·Cin numbers around its place: the input of
/// a linear layer. Large maps have far more places than a Hessian needs, so some are drawn.
struct ImageCapture {
  private let codec: ImageCodec
  private let compute: Compute
  private let pictures: CalibrationPictures
  private let seed: UInt64
  /// Room for a map after norm and SiLU.
  private let scratch: Scratch
  private let workspace = Workspace()

  /// Inputs of a layer that are enough, of all pictures together.
  static let inputs = 16_384
  /// Memory of the Hessians of one pass.
  private static let passBytes = 400 << 20

  /// A map in memory that grows when it must.
  private final class Scratch {
    var buffer: FloatBuffer?

    func map(like x: FeatureMap) throws -> FeatureMap {
      if (buffer?.count ?? 0) < x.count {
        buffer = nil
        buffer = try FloatBuffer(count: x.count)
      }
      guard let buffer else { return x }
      return FeatureMap(
        buffer, images: x.images, height: x.height, width: x.width, channels: x.channels)
    }
  }

  /// What ends a run once all layers of a pass have been seen.
  private struct Seen: Error {}

  init(_ model: Model, _ compute: Compute, _ pictures: CalibrationPictures, seed: UInt64) throws {
    codec = try ImageCodec(model, compute)
    self.compute = compute
    self.pictures = pictures
    self.seed = seed
    scratch = Scratch()
  }

  /// Layers whose Hessians fit into memory together, pass by pass, in their order.
  static func passes(_ layers: [CalibratedLayer]) -> [[CalibratedLayer]] {
    var passes: [[CalibratedLayer]] = []
    var bytes = passBytes
    for layer in layers {
      let need = Hessian.bytes(width: layer.columns)
      if bytes + need > passBytes {
        passes.append([])
        bytes = 0
      }
      passes[passes.count - 1].append(layer)
      bytes += need
    }
    return passes
  }

  /// Runs the decoder over the pictures' tokens, or the encoder over the pictures.
  /// - Parameter hessians: of the layers of a pass, by the place of their weights in the file.
  func run(_ group: CalibratedLayer.Group, into hessians: [Int: Hessian]) throws {
    for picture in pictures.tokens.indices {
      var random = RandomSource(seed: seed &+ UInt64(picture))
      var seen = 0
      let image = group == .encoder ? try self.image(picture) : nil
      codec.onInput = { input in
        guard let hessian = hessians[input.weight.data.lowerBound] else { return }
        try gather(input, &random, into: hessian)
        seen += 1
        if seen == hessians.count { throw Seen() }
      }
      defer { codec.onInput = nil }
      do {
        if let image {
          _ = try codec.encode(image)
        } else {
          _ = try codec.decodeValues(codec.features(of: pictures.tokens[picture]))
        }
      } catch is Seen {}
    }
  }

  /// A picture: as it was read, or as it is decoded.
  private func image(_ index: Int) throws -> Image {
    codec.onInput = nil
    guard index < pictures.files.count else {
      return try codec.decode(codec.features(of: pictures.tokens[index]))
    }
    return try ImageFile(path: pictures.files[index]).fitted(to: codec.side, CalibrationPictures.fit)
  }

  private func gather(
    _ input: ImageLayerInput, _ random: inout RandomSource, into hessian: Hessian
  ) throws {
    switch input {
    case .pointwise(_, let x):
      for row in places(x.rows, &random) {
        x.withRow(row) { values in
          unsafe hessian.add(compute.pool) { target in
            for index in 0..<values.count { unsafe target[index] = values[index] }
          }
        }
      }
    case .convolution(let layer, let x, let norm):
      var map = x
      if let norm {
        map = try scratch.map(like: x)
        try compute.groupNorm(x, norm, silu: true, into: map, workspace: workspace)
      }
      let side = layer.outputSide(map.width)
      let window = ConvolutionWindow(layer.form, map)
      for place in places(layer.outputSide(map.height) * side, &random) {
        unsafe hessian.add(compute.pool) { target in
          unsafe window.copy(row: place / side, column: place % side, into: target)
        }
      }
    }
  }

  /// Some of the places of a map: one drawn of each of as many equal stretches as are wanted.
  private func places(_ count: Int, _ random: inout RandomSource) -> [Int] {
    let wanted = max(1, Self.inputs / pictures.tokens.count)
    guard wanted < count else { return Array(0..<count) }
    return (0..<wanted).map { index in
      let start = index * count / wanted
      let end = (index + 1) * count / wanted
      return start + Int(random.nextUniform() * Double(end - start))
    }
  }
}

/// The numbers of a map [height, width, Cin] that an output of a 3×3 convolution is made of.
package struct ConvolutionWindow {
  private let form: Convolution.Form
  private let map: FeatureMap

  package init(_ form: Convolution.Form, _ map: FeatureMap) {
    self.form = form
    self.map = map
  }

  /// Copies those of one output, [3, 3, Cin], zero outside the map.
  package func copy(row: Int, column: Int, into target: UnsafeMutableBufferPointer<Float>) {
    let channels = map.channels
    map.buffer.withSpan(in: map.offset..<map.offset + map.count) { values in
      for tap in 0..<9 {
        let y = source(row, tap / 3, map.height)
        let x = source(column, tap % 3, map.width)
        for channel in 0..<channels {
          unsafe target[tap * channels + channel] =
            if let y, let x { values[(y * map.width + x) * channels + channel] } else { 0 }
        }
      }
    }
  }

  /// The row or column of the map under a tap; nil in the padding.
  private func source(_ output: Int, _ tap: Int, _ side: Int) -> Int? {
    let place: Int
    switch form {
    case .same: place = output + tap - 1
    case .down: place = 2 * output + tap
    // Of the map enlarged twice.
    case .up: place = output + tap - 1 < 0 ? -1 : (output + tap - 1) / 2
    }
    return place >= 0 && place < side ? place : nil
  }
}

extension ImageLayerInput {
  fileprivate var weight: WeightMatrix {
    switch self {
    case .convolution(let layer, _, _): layer.weight
    case .pointwise(let weight, _): weight
    }
  }
}
