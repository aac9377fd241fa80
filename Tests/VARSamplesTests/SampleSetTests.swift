import Foundation
import ModelFixtures
import TensorBytes
import TestSupport
import Testing
import VAR
import VARCompute
import VARCore
import VARImages
import VARModel
import VARSamples

@Suite struct SampleSetTests {
  private let folder: TemporaryFolder
  private let set: SampleFolder
  private let plan: SamplePlan
  private let compute: Compute

  init() throws {
    folder = try TemporaryFolder()
    set = SampleFolder(folder.file("set"))
    plan = try SamplePlanTests.plan([1, 7, 33], perClass: 3, shards: 4)
    compute = try Compute(mode: .f32, threads: 2)
  }

  private func maker(_ plan: SamplePlan, _ set: SampleFolder) throws -> SampleMaker {
    try set.begin(plan)
    return try SampleMaker(set, plan, DemoModel.model(), compute)
  }

  private func merged(_ set: SampleFolder, _ name: String) throws -> Data {
    try SampleMerge(set).writeArchive(
      Outputs(reading: [], replacing: .always).file(folder.file(name)))
    return try Data(contentsOf: URL(filePath: folder.file(name)))
  }

  /// One process and one shard, or several of each: the same bytes, and those that a session draws.
  @Test func theSetIsTheSameHoweverItIsCut() throws {
    let many = try maker(plan, set)
    for shard in [2, 0, 3, 1] { #expect(try many.make(shard) == .made) }
    #expect(try many.make(2) == .whole)
    let one = SampleFolder(folder.file("one"))
    let whole = try SamplePlanTests.plan([1, 7, 33], perClass: 3, shards: 1)
    #expect(try maker(whole, one).make(0) == .made)
    let bytes = try merged(set, "many.npz")
    #expect(try merged(one, "one.npz") == bytes)

    let files = try Outputs(reading: []).files(
      in: folder.file("pictures"), named: SampleMerge(set).pictureNames)
    try SampleMerge(set).writePictures(files)
    let label = plan.labels(of: 5..<6)[0]
    let engine = try PictureEngine(DemoModel.model(), compute)
    let alone = GenerationPlan(
      choices: [.label(.id(label))], classes: 60, seed: plan.firstSeed + 5, seedMode: .image,
      seedDevice: .cpu, options: SamplingOptions(guidance: 3))
    var drawn: Image?
    try engine.run(alone) { if case .picture(let picture) = $0 { drawn = picture.image } }
    let written = try ImageFile(path: folder.file("pictures/000005-class\(label).png")).image
    #expect(written == drawn)
    // The pixels of the archive's first picture, behind the zip's and NumPy's heads.
    let first = try ImageFile(
      path: folder.file("pictures/000000-class\(plan.labels(of: 0..<1)[0]).png")
    ).image
    #expect(bytes.range(of: Data(first.pixels)) != nil)
  }

  @Test func othersAreToldAndLeftAlone() throws {
    let first = try maker(plan, set)
    let lock = try OutputLock(
      Outputs(reading: []).file(set.lockPath(1, plan)), staleAfter: 600)
    guard case .held(let held) = try first.make(1) else {
      Issue.record("the lock did not hold")
      return
    }
    #expect(held.found.holder?.process == getpid())
    let status = try SampleStatus(set)
    #expect(status.running.map(\.shard) == [1])
    #expect(status.missing == [0, 2, 3])
    lock.release()
    #expect(try first.make(1) == .made)
    #expect(try SampleStatus(set).done == [1])
    #expect(try Folder.list(set.path) == ["plan.json", "shard-0001-of-0004.safetensors"])
  }

  @Test func gapsStrangersAndDamageAreRefused() throws {
    let maker = try maker(plan, set)
    for shard in [0, 1, 3] { _ = try maker.make(shard) }
    #expect(throws: SampleSetError.missing(folder: set.path, shards: [2], running: 0)) {
      _ = try SampleMerge(set)
    }
    _ = try maker.make(2)
    let path = set.shardPath(2, plan)
    let sound = try Data(contentsOf: URL(filePath: path))

    // Another set's shard under this one's name.
    let other = SampleFolder(folder.file("other"))
    let otherPlan = try SamplePlanTests.plan([1, 7, 33], perClass: 3, seed: 4)
    _ = try self.maker(otherPlan, other).make(2)
    try Data(contentsOf: URL(filePath: other.shardPath(2, otherPlan))).write(
      to: URL(filePath: path))
    #expect(throws: SampleSetError.strange(path: path, reason: "another plan is its")) {
      _ = try SampleMerge(set)
    }
    #expect(throws: SampleSetError.self) { _ = try maker.make(2) }

    // A bit that turned.
    var bytes = sound
    bytes[bytes.count - 1000] ^= 4
    try bytes.write(to: URL(filePath: path))
    #expect(throws: SampleSetError.damaged(path: path)) { _ = try merged(set, "d.npz") }
    #expect(!FileManager.default.fileExists(atPath: folder.file("d.npz")))
    #expect(throws: SampleSetError.damaged(path: path)) {
      try SampleMerge(set).writePictures(
        Outputs(reading: []).files(
          in: folder.file("png"), named: SampleMerge(set).pictureNames))
    }

    // Cut short, and a shard of another cut beside it.
    try sound.dropLast(100).write(to: URL(filePath: path))
    #expect(throws: SampleSetError.self) { _ = try SampleMerge(set) }
    try sound.write(to: URL(filePath: path))
    let stray = set.path + "/shard-0002-of-0005.safetensors"
    try sound.write(to: URL(filePath: stray))
    #expect(throws: SampleSetError.self) { _ = try SampleMerge(set) }
    try FileManager.default.removeItem(atPath: stray)
    _ = try SampleMerge(set)
  }

  @Test func anotherPlanIsNamed() throws {
    try set.begin(plan)
    try set.begin(plan)
    let other = try SamplePlanTests.plan([1, 7, 33], perClass: 4, shards: 4)
    #expect(
      throws: SampleSetError.otherPlan(
        path: set.planPath, field: "per_class", there: "3", asked: "4")
    ) { try set.begin(other) }
    #expect(throws: SampleSetError.noPlan(folder: folder.path)) {
      _ = try SampleFolder(folder.path).plan()
    }
    for text in ["", "{", "{}", "[1]", String(repeating: "[", count: 100_000)] {
      try folder.write(Array(text.utf8), to: "set/plan.json")
      #expect(throws: (any Error).self) { _ = try set.plan() }
    }
  }
}
