import ArgumentParser
import CommandSupport
import TensorBytes
import VARConversion

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Tell what a checkpoint or .varq file holds.",
    discussion: """
      Opening costs milliseconds, however large the file is; --checksums reads \
      all of it.

      EXAMPLES
        var-convert inspect var_d16.pth
        var-convert inspect d16.varq --json --checksums
      """)

  @Argument(help: "Any checkpoint, an index of shards, or a .varq file.", completion: .file())
  var file: String

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Compute the SHA-256 of every tensor's bytes.")
  var checksums = false

  func run() throws {
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
