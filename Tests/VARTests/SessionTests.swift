import ModelFixtures
import TestSupport
import Testing
import VAR
import VARCompute
import VARCore
import VARImages
import VARModel

/// The public library, as an app would use it.
@Suite struct SessionTests {
  private let session: Session

  init() throws { session = try Session(DemoModel.model(), mode: .f32) }

  /// What PyTorch's modules draw with the same seed, through the public door.
  @Test(arguments: ["sampled_single", "greedy_single", "cuda_single"])
  func drawsTheTokensOfPyTorch(_ kind: String) async throws {
    let golden = try Golden.load("per-block", kind)
    let session = try Session(FixtureModels.model("per-block"), mode: .f32)
    var request = Request(.id(golden.labels?.first ?? 0), seed: golden.seed ?? 0)
    request.seedDevice = golden.seedDevice.flatMap { SeedDevice($0) } ?? .cpu
    request.guidance = golden.options.guidance
    request.topK = golden.options.topK
    request.topP = golden.options.topP
    let picture = try await session.picture(for: request)
    #expect(picture.tokens == golden.maps(image: 0))
    #expect(psnr(picture.image.pixels, try goldenImage("per-block", kind).pixels) >= 50)
  }

  @Test func picturesOfOneRequestAreThoseOfManySmallOnes() async throws {
    let together = try await session.pictures(
      for: Request(.named("Red Sneaker"), count: 5, seed: 3))
    #expect(together.map(\.seed) == [3, 4, 5, 6, 7])
    #expect(together.map(\.index) == [0, 1, 2, 3, 4])
    #expect(together.allSatisfy { $0.className == "red sneaker" && $0.classID == 7 })
    let alone = try await session.picture(for: Request(.id(7), seed: 6))
    #expect(alone.image == together[3].image)
  }

  @Test func eventsComeInOrderWithPreviews() async throws {
    var scales: [Int] = []
    var preview: Image?
    var picture: Picture?
    for try await event in session.events(for: Request(.id(7), seed: 1)) {
      switch event {
      case .scale(let scale):
        scales.append(scale.scale)
        preview = scale.preview
        #expect(picture == nil)
      case .picture(let done): picture = done
      }
    }
    let done = try #require(picture)
    #expect(scales == Array(0..<done.tokens.scales.count))
    // The last preview is the picture, only coarser: nearer to its means than to another's.
    let last = try #require(preview)
    func ratio(_ image: Image) throws -> Double {
      psnr(last.pixels, try image.averaged(side: last.width).pixels)
    }
    #expect(try ratio(done.image) >= 14)
    for label in [0, 20, 41] {
      let other = try await session.picture(for: Request(.id(label), seed: 1))
      #expect(try ratio(done.image) > ratio(other.image) + 3)
    }
  }

  @Test func withoutPreviews() async throws {
    for try await event in session.events(for: Request(.id(7), seed: 1), previews: false) {
      if case .scale(let scale) = event { #expect(scale.preview == nil) }
    }
  }

  /// A task that is cancelled gets an error instead of pictures, which would take a quarter of an hour,
  /// and the session serves the next one. (No clock: the threads that resume tasks are the tests'.)
  @Test(.timeLimit(.minutes(5)))
  func cancellation() async throws {
    let session = session
    let task = Task { try await session.pictures(for: Request(.random, count: 100_000, seed: 0)) }
    try await Task.sleep(for: .milliseconds(30))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    _ = try await session.picture(for: Request(.random, seed: 0))
  }

  /// A listener that goes away ends the work behind it.
  @Test(.timeLimit(.minutes(5)))
  func listenersThatLeave() async throws {
    for try await _ in session.events(for: Request(.random, count: 100_000, seed: 0)) { break }
    _ = try await session.picture(for: Request(.random, seed: 0))
  }

  @Test func requestsThatCannotBeMet() async throws {
    func expect(_ error: RequestError, _ request: Request) async {
      await #expect(throws: error) { try await session.pictures(for: request) }
    }
    await expect(.outOfRange(name: "count", value: "0", allowed: "1 to 100000"), Request(count: 0))
    var request = Request()
    request.guidance = .nan
    await expect(.outOfRange(name: "guidance", value: "nan", allowed: "0 to 1000"), request)
    for box in [(0.0, 0.0, 0.0, 1.0), (0, 0.5, 1, 0.25), (0, 0, 1.5, 1), (.nan, 0, 1, 1)] {
      let region = Request.Region.inside(top: box.0, left: box.1, bottom: box.2, right: box.3)
      let black = try Image(width: 1, height: 1, pixels: [0, 0, 0])
      await expect(
        .outOfRange(
          name: "box", value: "\(box.0), \(box.1), \(box.2), \(box.3)",
          allowed: "fractions, 0 to 1, with top above bottom and left before right"),
        Request(edit: .init(black, region)))
    }
    await expect(
      .subject("class 60 does not exist; the model has the classes 0 to 59"), Request(.id(60)))
    await expect(
      .subject("no class is named \"red sneeker\"; did you mean \"red sneaker\"?"),
      Request(.named("red sneeker")))
  }

  @Test func editingKeepsWhatIsKept() async throws {
    let photo = try await session.picture(for: Request(.named("red sneaker"), seed: 5)).image
    let region = Request.Region.inside(top: 0, left: 0, bottom: 0.5, right: 1)
    let edit = Request.Edit(photo, region, keepsPixels: true)
    let edited = try await session.picture(
      for: Request(.named("blue dress"), seed: 2, edit: edit)
    ).image
    let half = photo.pixels.count / 2
    #expect(edited.pixels[half...] == photo.pixels[half...])
    #expect(edited.pixels[..<half] != photo.pixels[..<half])
    // A mask picture says the same as the box.
    let side = photo.width
    let white = [UInt8](repeating: 255, count: half) + [UInt8](repeating: 0, count: half)
    let mask = try Image(width: side, height: side, pixels: white)
    let masked = try await session.picture(
      for: Request(
        .named("blue dress"), seed: 2, edit: .init(photo, .white(of: mask), keepsPixels: true)))
    #expect(masked.image == edited)
  }

  @Test func tokensThereAndBack() async throws {
    let picture = try await session.picture(for: Request(.id(0), seed: 1))
    #expect(try await session.decode(picture.tokens) == picture.image)
    let tokens = try await session.tokenize(picture.image)
    let again = try await session.decode(tokens)
    #expect(psnr(again.pixels, picture.image.pixels) > 25)
    await #expect(throws: ModelError.self) { try await session.decode(TokenMaps([[0]])) }
  }

  @Test func picturesWriteThemselvesWithTheirRecord() async throws {
    let folder = try TemporaryFolder()
    let picture = try await session.picture(for: Request(.id(7), seed: 1))
    try picture.write(to: folder.file("a.png"))
    let record = try PictureRecord(path: folder.file("a.png"))
    #expect(record.seed == 1 && record.label == .id(7) && record.command == "generate")
    #expect(try Image(path: folder.file("a.png")) == picture.image)
    #expect(throws: (any Error).self) { try picture.write(to: folder.file("a.png")) }
    try picture.write(to: folder.file("a.png"), replacing: true)
  }
}

extension Image {
  /// Means over squares.
  fileprivate func averaged(side: Int) throws -> Image {
    let square = width / side
    var sums = [Int](repeating: 0, count: 3 * side * side)
    for y in 0..<side * square {
      for x in 0..<side * square {
        for colour in 0..<3 {
          sums[3 * (y / square * side + x / square) + colour] +=
            Int(pixels[3 * (y * width + x) + colour])
        }
      }
    }
    return try Image(
      width: side, height: side, pixels: sums.map { UInt8($0 / (square * square)) })
  }
}
