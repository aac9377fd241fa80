import Foundation
import TestSupport
import Testing

/// A command of one of the programs, what it reads and what it writes, for tests that hold for all.
struct TableCommand: Sendable, CustomTestStringConvertible {
  let program: String
  let name: String
  /// What stands before the outputs; files are those of ``CommandTable/furnish(_:)``.
  let arguments: [String]
  /// Files of the folder that it reads, also those that only an index or folder names.
  let inputs: [String]
  /// Options that name a file to write, and one that is fit for it.
  let outputs: [(option: String, file: String)]
  /// Outputs that are the files of a folder: the option, and the file in the folder that is written.
  var folder: (option: String, file: String)?
  /// Whether it takes a model, and `--verify`; of var-run's.
  var takesModel = true

  var testDescription: String { program + " " + name }

  /// Runs it in a folder.
  func run(
    _ outputs: [String], in folder: TemporaryFolder, redirection: String = ""
  ) throws -> CommandResult {
    let words = [program, name] + arguments + outputs
    let line = words.map { "'\($0)'" }.joined(separator: " ")
    return try CommandRunner.shell(
      line + " " + redirection, in: folder.path, environment: ["VAR_MODEL": "model.varq"])
  }

  /// Arguments that send every output to a file of a name of its own.
  func allOutputs(prefix: String = "") -> [String] {
    var arguments = outputs.flatMap { [$0.option, prefix + $0.file] }
    if let folder { arguments += [folder.option, prefix + "made"] }
    return arguments
  }
}

/// Every command of the programs; `convert-inception` is `convert-classifier` with weights of 96 MB.
enum CommandTable {
  private static let picture = "images/2/p.png"
  private static let box = ["--box", "0.25,0.25,0.75,0.75"]
  private static let run = ["--seed", "1", "--compute", "f32"]
  private static let runOutputs = [
    ("--output", "one.png"), ("--grid", "grid.png"), ("--tokens-output", "out.json"),
    ("--stages", "stages.png"), ("--animate", "animation.png"),
  ]

  static let commands: [TableCommand] = [
    TableCommand(
      program: "var-run", name: "generate", arguments: ["--classes", "1"] + run,
      inputs: ["model.varq"], outputs: runOutputs),
    TableCommand(
      program: "var-run", name: "generate", arguments: ["--from-png", "made.png"],
      inputs: ["model.varq", "made.png"], outputs: [("--output", "again.png")]),
    TableCommand(
      program: "var-run", name: "inpaint", arguments: [picture] + box + run,
      inputs: ["model.varq", picture], outputs: runOutputs),
    TableCommand(
      program: "var-run", name: "inpaint", arguments: [picture, "--preview"] + box,
      inputs: ["model.varq", picture], outputs: [("--output", "preview.png")]),
    TableCommand(
      program: "var-run", name: "outpaint", arguments: [picture, "--mask", "mask.png"] + run,
      inputs: ["model.varq", picture, "mask.png"], outputs: runOutputs),
    TableCommand(
      program: "var-run", name: "edit", arguments: [picture, "--classes", "1"] + box + run,
      inputs: ["model.varq", picture], outputs: runOutputs),
    TableCommand(
      program: "var-run", name: "decode", arguments: ["tokens.json"],
      inputs: ["model.varq", "tokens.json"], outputs: [("--output", "one.png")]),
    TableCommand(
      program: "var-run", name: "tokenize", arguments: [picture],
      inputs: ["model.varq", picture], outputs: [("--output", "out.json")]),
    TableCommand(
      program: "var-run", name: "reconstruct", arguments: [picture],
      inputs: ["model.varq", picture], outputs: [("--output", "one.png")]),
    TableCommand(
      program: "var-run", name: "evaluate",
      arguments: ["images", "--labels", "labels.csv", "--compute", "f32"],
      inputs: ["model.varq", picture, "labels.csv"],
      outputs: [("--output", "out.json"), ("--report", "out.html")]),
    TableCommand(
      program: "var-run", name: "compare",
      arguments: ["images", "--against", "other.varq", "--labels", "labels.csv"],
      inputs: ["model.varq", "other.varq", picture, "labels.csv"],
      outputs: [("--output", "out.json"), ("--report", "out.html")]),
    TableCommand(
      program: "var-run", name: "parity", arguments: ["reference.safetensors", "--compute", "f32"],
      inputs: ["model.varq", "reference.safetensors"],
      outputs: [("--output", "out.json"), ("--report", "out.html")]),
    TableCommand(
      program: "var-run", name: "samples", arguments: ["merge", "set"],
      inputs: ["set/plan.json", "set/shard-0001-of-0002.safetensors"],
      outputs: [("--output", "set.npz")], takesModel: false),
    TableCommand(
      program: "var-run", name: "samples",
      arguments: ["run", "--classes", "1", "--per-class", "1", "--output", "new"], inputs: [],
      outputs: []),
    TableCommand(
      program: "var-run", name: "scaling", arguments: ["s1.json", "s2.json", "s3.json"],
      inputs: ["s1.json", "s3.json"], outputs: [("--report", "out.html"), ("--chart", "out.svg")],
      takesModel: false),
    TableCommand(program: "var-run", name: "info", arguments: [], inputs: [], outputs: []),
    TableCommand(
      program: "var-run", name: "bench", arguments: ["--rounds", "1"], inputs: [], outputs: []),
    TableCommand(
      program: "var-convert", name: "convert",
      arguments: ["--var", "var.pth", "--vae", "vae.pth", "--class-names", "names.txt"],
      inputs: ["var.pth", "vae.pth", "names.txt"], outputs: [("--output", "out.varq")]),
    TableCommand(
      program: "var-convert", name: "convert",
      arguments: ["sharded/model.safetensors.index.json", "--patch-nums", "1,2,3,5,8"],
      inputs: ["sharded/model.safetensors.index.json", "sharded/model-00001-of-00001.safetensors"],
      outputs: [("--output", "out.varq")]),
    TableCommand(
      program: "var-convert", name: "convert", arguments: ["model.varq", "--type", "q8"],
      inputs: ["model.varq"], outputs: [("--output", "out.varq")]),
    TableCommand(
      program: "var-convert", name: "sensitivity",
      arguments: [
        "model.varq", "--calibrate", "none", "--count", "1", "--images", "images",
      ],
      inputs: ["model.varq", picture],
      outputs: [("--output", "out.json"), ("--report", "out.html")]),
    TableCommand(
      program: "var-convert", name: "annotate",
      arguments: ["model.varq", "--class-names", "names.txt", "--meta", "name=n"],
      inputs: ["model.varq", "names.txt"], outputs: [("--output", "out.varq")]),
    TableCommand(
      program: "var-convert", name: "inspect", arguments: ["model.varq"], inputs: [], outputs: []),
    TableCommand(
      program: "var-convert", name: "verify",
      arguments: ["model.varq", "--against", "var.pth", "vae.pth"],
      inputs: ["model.varq", "var.pth", "vae.pth"], outputs: [("--report", "out.html")]),
    TableCommand(
      program: "var-convert", name: "export", arguments: ["model.varq"], inputs: ["model.varq"],
      outputs: [], folder: ("--output", "vae.safetensors")),
    TableCommand(
      program: "var-eval", name: "convert-classifier", arguments: ["classifier.pth"],
      inputs: ["classifier.pth"], outputs: [("--output", "classifier2.varq")]),
    TableCommand(
      program: "var-eval", name: "score",
      arguments: [
        "samples.npz", "--reference", "samples.npz", "--classifier", "classifier.varq",
        "--bootstrap", "2",
        "--no-cache",
      ],
      inputs: ["samples.npz", "classifier.varq"], outputs: [("--report", "out.html")]),
  ]

  private static let source = Result { try make() }

  /// Puts everything that the commands read into a folder.
  static func furnish(_ folder: TemporaryFolder) throws {
    let source = try source.get()
    for name in try source.names() {
      try FileManager.default.copyItem(atPath: source.file(name), toPath: folder.file(name))
    }
  }

  private static func make() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    let model = Repository.fixture("models/per-block/")
    let copies = [
      model + "var.pth": "var.pth", model + "vae.pth": "vae.pth",
      Repository.fixture("images/picture_16.png"): "images/2/p.png",
      Repository.fixture("documentation/mask.png"): "mask.png",
      Repository.file("models/fashion-var/classifier.pth"): "classifier.pth",
      Repository.fixture("goldens/per-block/reference.safetensors"): "reference.safetensors",
    ]
    for name in ["images/2", "sharded"] {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true)
    }
    for (source, target) in copies {
      try FileManager.default.copyItem(atPath: source, toPath: folder.file(target))
    }
    try folder.write(Array("path,class\n2/p.png,2\n".utf8), to: "labels.csv")
    for size in 1...3 {
      let scaling =
        "{\"name\": \"s\(size)\", \"parameters\": \(size * 1000), \"training_flop\": 1e\(size + 9)}"
      let figures =
        "\"L_tail\": \(4.0 / Double(size)), \"L_mean\": 3, \"Err_tail\": 0.5, \"Err_mean\": 0.4"
      try folder.write(
        Array("{\(figures), \"images\": 9, \"scaling\": \(scaling)}".utf8), to: "s\(size).json")
    }
    try folder.write(Array((0..<8).map { "garment \($0)\n" }.joined().utf8), to: "names.txt")
    let result = try CommandRunner.shell(script, in: folder.path)
    guard result.status == 0 else { throw Failure(message: result.errors) }
    try writeIndex(folder)
    return folder
  }

  private static let script = """
    var-convert convert --var var.pth --vae vae.pth --type f32 --output model.varq
    cp model.varq other.varq
    var-run generate --model model.varq --classes 1 --seed 7 --output made.png \\
      --tokens-output tokens.json
    var-convert export model.varq --output exported
    mv exported/vae.safetensors sharded/model-00001-of-00001.safetensors
    rm -r exported
    var-run samples --model model.varq --classes 1-3 --per-class 1 --output set --shards 2
    var-run samples merge set --output samples.npz
    var-eval convert-classifier classifier.pth --output classifier.varq
    """

  /// An index that names one shard, the VQ-VAE.
  private static func writeIndex(_ folder: TemporaryFolder) throws {
    let shard = "model-00001-of-00001.safetensors"
    let bytes = try Data(contentsOf: URL(filePath: folder.file("sharded/" + shard)))
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any]
    let names = (header ?? [:]).keys.filter { $0 != "__metadata__" }
    let index = ["weight_map": Dictionary(uniqueKeysWithValues: names.map { ($0, shard) })]
    try folder.write(
      [UInt8](try JSONSerialization.data(withJSONObject: index)),
      to: "sharded/model.safetensors.index.json")
  }

  private struct Failure: Error {
    let message: String
  }
}
