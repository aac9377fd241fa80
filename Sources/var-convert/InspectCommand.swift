import ArgumentParser
import CommandSupport
import TensorBytes
import VARConversion

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Tell what a checkpoint or .varq file holds.",
    discussion: """
      Opening costs milliseconds, however large the file is; --checksums, --manifest \
      and --check read all of it.

      EXAMPLES
        var-convert inspect var_d16.pth
        var-convert inspect d16.varq --json --checksums
        var-convert inspect d16.varq --manifest > d16.sha256
        var-convert inspect d16.varq --check d16.sha256
      """)

  @Argument(help: "Any checkpoint, an index of shards, or a .varq file.", completion: .file())
  var file: String

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Compute the SHA-256 of every tensor's bytes.")
  var checksums = false

  @Flag(help: "Print the SHA-256 of every tensor and of the file, as sha256sum does: to be signed.")
  var manifest = false

  @Option(
    help: ArgumentHelp(
      "Compare with what --manifest printed; status 1 where anything is changed, missing or new.",
      valueName: "manifest"), completion: .file())
  var check: String?

  func validate() throws {
    if manifest && (json || checksums || check != nil) {
      throw ValidationError("--manifest goes with none of --json, --checksums and --check.")
    }
    if check != nil && checksums { throw ValidationError("--check goes not with --checksums.") }
    if check == "" { throw ValidationError("--check needs a path.") }
  }

  func run() throws {
    if manifest { return try Console.print(Manifest(of: file).lines) }
    if let check { return try ManifestCheck(file, check).report(json: json) }
    let inspection = try Inspection(file, checksums: checksums)
    if json { return try InspectionText(inspection).print() }
    let elements = inspection.tensors.reduce(0) { $0 + $1.bytes }
    var lines = [
      "\(file): \(inspection.kind), \(Format.bytes(inspection.fileBytes)), "
        + "\(Format.count(inspection.tensors.count, "tensor")) of \(Format.bytes(elements))"
    ]
    let facts = inspection.metadata.merging(inspection.model ?? [:]) { $1 }
    lines += facts.sorted { $0.key < $1.key }.map {
      "  \($0.key.printable()): \($0.value.description.printable(limit: 400))"
    }
    if let checksum = inspection.weightsChecksum {
      lines.append("  checksum of the weights: \(checksum)")
    }
    if let obstacle = inspection.obstacle {
      let advice = remedy(for: obstacle).map { "; " + $0 } ?? ""
      lines.append("no model: \(obstacle)\(advice)")
    }
    try Console.print(lines + [""])
    try Console.print(table(inspection).lines)
  }

  private func table(_ inspection: Inspection) -> TextTable {
    var table = TextTable(["tensor", "dtype", "shape", "bytes"] + (checksums ? ["sha256"] : []))
    for tensor in inspection.tensors {
      let shape =
        tensor.shape.prefix(16).map(String.init).joined(separator: "×")
        + (tensor.shape.count > 16 ? "×…" : "")
      table.add(
        [tensor.name, tensor.dtype, shape.isEmpty ? "scalar" : shape, "\(tensor.bytes)"]
          + (tensor.sha256.map { [$0] } ?? []))
    }
    return table
  }
}
