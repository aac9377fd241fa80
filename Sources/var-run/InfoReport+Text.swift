import CommandSupport

extension InfoReport {
  /// The report as lines to read.
  var lines: [String] {
    let facts = modelFacts + machineFacts
    let width = facts.map(\.0.count).max() ?? 0
    return facts.map { name, value in
      name + String(repeating: " ", count: width - name.count) + "  " + value
    }
  }

  private typealias Facts = [(String, String)]

  private var modelFacts: Facts {
    var facts: Facts = [("model", path), ("size", Format.bytes(bytes))]
    if let transformer {
      facts.append(
        (
          "transformer",
          "depth \(transformer.depth), width \(transformer.width), \(transformer.heads) heads, "
            + millions(transformer.parameters)
        ))
      facts.append(("", "adaLN \(transformer.adaln), attention \(transformer.attention)"))
      facts.append(
        (
          "classes",
          "\(transformer.classes)"
            + (transformer.classNames ? ", named (--classes lists them)" : ", without names")
        ))
      facts.append(("guidance", "\(transformer.guidance) where none is asked for"))
    }
    if let tokenizer, let imageSide {
      facts.append(
        (
          "VQ-VAE",
          "\(tokenizer.channels) channels × \(tokenizer.multipliers), "
            + millions(tokenizer.parameters)
        ))
      facts.append(("images", "\(imageSide) x \(imageSide) pixels"))
    }
    facts.append(
      (
        "token maps",
        "sides \(patchNums.map(String.init).joined(separator: " ")), "
          + "\(patchNums.reduce(0) { $0 + $1 * $1 }) tokens of \(vocabulary)"
      ))
    for (index, format) in formats.enumerated() {
      facts.append(
        (
          index == 0 ? "weights" : "",
          "\(format.format): \(Format.count(format.tensors, "tensor")), "
            + Format.bytes(format.bytes)
        ))
    }
    facts.append(("checksum", checksum))
    facts.append(("", weightsChecksum + " of the weights"))
    facts += about.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    facts += sources.enumerated().map {
      ($0.offset == 0 ? "made from" : "", "sha256 " + $0.element)
    }
    return facts
  }

  private var machineFacts: Facts {
    let bytes = Format.bytes
    return [
      ("CPU level", "\(machine.cpuLevel) (of \(machine.cpuLevels.joined(separator: ", ")))"),
      ("compute", "\(machine.compute), \(Format.count(machine.threads, "thread"))"),
      (
        "memory",
        "about \(bytes(memory.peak)) for \(Format.count(memory.images, "image")) with guidance"
          + (machine.memoryAvailable.map { ", \(bytes($0)) available" } ?? "")
      ),
      (
        "",
        "transformer \(bytes(memory.transformerWeights)) weights + "
          + "\(bytes(memory.transformerWork)); decoder \(bytes(memory.decoderWeights)) weights + "
          + bytes(memory.decoderWork)
      ),
    ]
  }

  private func millions(_ parameters: Int) -> String {
    Format.fixed(Double(parameters) / 1e6, 1) + " M parameters"
  }
}
