import CommandSupport
import VARCompute
import VARCore
import VARModel

/// Makes the images of a plan and writes what was asked for.
struct GenerationRun {
  let command: String
  let model: Model
  let context: Compute
  let plan: GenerationPlan
  let output: OutputArguments
  /// The one image to write, when a batch is repeated for its sake.
  var only: Int?
  /// What is kept of another picture.
  var edit: Edit?
  /// Files besides the model that the command reads.
  var inputs: [String] = []
  /// Whether `finish` brings in pixels of another picture.
  var isComposite = false
  /// How files are named when no output is given; by class if nil.
  var stem: String?
  /// What is done to each picture before it is written.
  var finish: (Image) throws -> Image = { $0 }

  /// Images that are generated together in image mode, where it makes no difference to them.
  private static let batchLimit = 4

  /// Generates, decodes and writes.
  func run() throws {
    let clock = ContinuousClock.now
    let wanted = plan.images.filter { only == nil || $0.index == only }
    let paths = try output.paths(names(wanted))
    try OutputCheck.check(
      (paths ?? []) + output.collections, inputs: [model.path] + inputs)
    let files = Dictionary(
      uniqueKeysWithValues: zip(wanted.map(\.index), paths ?? []).map { ($0, $1) })
    let results = ResultWriter(run: self, files: files)
    let progress = RunProgress(images: plan.images.count, configuration: model.configuration)
    try generate(progress, results)
    progress.clear()
    try results.finish(seconds: (ContinuousClock.now - clock).seconds, wanted)
  }

  /// Batches of images; of all at once when they share a generator.
  private var batches: [Range<Int>] {
    let count = plan.images.count
    let size = plan.seedMode == .batch ? count : Self.batchLimit
    return stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
  }

  private func generate(_ progress: RunProgress, _ results: ResultWriter) throws {
    let guided = plan.options.guidance != 0
    let codec = try ImageCodec(model, context)
    var generator: Generator?
    for (number, range) in batches.enumerated() {
      try results.begin(range)
      let current: Generator
      if let generator, generator.images == range.count {
        current = generator
      } else {
        generator = nil
        warnIfTight(images: range.count, guided: guided)
        current = try Generator(model, context, images: range.count, guided: guided)
        generator = current
      }
      let images = try current.generate(plan.request(range, edit: edit)) { event in
        progress.scale(event.scale, of: event.scales, images: range)
        try results.add(event, range, codec)
      }
      if number == batches.count - 1 {
        generator = nil
        model.releaseTransformer()
      }
      for (index, image) in zip(range, images) where only == nil || only == index {
        progress.decoding(index)
        try results.add(image, at: index, codec)
      }
    }
  }

  /// Says when the machine has less memory than the run will take.
  private func warnIfTight(images: Int, guided: Bool) {
    let estimate = MemoryEstimate(model, mode: context.mode, images: images, guided: guided)
    guard let available = SystemMemory.available, available < estimate.peak else { return }
    Console.note(
      "warning: this takes about \(Format.bytes(estimate.peak)) of memory, "
        + "\(Format.bytes(available)) are available; it may be slow or be stopped by the system")
  }

  /// File names made of class and seed, and of the number where images share both.
  private func names(_ images: [GenerationPlan.Image]) -> [String] {
    let bases = images.map { "\(stem ?? slug($0.label))-\($0.seed)" }
    let repeated = Set(Dictionary(grouping: bases, by: \.self).filter { $0.value.count > 1 }.keys)
    return zip(images, bases).map { image, base in
      base + (repeated.contains(base) ? "-\(image.index)" : "") + ".png"
    }
  }

  private func slug(_ label: Int?) -> String {
    guard let label else { return "unconditional" }
    let first = name(label)?.split(separator: ",").first ?? ""
    let words = first.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    return words.isEmpty ? "class-\(label)" : words.joined(separator: "-")
  }

  /// The name of a class, if it has one.
  func name(_ label: Int?) -> String? {
    let names = model.configuration.classNames
    return label.flatMap { names.indices.contains($0) ? names[$0] : nil }
  }

  /// What a picture's metadata says about it.
  func record(_ image: GenerationPlan.Image) -> PictureRecord {
    PictureRecord(
      command: command, model: model.checksumText, plan: plan, image: image,
      name: name(image.label), compute: context.mode.rawValue, cpuLevel: context.level.rawValue,
      edit: edit.map { EditRecord($0, isComposite: isComposite) })
  }
}
