import Foundation
import SafetensorsIO
import TensorBytes
import TestSupport
import Testing
import VARCompute
import VARScores

/// The networks against PyTorch's, on seeded weights; `tools/make_score_goldens.py`.
@Suite struct NetworkTests {
  private static let folder = Repository.file("Tests/Goldens/scores/")

  private static func golden(_ file: String, _ tensor: String) throws -> [Float] {
    let checkpoint = try Checkpoint.open(folder + file)
    return try checkpoint.floats(of: #require(checkpoint.tensor(named: tensor)))
  }

  private static func pictures(_ file: String) throws -> (pixels: [UInt8], side: Int) {
    let set = try #require(try PictureSet(folder + file))
    var pixels: [UInt8] = []
    try set.forEachBlock(of: 4) { pixels += $0 }
    return (pixels, set.side)
  }

  /// Root of the mean squared difference, by that of the expected numbers.
  private static func error(_ values: [Float], _ expected: [Float]) -> Double {
    guard values.count == expected.count else { return .infinity }
    let difference = zip(values, expected).reduce(0.0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
    let size = expected.reduce(0.0) { $0 + Double($1) * Double($1) }
    return (difference / size).squareRoot()
  }

  @Test func theClassifierIsPyTorchs() throws {
    let folder = try TemporaryFolder()
    let output = try Outputs(reading: []).file(folder.file("c.varq"))
    try NetworkFile.convert(
      Checkpoint.open(Repository.file("models/fashion-var/classifier.pth")), to: .classifier, output
    )
    let network = try ClassifierNetwork(
      NetworkFile(folder.file("c.varq")), Compute(mode: .f32, threads: 2))
    let (pixels, side) = try Self.pictures("small.npz")
    let outputs = try network.look(at: pixels, side: side)
    #expect(
      try Self.error(outputs.features, Self.golden("classifier.safetensors", "features")) < 1e-5)
    let garments = try Self.golden("classifier.safetensors", "garment")
    let colours = try Self.golden("classifier.safetensors", "colour")
    let expected = (0..<6 * 60).map { place -> Float in
      let (image, label) = (place / 60, place % 60)
      return colours[6 * image + label / 10] + garments[10 * image + label % 10]
    }
    #expect(Self.error(outputs.logits, expected) < 1e-5)
  }

  /// 24 million weights are made anew, so that they need not be kept.
  @Test func inceptionIsPyTorchs() throws {
    let folder = try TemporaryFolder()
    try Self.writeInception(folder.file("i.safetensors"))
    let output = try Outputs(reading: []).file(folder.file("i.varq"))
    try NetworkFile.convert(
      Checkpoint.open(folder.file("i.safetensors")), to: .inception, output)
    let network = try InceptionNetwork(
      NetworkFile(folder.file("i.varq")), Compute(mode: .f32, threads: 2))
    let (pixels, side) = try Self.pictures("pictures.npz")
    var outputs = NetworkOutputs()
    let size = 3 * side * side
    for range in [0..<4, 4..<6] {
      let part = try network.look(
        at: Array(pixels[range.lowerBound * size..<range.upperBound * size]), side: side)
      outputs.features += part.features
      outputs.spatial += part.spatial
      outputs.logits += part.logits
    }
    let file = "inception.safetensors"
    #expect(try Self.error(outputs.features, Self.golden(file, "features")) < 1e-5)
    #expect(try Self.error(outputs.spatial, Self.golden(file, "spatial")) < 1e-5)
    #expect(try Self.error(outputs.logits, Self.golden(file, "logits")) < 1e-5)
  }

  /// As `make_inception.state_dict(1)`.
  private static func writeInception(_ path: String) throws {
    var numbers = SeededNumbers(1)
    var entries: [SafetensorsEntry] = []
    var contents: [[Float]] = []
    func add(_ name: String, _ shape: [Int], _ values: [Float]) {
      entries.append(SafetensorsEntry(name: name, type: .f32, shape: shape))
      contents.append(values)
    }
    for unit in InceptionNetwork.units {
      let fan = unit.inputs * unit.filter.height * unit.filter.width
      let scale = Float((6 / Double(fan)).squareRoot())
      add(
        unit.convolution + ".weight",
        [unit.outputs, unit.inputs, unit.filter.height, unit.filter.width],
        numbers.take(unit.outputs * fan).map { $0 * scale })
      for (name, base, share) in [
        ("weight", 1, 0.125), ("bias", 0, 0.125), ("running_mean", 0, 0.125),
        ("running_var", 1, 0.5),
      ] as [(String, Float, Float)] {
        add(
          unit.norm + "." + name, [unit.outputs],
          numbers.take(unit.outputs).map { base + share * $0 })
      }
    }
    add("fc.weight", [1008, 2048], numbers.take(1008 * 2048).map { 0.03125 * $0 })
    add("fc.bias", [1008], numbers.take(1008).map { 0.03125 * $0 })
    let writer = try SafetensorsWriter(Outputs(reading: []).file(path), entries: entries)
    for values in contents {
      try unsafe values.withUnsafeBytes { try unsafe writer.append($0) }
    }
    try writer.finish()
  }

  /// torchvision's network has other tensors, the demo's judge has none of Inception's.
  @Test func otherWeightsAreRefused() throws {
    let folder = try TemporaryFolder()
    let output = try Outputs(reading: []).file(folder.file("x.varq"))
    let classifier = try Checkpoint.open(Repository.file("models/fashion-var/classifier.pth"))
    let error = try #require(throws: ScoreError.self) {
      try NetworkFile.convert(classifier, to: .inception, output)
    }
    #expect(error.description.contains("Conv2d_1a_3x3.conv.weight is missing"))
    #expect(try folder.names() == [])
  }
}
