internal import LinearAlgebra
internal import VARCompute
internal import VARCore
internal import VARImages
internal import VARQuant

/// Gathers the inputs of the convolutions of encoder or decoder.
struct ImageCapture {
  private let codec: ImageCodec
  private let compute: Compute
  private let pictures: CalibrationPictures
  private let seed: UInt64
  private let blas: BLAS
  /// Room for a map after norm and SiLU.
  private let scratch = Scratch()
  private let workspace = Workspace()
  private let decoded = Decoded()

  /// Memory for the inputs of one pass; more layers wait for another.
  private static let passBytes = 800 << 20

  /// A map in memory that grows when it must.
  private final class Scratch {
    private var buffer: FloatBuffer?

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

  /// The pictures that were drawn, once they have been decoded.
  private final class Decoded {
    var images: [Int: Image] = [:]
  }

  /// The layers of one pass over the pictures, taken in by the first of them.
  private final class Pass {
    /// By the place of the weight in the file.
    var inputs: [Int: ConvolutionInputs] = [:]
    var bytes = 0
    /// Where the inputs of each in turn wait for their product.
    let room: GatheredInputs

    init(_ room: GatheredInputs) { self.room = room }

    /// How many layers want a picture's map.
    func layers(wanting picture: Int) -> Int { inputs.values.count { $0.wants(picture) } }
  }

  /// What ends a run once all layers of a pass have been seen.
  private struct Seen: Error {}

  init(
    _ model: Model, _ compute: Compute, _ pictures: CalibrationPictures, seed: UInt64, _ blas: BLAS
  ) throws {
    codec = try ImageCodec(model, compute)
    self.compute = compute
    self.pictures = pictures
    self.seed = seed
    self.blas = blas
  }

  /// Runs the decoder over the pictures' tokens, or the encoder over the pictures.
  /// - Parameters:
  ///   - layers: those wanted, and the place of each one's weight in the file, in the order of a run.
  ///   - body: is given the Hessians of each layer, in this order.
  func run(
    _ group: CalibratedLayer.Group, _ layers: [(place: Int, layer: CalibratedLayer)],
    _ body: (CalibratedLayer, [Hessian]) throws -> Void
  ) throws {
    var waiting = layers[...]
    let widest = layers.map { $0.layer.columns / ConvolutionInputs.parts(width: $0.layer.columns) }
    let room = try GatheredInputs(width: widest.max() ?? 0, compute)
    while !waiting.isEmpty {
      let pass = Pass(room)
      let wanted = Dictionary(waiting.map { ($0.place, $0.layer) }) { first, _ in first }
      for picture in pictures.tokens.indices
      where picture == 0 || pass.layers(wanting: picture) > 0 {
        try run(group, picture, pass, wanted)
      }
      while let (place, layer) = waiting.first, let inputs = pass.inputs.removeValue(forKey: place)
      {
        waiting.removeFirst()
        try body(layer, inputs.finished())
      }
    }
  }

  private func run(
    _ group: CalibratedLayer.Group, _ picture: Int, _ pass: Pass,
    _ wanted: [Int: CalibratedLayer]
  ) throws {
    let image = group == .encoder ? try self.image(picture) : nil
    var seen = 0
    codec.onInput = { input in
      let place = input.weight.data.lowerBound
      guard let layer = wanted[place] else { return }
      if picture == 0 { try begin(layer, place, input, pass) }
      guard let inputs = pass.inputs[place] else { throw Seen() }
      guard inputs.wants(picture) else { return }
      try inputs.add(map(of: input), input.form)
      seen += 1
      if picture > 0, seen == pass.layers(wanting: picture) { throw Seen() }
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

  /// Takes a layer into the pass, if there is room or it is the first.
  private func begin(
    _ layer: CalibratedLayer, _ place: Int, _ input: ImageLayerInput, _ pass: Pass
  ) throws {
    let chosen = PictureChoice(
      places: input.places, of: pictures.tokens.count, limit: layer.group == .encoder ? 8 : nil)
    let need = ConvolutionInputs.bytes(width: layer.columns, map: input.count, chosen)
    guard pass.inputs.isEmpty || pass.bytes + need <= Self.passBytes else { return }
    pass.bytes += need
    pass.inputs[place] = try ConvolutionInputs(
      width: layer.columns, map: input.count, chosen, seed: seed, compute, blas,
      gathering: pass.room)
  }

  /// A picture: as it was read, or as it is decoded.
  private func image(_ index: Int) throws -> Image {
    guard index < pictures.files.count else {
      if let image = decoded.images[index] { return image }
      let image = try codec.decode(codec.features(of: pictures.tokens[index]))
      decoded.images[index] = image
      return image
    }
    return try ImageFile(path: pictures.files[index]).fitted(
      to: codec.side, CalibrationPictures.fit)
  }

  /// What a layer multiplies: its map, after norm and SiLU where there is a norm.
  private func map(of input: ImageLayerInput) throws -> FeatureMap {
    switch input {
    case .convolution(_, let x, let norm):
      guard let norm else { return x }
      let map = try scratch.map(like: x)
      try compute.groupNorm(x, norm, silu: true, into: map, workspace: workspace)
      return map
    case .pointwise(_, let x):
      return FeatureMap(
        x.buffer, offset: x.offset, images: 1, height: 1, width: x.rows, channels: x.columns)
    }
  }
}

extension ImageLayerInput {
  fileprivate var weight: WeightMatrix {
    switch self {
    case .convolution(let layer, _, _): layer.weight
    case .pointwise(let weight, _): weight
    }
  }

  /// Numbers of the map.
  fileprivate var count: Int {
    switch self {
    case .convolution(_, let x, _): x.count
    case .pointwise(_, let x): x.rows * x.columns
    }
  }

  /// Outputs in a map.
  fileprivate var places: Int {
    switch self {
    case .convolution(let layer, let x, _):
      let size = ConvolutionWindow(layer.form, x).outputSize
      return size.height * size.width
    case .pointwise(_, let x): return x.rows
    }
  }

  /// Nil for a 1×1 convolution.
  fileprivate var form: Convolution.Form? {
    if case .convolution(let layer, _, _) = self { layer.form } else { nil }
  }
}
