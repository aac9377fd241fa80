import Foundation
import TestSupport
import Testing
import VAR
import VARCore
import VARImages
import VARModel

/// What the commands write, where to, and what it depends on.
@Suite struct RunCommandTests {
  private let model = GoldenModel.perBlock
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func generate(_ arguments: [String]) throws -> CommandResult {
    let result = try model.run("generate", arguments, in: folder)
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  private func files(_ name: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.file(name)).sorted()
  }

  private func image(_ name: String) throws -> Image {
    try ImageFile(path: folder.file(name)).image
  }

  @Test func withoutOutputFilesAreNamedByClassAndSeed() throws {
    let result = try generate(["--classes", "3,none", "--seed", "18446744073709551615"])
    #expect(try files() == ["class-3-18446744073709551615.png", "unconditional-0.png"])
    #expect(
      result.text
        == """
        class-3-18446744073709551615.png  class 3, seed 18446744073709551615
        unconditional-0.png  class none, seed 0

        """)
    #expect(result.errors == "")
  }

  @Test func imagesOfOneClassAndSeedAreNumbered() throws {
    _ = try generate(["--classes", "3", "--count", "2", "--seed", "1", "--seed-mode", "batch"])
    #expect(try files() == ["class-3-1-0.png", "class-3-1-1.png"])
  }

  @Test func severalImagesFillAFolderWithNothingElse() throws {
    _ = try generate([
      "--classes", "0-2", "--count", "2", "--seed", "1", "--output", "new/pictures", "--grid",
      "grid.png", "--tokens-output", "tokens.json",
    ])
    #expect(try files("new/pictures") == (0..<6).map { "000\($0).png" })
    #expect(try files() == ["grid.png", "new", "tokens.json"])
    let grid = try image("grid.png")
    // Pictures of 16 px are shown four times as large.
    #expect((grid.width, grid.height) == (2 * 64 + 2, 3 * 64 + 2 * 2))
    let labels = try model.tokens(folder.file("tokens.json")).map(\.label)
    #expect(labels == [0, 0, 1, 1, 2, 2].map { .id($0) })
    _ = try generate(["--classes", "1", "--seed", "1", "--output", "one/"])
    #expect(try files("one") == ["0000.png"])
    _ = try generate(["--classes", "1", "--seed", "1", "--output", "one"])
    #expect(try files("one") == ["0000.png"])
  }

  @Test func aPictureDoesNotDependOnItsBatch() throws {
    _ = try generate(["--classes", "5,2,7,1,3,4", "--seed", "10", "--output", "all/"])
    _ = try generate(["--classes", "3", "--seed", "14", "--output", "one.png"])
    #expect(try image("all/0004.png") == image("one.png"))
  }

  @Test(arguments: [
    [], ["--seed-mode", "batch"], ["--smooth", "--cfg", "4", "--top-k", "5"],
    ["--seed-device", "cuda:1x256"], ["--seed-device", "cuda:h100", "--seed-mode", "batch"],
  ])
  func aPictureIsRepeatedFromItsMetadata(options: [String]) throws {
    _ = try generate(
      ["--classes", "random,2", "--seed", "77", "--output", "first/"] + options)
    for name in ["0000.png", "0001.png"] {
      _ = try generate(["--from-png", "first/" + name, "--output", name])
      let first = try Data(contentsOf: URL(filePath: folder.file("first/" + name)))
      #expect(try Data(contentsOf: URL(filePath: folder.file(name))) == first)
    }
  }

  /// A seed stands for other numbers on a GPU, and on another one where a tensor is too large for either.
  @Test func aSeedIsADevices() throws {
    var tokens: [[TokensFile.Entry]] = []
    for device in [nil, "cpu", "cuda:h100", "cuda:132×2048", "cuda:t4", "cuda:1x256"] {
      let result = try generate(
        ["--classes", "3", "--seed", "5", "--force", "--tokens-output", "-"]
          + (device.map { ["--seed-device", $0] } ?? []))
      tokens.append(try TokensFile(json: result.output, name: "-").images)
    }
    #expect(tokens[0] == tokens[1])
    #expect(tokens[0] != tokens[2])
    // The largest tensor has 4096 numbers, one for each thread of a T4, too.
    #expect(tokens[2] == tokens[3] && tokens[2] == tokens[4])
    #expect(tokens[2] != tokens[5])
  }

  @Test func aDeviceThatDoesNotExistIsAUsageError() throws {
    for command in ["generate", "inpaint", "outpaint", "edit"] {
      let picture = command == "generate" ? [] : [Repository.fixture("images/picture_16.png")]
      let result = try model.run(command, picture + ["--seed-device", "cuda:h9"], in: folder)
      #expect(result.status == 64)
      #expect(
        result.errors.contains("a device is cpu, cuda:a100, cuda:h100"), "\(result.errors)")
    }
    let result = try model.run(
      "generate", ["--from-png", "a.png", "--seed-device", "cuda:h100"], in: folder)
    #expect(result.status == 64)
    #expect(result.errors.contains("give none of them"), "\(result.errors)")
  }

  @Test(arguments: [[], ["--seed-device", "cuda:1x256"]])
  func anEditIsRepeatedFromItsMetadata(device: [String]) throws {
    let picture = Repository.fixture("images/picture_16.png")
    let edit = [picture, "--box", "0.2,0.2,0.8,0.6", "--seed", "4"] + device
    #expect(try model.run("inpaint", edit + ["--output", "a.png"], in: folder).status == 0)
    _ = try generate(["--from-png", "a.png", "--output", "b.png"])
    #expect(try image("a.png") == image("b.png"))
    let composite = edit + ["--composite", "--output", "c.png"]
    #expect(try model.run("inpaint", composite, in: folder).status == 0)
    let refused = try model.run("generate", ["--from-png", "c.png"], in: folder)
    #expect(refused.status == 1)
    #expect(
      refused.errors
        == "Error: c.png holds pixels of another picture, which can't be "
        + "made again from it; repeat the command on that picture\n")
  }

  @Test func metadataIsLeftOutOnRequest() throws {
    _ = try generate(["--classes", "1", "--seed", "1", "--output", "with.png"])
    _ = try generate(["--classes", "1", "--seed", "1", "--output", "without.png", "--no-metadata"])
    #expect(try image("with.png") == image("without.png"))
    let texts = try ImageFile(path: folder.file("with.png")).texts
    #expect(texts.map(\.keyword) == ["Software", "var-run"])
    #expect(try ImageFile(path: folder.file("without.png")).texts == [])
    let refused = try model.run("generate", ["--from-png", "without.png"], in: folder)
    #expect(refused.status == 1)
    #expect(
      refused.errors == "Error: without.png does not say how it was made; it is not by var-run, or "
        + "was written with --no-metadata\n")
  }

  @Test func aPictureGoesToTheStandardOutputAlone() throws {
    let result = try generate(["--classes", "1", "--seed", "3", "--output", "-"])
    _ = try generate(["--classes", "1", "--seed", "3", "--output", "file.png"])
    let file = [UInt8](try Data(contentsOf: URL(filePath: folder.file("file.png"))))
    #expect(result.output == file)
    #expect(result.errors == "seed 3\n")
    #expect(try files() == ["file.png"])
  }

  @Test func theProcessIsShown() throws {
    _ = try generate([
      "--classes", "1,2", "--seed", "3", "--output", "out/", "--stages", "strip.png", "--animate",
      "grow.gif",
    ])
    let strip = try image("strip.png")
    #expect((strip.width, strip.height) == (5 * 66 - 2, 2 * 66 - 2))
    let last = strip.cropped(x: 4 * 66, y: 0, width: 64, height: 64)
    #expect(try last == image("out/0000.png").enlarged(by: 4))
    let gif = try Data(contentsOf: URL(filePath: folder.file("grow.gif")))
    #expect(gif.starts(with: Data("GIF89a".utf8)))
  }

  /// A map of f̂ shows where a decoding would, only softer; the final picture is the same.
  @Test func scalesMayBeShownFast() throws {
    let usual = ["--classes", "1,2", "--seed", "3"]
    _ = try generate(usual + ["--output", "out/", "--stages", "strip.png"])
    _ = try generate(usual + ["--output", "again/", "--stages", "fast.png", "--fast-scales"])
    #expect(try image("again/0001.png") == image("out/0001.png"))
    let (slow, fast) = try (image("strip.png"), image("fast.png"))
    #expect((fast.width, fast.height) == (slow.width, slow.height))
    #expect(slow != fast)
    let refused = try model.run(
      "generate", usual + ["--output", "out/", "--stages", "strip.png", "--fast-scales"], in: folder
    )
    #expect(refused.errors.contains("was made by other arguments"))
    let idle = try model.run("generate", usual + ["--fast-scales"], in: folder)
    #expect(idle.status == 64)
    #expect(idle.errors.contains("--fast-scales needs --stages or --animate"))
  }

  /// With every scale but the last kept a picture hardly changes; with none it is another; what made it
  /// stands in the record and makes it again.
  @Test func picturesAreVaried() throws {
    let path = Repository.fixture("images/picture_16.png")
    func vary(_ scale: Int, _ output: String, _ more: [String] = []) throws -> TokensFile.Entry {
      let result = try model.run(
        "inpaint",
        [
          path, "--from-scale", "\(scale)", "--seed", "5", "--output", output, "--tokens-output",
          output + ".json",
        ]
          + more, in: folder)
      try #require(result.status == 0, "\(result.errors)")
      return try #require(try model.tokens(folder.file(output + ".json")).first)
    }
    let near = try vary(4, "near.png")
    let far = try vary(1, "far.png")
    let own = try model.run("tokenize", [path, "--output", "own.json"], in: folder)
    try #require(own.status == 0)
    let original = try #require(try model.tokens(folder.file("own.json")).first).tokens
    #expect(near.tokens.scales[..<4] == original.scales[..<4])
    #expect(near.tokens.scales[4] != original.scales[4])
    #expect(
      far.tokens.scales[0] == original.scales[0] && far.tokens.scales[1] != original.scales[1])
    let again = try model.run(
      "generate", ["--from-png", "near.png", "--output", "again.png"], in: folder)
    try #require(again.status == 0, "\(again.errors)")
    #expect(try image("again.png") == image("near.png"))
    let beyond = try model.run("inpaint", [path, "--from-scale", "5"], in: folder)
    #expect(beyond.status == 64)
    #expect(beyond.errors.contains("--from-scale must be 0 to 4"))
    // The rule is recorded, too.
    let box = ["--box", "0.25,0.25,0.75,0.75", "--seed", "5"]
    for rule in ["official", "touched", "strict"] {
      let edited = try model.run(
        "outpaint", [path, "--keep", rule, "--output", rule + ".png"] + box, in: folder)
      try #require(edited.status == 0, "\(edited.errors)")
      let same = try model.run(
        "generate", ["--from-png", rule + ".png", "--output", "s-" + rule + ".png"], in: folder)
      try #require(same.status == 0, "\(same.errors)")
      #expect(try image(rule + ".png") == image("s-" + rule + ".png"))
    }
    let usual = try model.run("outpaint", [path, "--output", "usual.png"] + box, in: folder)
    try #require(usual.status == 0)
    #expect(try image("usual.png") == image("touched.png"))
  }

  @Test func compositingKeepsEveryPixelOutsideTheMask() throws {
    let path = Repository.fixture("images/picture_16.png")
    let original = try ImageFile(path: path).image
    let result = try model.run(
      "inpaint",
      [path, "--box", "0.25,0.25,0.75,0.75", "--composite", "--seed", "1", "--output", "c.png"],
      in: folder)
    #expect(result.status == 0)
    let composite = try image("c.png")
    let top = original.cropped(x: 0, y: 0, width: 16, height: 4)
    #expect(composite.cropped(x: 0, y: 0, width: 16, height: 4) == top)
    #expect(
      composite.cropped(x: 12, y: 0, width: 4, height: 16)
        == original.cropped(x: 12, y: 0, width: 4, height: 16))
    #expect(composite != original)
  }

  @Test func aMaskMarksWhatABoxMarks() throws {
    let path = Repository.fixture("images/picture_16.png")
    var pixels = [UInt8](repeating: 0, count: 3 * 64 * 64)
    for row in 16..<48 {
      for sample in 3 * (row * 64 + 16)..<3 * (row * 64 + 48) { pixels[sample] = 255 }
    }
    _ = try folder.write(Image(width: 64, height: 64, pixels: pixels).png(), to: "mask.png")
    func preview(_ command: String, _ region: [String]) throws -> Image {
      let result = try model.run(
        command, [path, "--preview", "--force", "--output", "p.png"] + region, in: folder)
      try #require(result.status == 0, "\(result.errors)")
      return try image("p.png")
    }
    let box = ["--box", "0.25,0.25,0.75,0.75"]
    let inside = try preview("inpaint", box)
    let outside = try preview("outpaint", box)
    #expect(inside != outside)
    #expect(try preview("inpaint", ["--mask", "mask.png"]) == inside)
    #expect(try preview("outpaint", ["--mask", "mask.png"]) == inside)
    #expect(try preview("edit", ["--mask", "mask.png", "--invert-mask"]) == outside)
    #expect(try preview("inpaint", box + ["--invert-mask"]) == outside)
  }

  @Test func anEvaluationGoesOnWhereItStopped() throws {
    for (name, label) in [("picture_16.png", "2"), ("picture_8.png", "3")] {
      let target = folder.file("images/\(label)")
      try FileManager.default.createDirectory(
        atPath: target, withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: Repository.fixture("images/" + name), toPath: target + "/p.png")
    }
    let arguments = ["images", "--output", "e.json", "--compute", "f32"]
    let whole = try model.run(
      "evaluate", ["images", "--output", "whole.json", "--compute", "f32", "--json"], in: folder)
    try #require(whole.status == 0, "\(whole.errors)")
    // The second picture breaks the run; what was done stays.
    let second = folder.file("images/3/p.png")
    let bytes = try Data(contentsOf: URL(filePath: second))
    try Data().write(to: URL(filePath: second))
    #expect(try model.run("evaluate", arguments, in: folder).status == 1)
    #expect(try files().contains("e.json.partial"))
    // Another mode, another instruction set, other pictures or labels would score otherwise.
    try FileManager.default.copyItem(
      atPath: folder.file("images"), toPath: folder.file("others"))
    try folder.write(Array("2/p.png,2\n3/p.png,3\n".utf8), to: "labels.csv")
    for change in [
      ["images", "--compute", "bf16"], ["images", "--compute", "f32", "--cpu-level", "scalar"],
      ["others", "--compute", "f32"], ["images", "--compute", "f32", "--labels", "labels.csv"],
    ] {
      let other = try model.run("evaluate", change + ["--output", "e.json"], in: folder)
      #expect(other.status == 1)
      #expect(
        other.errors.contains("e.json.partial exists already and was made by other arguments"),
        "\(change): \(other.errors)")
    }
    // The first is not scored again: what the journal says of it counts.
    try bytes.write(to: URL(filePath: second))
    let journal = folder.file("e.json.partial")
    let text = try String(contentsOfFile: journal, encoding: .utf8)
    #expect(text.split(separator: "\n").count == 2)
    let changed = text.replacing("\"errors\":", with: "\"errors\":1", maxReplacements: 1)
    #expect(changed != text)
    try Data(changed.utf8).write(to: URL(filePath: journal))
    #expect(try model.run("evaluate", arguments, in: folder).status == 0)
    let result = FileManager.default.contents(atPath: folder.file("e.json"))
    #expect(result != FileManager.default.contents(atPath: folder.file("whole.json")))
    // Unless the picture has changed since.
    let stale = text.replacing(/"sha256":"[0-9a-f]*"/, with: "\"sha256\":\"\"")
    try Data(stale.utf8).write(to: URL(filePath: journal))
    let resumed = try model.run("evaluate", arguments + ["--json", "--force"], in: folder)
    #expect(resumed.status == 0)
    #expect(resumed.text == whole.text)
    #expect(!(try files().contains("e.json.partial")))
  }

  /// What the same arguments made may be made again; what others made stays.
  @Test(arguments: ["image", "batch"])
  func theSameArgumentsMayWriteAgain(mode: String) throws {
    let outputs = [
      ["--output", "p/"], ["--grid", "g.png"], ["--tokens-output", "t.json"],
      ["--stages", "s.png"], ["--animate", "a.png"],
    ]
    let usual = ["--classes", "1,random", "--seed", "3", "--seed-mode", mode]
    _ = try generate(usual + outputs.flatMap { $0 })
    _ = try generate(usual + outputs.flatMap { $0 })
    for options in [["--cfg", "2"], ["--seed", "4"], ["--count", "2"], ["--smooth"]] {
      for output in outputs {
        // Of an option that is given twice the last counts.
        let result = try model.run("generate", usual + options + output, in: folder)
        #expect(result.status == 1)
        #expect(
          result.errors.hasSuffix(
            " exists already and was made by other arguments; --force replaces it\n"),
          "\(options) \(output): \(result.errors)")
      }
    }
    _ = try generate(usual + ["--output", "p/", "--grid", "g.png", "--force", "--cfg", "2"])
    try folder.write([1], to: "g.png")
    let foreign = try model.run("generate", usual + ["--grid", "g.png"], in: folder)
    #expect(
      foreign.errors
        == "Error: g.png exists already and does not say how it was made; --force replaces it\n")
  }

  @Test func anImageSuffixIsNoFolder() throws {
    let result = try model.run(
      "generate", ["--classes", "0,1", "--output", "pic.png"], in: folder)
    #expect(result.status == 64)
    #expect(
      result.errors.hasPrefix(
        "Error: --output pic.png names a file, but there are 2 images: end it in / for a folder.\n")
    )
    #expect(try files() == [])
    let wide = try model.run(
      "generate",
      ["--classes", "0", "--count", "2000", "--grid", "g.png", "--grid-columns", "2000"],
      in: folder)
    #expect(wide.errors.hasPrefix("Error: --grid would be 131998×64 pixels"), "\(wide.errors)")
  }

  @Test func infoDescribesModelAndMachine() throws {
    struct Info: Decodable {
      struct Machine: Decodable {
        let compute: String
        // swift-format-ignore: AlwaysUseLowerCamelCase
        let cpu_level: String
        let threads: Int
      }
      let checksum: String
      let machine: Machine
    }
    let result = try model.run(
      "info", ["--json", "--threads", "1", "--compute", "f32", "--cpu-level", "scalar"], in: folder)
    try #require(result.status == 0, "\(result.errors)")
    let info = try JSONDecoder().decode(Info.self, from: Data(result.output))
    #expect(info.checksum.count == 64)
    #expect(
      [info.machine.compute, info.machine.cpu_level, "\(info.machine.threads)"]
        == ["f32", "scalar", "1"])
    let text = try model.run("info", [], in: folder).text
    #expect(text.contains("token maps   sides 1 2 3 5 8, 103 tokens of 64"))
  }

  /// What `info` estimates is what `bench` measures: for so small a model mostly the program itself.
  @Test(.disabled(if: Sanitizer.isOn)) func theMemoryEstimateIsTheMeasuredPeak() throws {
    struct Info: Decodable {
      struct Memory: Decodable { let peak: Int }
      let memory: Memory
    }
    struct Bench: Decodable {
      let peak: Int
      enum CodingKeys: String, CodingKey { case peak = "peak_rss_bytes" }
    }
    let decoder = JSONDecoder()
    let info = try model.run("info", ["--json", "--batch", "4"], in: folder)
    let estimate = try decoder.decode(Info.self, from: Data(info.text.utf8)).memory.peak
    let bench = try model.run("bench", ["--json", "--batch", "4", "--rounds", "1"], in: folder)
    let peak = try decoder.decode(Bench.self, from: Data(bench.text.utf8)).peak
    #expect(abs(Double(estimate) / Double(peak) - 1) < 0.1, "\(estimate), measured \(peak)")
  }
}
