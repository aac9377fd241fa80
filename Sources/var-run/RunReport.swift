import VARCompute
import VARCore

/// What a run made, as `--json` prints it.
struct RunReport: Encodable {
  struct Item: Encodable {
    let file: String?
    let label: Int?
    let name: String?
    let seed: UInt64

    private enum CodingKeys: String, CodingKey {
      case file
      case label = "class"
      case name = "class_name"
      case seed
    }

    /// The unconditional class is null, not missing.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeIfPresent(file, forKey: .file)
      try container.encode(label, forKey: .label)
      try container.encodeIfPresent(name, forKey: .name)
      try container.encode(seed, forKey: .seed)
    }
  }

  let compute: String
  let grid: String?
  let images: [Item]
  let model: String
  let seconds: Double
  let seed: UInt64

  init(
    _ run: GenerationRun, files: [Int: String], seconds: Double,
    _ images: [GenerationPlan.Image]
  ) {
    compute = run.context.mode.rawValue
    grid = run.output.grid
    model = run.model.checksumText
    self.seconds = seconds
    seed = run.plan.images.first?.seed ?? 0
    self.images = images.map {
      Item(file: files[$0.index], label: $0.label, name: run.name($0.label), seed: $0.seed)
    }
  }
}
