import CommandSupport
import VAR
import VARCompute
import VARCore
import VAREvaluation
import VARImages
import VARModel

/// Draws the pictures of a plan and writes what was asked for.
struct GenerationRun {
  let command: String
  let model: Model
  let compute: Compute
  let plan: GenerationPlan
  let output: OutputArguments
  /// The one picture to write, when a batch is repeated for its sake.
  var only: Int?
  /// What is kept of another picture.
  var edit: PictureEdit?
  /// Files besides the model that the command reads.
  var inputs: [String] = []
  /// How files are named when no output is given; by class if nil.
  var stem: String?

  /// Generates, decodes and writes.
  func run() throws {
    let clock = ContinuousClock.now
    let wanted = plan.entries.filter { only == nil || $0.index == only }
    let results = ResultWriter(self, try RunOutputs(self, wanted))
    let progress = RunProgress(images: plan.entries.count, configuration: model.configuration)
    let engine = try PictureEngine(model, compute, releasesWeights: true)
    try engine.run(plan, edit: edit, only: only) { event in
      switch event {
      case .allocating(let images):
        try warnIfTight(images: images)
      case .scale(let scale):
        progress.scale(scale.scale, of: scale.scales, images: scale.images)
        try results.add(scale)
      case .decoding(let index):
        progress.decoding(index)
      case .picture(let picture):
        try results.add(picture)
      }
    }
    progress.clear()
    try results.finish(seconds: (ContinuousClock.now - clock) / .seconds(1), wanted)
  }

  /// Says when the machine has less memory than the run will take.
  private func warnIfTight(images: Int) throws {
    let estimate = try MemoryEstimate(
      model, compute, images: images, guided: plan.options.guidance != 0)
    guard let available = SystemMemory.available, available < estimate.peak else { return }
    Console.note(
      "warning: this takes about \(Format.bytes(estimate.peak)) of memory, "
        + "\(Format.bytes(available)) are available; it may be slow or be stopped by the system")
  }

  /// File names made of class and seed, and of the number where pictures share both.
  func names(_ entries: [GenerationPlan.Entry]) -> [String] {
    let bases = entries.map { "\(stem ?? slug($0.label))-\($0.seed)" }
    let repeated = Set(Dictionary(grouping: bases, by: \.self).filter { $0.value.count > 1 }.keys)
    return zip(entries, bases).map { entry, base in
      base + (repeated.contains(base) ? "-\(entry.index)" : "") + ".png"
    }
  }

  private func slug(_ label: ClassLabel) -> String {
    guard let id = label.id else { return "unconditional" }
    let first = model.name(of: label)?.split(separator: ",").first ?? ""
    let words = first.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.isEmpty ? "class-\(id)" : words.joined(separator: "-")
  }

  /// What a picture's metadata says about it.
  func record(_ entry: GenerationPlan.Entry) -> PictureRecord {
    PictureRecord(command: command, entry, of: plan, model, compute, edit: edit)
  }

  /// What the metadata of a file that holds something of all pictures says about it.
  func record(_ content: RunRecord.Content, _ wanted: [GenerationPlan.Entry]) -> RunRecord? {
    wanted.first.map { first in
      RunRecord(
        content, columns: content == .grid ? output.gridColumns : nil,
        fast: output.fastScales && (content == .stages || content == .animation),
        classes: wanted.map(\.choice.text), first: record(first))
    }
  }
}
