internal import LinearAlgebra
internal import VARCompute
internal import VARCore

/// The inputs of one convolution, of all pictures.
///
/// Coarse maps have fewer numbers than a Hessian of their many channels, fine maps far more: what is
/// smaller is kept, so that one run over the pictures serves all layers.
final class ConvolutionInputs {
  private let hessians: [Hessian]
  private var maps: [(FeatureMap, Convolution.Form?)] = []
  private let sampling: PlaceSampling
  private let width: Int
  private let parts: Int
  private let wanted: PictureChoice
  private let compute: Compute
  private let blas: BLAS
  private let room: GatheredInputs
  /// Pictures whose inputs are in the Hessians.
  private var gathered = 0

  /// Inputs of a layer that are enough, of all pictures together.
  static let enough = 16_384

  /// Inputs from which on the three rows of a kernel have a Hessian each. The work of a factor grows
  /// with the cube of its inputs, and what a row of the kernel makes up for in another is little: see
  /// `docs/shrink.md`.
  static let widest = 4096

  /// Parts of a layer's inputs that have Hessians of their own.
  static func parts(width: Int) -> Int { width > widest && width % 3 == 0 ? 3 : 1 }

  /// The memory that a layer needs whose maps have so many numbers.
  static func bytes(width: Int, map: Int, _ pictures: PictureChoice) -> Int {
    let parts = parts(width: width)
    return min(parts * Hessian.bytes(width: width / parts), 4 * map * pictures.wanted)
  }

  init(
    width: Int, map: Int, _ pictures: PictureChoice, seed: UInt64, _ compute: Compute, _ blas: BLAS,
    gathering room: GatheredInputs
  ) throws {
    self.width = width
    self.compute = compute
    self.blas = blas
    self.room = room
    parts = Self.parts(width: width)
    wanted = pictures
    sampling = PlaceSampling(wanted: max(1, Self.enough / pictures.wanted), seed: seed)
    let isKept = 4 * map * pictures.wanted < parts * Hessian.bytes(width: width / parts)
    let part = width / parts
    hessians = try (0..<(isKept ? 0 : parts)).map { _ in
      try Hessian(width: part, compute, blas, gathering: room)
    }
  }

  /// Whether a picture's map is to be taken in.
  func wants(_ picture: Int) -> Bool { wanted.contains(picture) }

  /// Takes in the next picture's map, after norm and SiLU.
  /// - Parameter form: of a 3×3 convolution; nil for one of 1×1.
  func add(_ map: FeatureMap, _ form: Convolution.Form?) throws {
    if hessians.isEmpty {
      maps.append((try map.copy(), form))
      return
    }
    for (part, hessian) in hessians.enumerated() {
      gather(map, form, gathered, part, into: hessian)
      hessian.flush()
    }
    gathered += 1
  }

  /// The Hessians of all pictures, of consecutive parts of the inputs.
  func finished() throws -> [Hessian] {
    if !hessians.isEmpty { return hessians }
    defer { maps = [] }
    return try (0..<parts).map { part in
      let hessian = try Hessian(width: width / parts, compute, blas, gathering: room)
      for (picture, (map, form)) in maps.enumerated() {
        gather(map, form, picture, part, into: hessian)
      }
      hessian.flush()
      return hessian
    }
  }

  /// An output of a 3×3 convolution is a product with the 9·Cin numbers around its place: the input
  /// of a linear layer. Large maps have far more places than a Hessian needs, so some are drawn.
  private func gather(
    _ map: FeatureMap, _ form: Convolution.Form?, _ picture: Int, _ part: Int,
    into hessian: Hessian
  ) {
    // The threads only read it.
    nonisolated(unsafe) let map = map
    guard let form else {
      let places = unsafe sampling.places(map.matrix.rows, picture)
      let start = part * hessian.width
      return unsafe hessian.add(places.count) { row, target in
        unsafe map.matrix.withRow(places[row]) { values in
          for index in 0..<target.count { unsafe target[index] = values[start + index] }
        }
      }
    }
    let (height, width) = unsafe ConvolutionWindow(form, map).outputSize
    let places = sampling.places(height * width, picture)
    let taps = part * 9 / parts..<(part + 1) * 9 / parts
    unsafe hessian.add(places.count) { row, target in
      unsafe ConvolutionWindow(form, map).copy(
        row: places[row] / width, column: places[row] % width, taps: taps, into: target)
    }
  }
}

/// The pictures whose maps a layer's inputs are taken from, evenly spaced.
///
/// Large maps have so many places that few pictures have enough of them; windows that overlap tell
/// less, so a picture gives no more than one place in eight, and there are at least eight pictures.
/// For the encoder there are no more: whatever it gets wrong at one scale, the next one's tokens make
/// up for.
struct PictureChoice: Equatable {
  let wanted: Int
  let count: Int

  /// Of `count` pictures for a layer that has so many places in each.
  init(places: Int, of count: Int, limit: Int?) {
    let needed = (8 * ConvolutionInputs.enough + places - 1) / max(1, places)
    self.count = count
    wanted = max(1, min(count, limit ?? count, max(8, needed)))
  }

  /// The first picture always is one of them.
  func contains(_ picture: Int) -> Bool { picture * wanted % count < wanted }
}

/// Some of the places of a map: one drawn of each of as many equal stretches as are wanted.
private struct PlaceSampling {
  let wanted: Int
  let seed: UInt64

  func places(_ count: Int, _ picture: Int) -> [Int] {
    guard wanted < count else { return Array(0..<count) }
    var random = RandomSource(seed: seed &+ UInt64(picture))
    return (0..<wanted).map { index in
      let start = index * count / wanted
      let end = (index + 1) * count / wanted
      return start + Int(random.nextUniform() * Double(end - start))
    }
  }
}
