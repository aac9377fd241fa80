import TensorBytes
import VAR
import VARCompute
import VARCore
import VARModel

/// What a run made, as `--json` prints it.
struct RunReport: Encodable {
  struct Item: Encodable {
    let file: String?
    let label: ClassLabel
    let name: String?
    let seed: UInt64

    private enum CodingKeys: String, CodingKey {
      case file
      case label = "class"
      case name = "class_name"
      case seed
    }
  }

  let compute: String
  let grid: String?
  let images: [Item]
  let model: String
  let seconds: Double
  let seed: UInt64

  init(
    _ run: GenerationRun, files: RunOutputs, seconds: Double,
    _ images: [GenerationPlan.Entry]
  ) {
    compute = run.compute.mode.rawValue
    grid = run.output.grid
    model = run.model.checksumText
    self.seconds = seconds
    seed = run.plan.entries.first?.seed ?? 0
    self.images = images.map {
      Item(
        file: files.pictures[$0.index]?.path, label: $0.label, name: run.model.name(of: $0.label),
        seed: $0.seed)
    }
  }
}
