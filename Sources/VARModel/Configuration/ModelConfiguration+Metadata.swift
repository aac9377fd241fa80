package import VARQuant

/// Keys of a `.varq` file's metadata that describe the model; see `formats/varq-v1.md`.
private enum Key {
  static let architecture = "model.architecture"
  static let classNames = "class.names"
  static let guidance = "sampling.guidance"
}

extension ModelConfiguration {
  /// The value of `model.architecture`.
  private static let architecture = "var"

  /// The configuration as metadata, which ``init(metadata:)`` reads back exactly.
  package var metadata: Metadata {
    var metadata = Metadata([Key.architecture: .string(Self.architecture)])
    transformer?.add(to: &metadata)
    tokenizer?.add(to: &metadata)
    if !classNames.isEmpty { metadata[Key.classNames] = .stringList(classNames) }
    if let guidance { metadata[Key.guidance] = .double(guidance) }
    return metadata
  }

  /// Reads and validates the configuration of a `.varq` file.
  ///
  /// A half is there if any of its keys is; then it needs all of them.
  /// - Throws: `MetadataError` for a missing or unusable key, ``ConfigurationError``.
  package init(metadata: Metadata) throws {
    let architecture = try metadata.string(Key.architecture)
    guard architecture == Self.architecture else {
      throw MetadataError.invalid(
        key: Key.architecture, value: architecture, allowed: Self.architecture)
    }
    func has(_ half: ModelHalf) -> Bool {
      metadata.values.keys.contains { $0.hasPrefix(half.rawValue + ".") }
    }
    self.init(
      transformer: has(.transformer) ? try TransformerConfiguration(metadata: metadata) : nil,
      tokenizer: has(.tokenizer) ? try TokenizerConfiguration(metadata: metadata) : nil,
      classNames: metadata[Key.classNames] == nil ? [] : try metadata.stringList(Key.classNames),
      guidance: metadata[Key.guidance] == nil ? nil : try metadata.double(Key.guidance))
    try validate()
  }
}

extension ModelConfiguration {
  /// Reads and validates the configuration of an open file.
  /// - Throws: ``ConfigurationFailure``.
  package init(_ file: VarqFile) throws(ConfigurationFailure) {
    do {
      try self.init(metadata: file.metadata)
    } catch {
      throw ConfigurationFailure(path: file.path, reason: "\(error)")
    }
  }
}

/// A file's metadata do not describe a model.
package struct ConfigurationFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  package let path: String
  /// The `MetadataError` or ``ConfigurationError`` in words.
  package let reason: String
  /// The message for the user.
  package var description: String { "\(path): \(reason)" }
}

extension TransformerConfiguration {
  fileprivate func add(to metadata: inout Metadata) {
    metadata["var.depth"] = .unsigned(UInt64(depth))
    metadata["var.width"] = .unsigned(UInt64(width))
    metadata["var.heads"] = .unsigned(UInt64(heads))
    metadata["var.hidden_width"] = .unsigned(UInt64(hiddenWidth))
    metadata["var.vocabulary"] = .unsigned(UInt64(vocabulary))
    metadata["var.latent_channels"] = .unsigned(UInt64(latentChannels))
    metadata["var.classes"] = .unsigned(UInt64(classes))
    metadata["var.patch_nums"] = .unsignedList(patchNumbers.map(UInt64.init))
    metadata["var.adaln"] = .string(adaLN.rawValue)
    metadata["var.attention"] = .string(attention.rawValue)
  }

  fileprivate init(metadata: Metadata) throws {
    self.init(
      depth: try metadata.size("var.depth"), width: try metadata.size("var.width"),
      heads: try metadata.size("var.heads"), hiddenWidth: try metadata.size("var.hidden_width"),
      vocabulary: try metadata.size("var.vocabulary"),
      latentChannels: try metadata.size("var.latent_channels"),
      classes: try metadata.size("var.classes"), patchNumbers: try metadata.sizes("var.patch_nums"),
      adaLN: try metadata.choice("var.adaln"), attention: try metadata.choice("var.attention"))
  }
}

extension TokenizerConfiguration {
  fileprivate func add(to metadata: inout Metadata) {
    metadata["vae.channels"] = .unsigned(UInt64(channels))
    metadata["vae.multipliers"] = .unsignedList(multipliers.map(UInt64.init))
    metadata["vae.residual_blocks"] = .unsigned(UInt64(residualBlocks))
    metadata["vae.vocabulary"] = .unsigned(UInt64(vocabulary))
    metadata["vae.latent_channels"] = .unsigned(UInt64(latentChannels))
    metadata["vae.patch_nums"] = .unsignedList(patchNumbers.map(UInt64.init))
    metadata["vae.phi"] = .string(phi.name)
    metadata["vae.phi_count"] = .unsigned(UInt64(phiCount))
    metadata["vae.phi_ratio"] = .double(Double(phiRatio))
    metadata["vae.z_normalized"] = .boolean(zNormalized)
  }

  fileprivate init(metadata: Metadata) throws {
    self.init(
      channels: try metadata.size("vae.channels"),
      multipliers: try metadata.sizes("vae.multipliers"),
      residualBlocks: try metadata.size("vae.residual_blocks"),
      vocabulary: try metadata.size("vae.vocabulary"),
      latentChannels: try metadata.size("vae.latent_channels"),
      patchNumbers: try metadata.sizes("vae.patch_nums"), phi: .shared,
      phiRatio: Float(try metadata.double("vae.phi_ratio")),
      zNormalized: try metadata.boolean("vae.z_normalized"))
    let count = try metadata.size("vae.phi_count")
    phi = try PhiLayout(name: metadata.string("vae.phi"), count: count)
    // Counted, not listed: the number has not been checked yet.
    guard phiCount == count else {
      throw MetadataError.invalid(
        key: "vae.phi_count", value: "\(count)", allowed: "\(phiCount) with the layout \(phi.name)")
    }
  }
}

extension PhiLayout {
  fileprivate var name: String {
    switch self {
    case .shared: "shared"
    case .partiallyShared: "partially-shared"
    case .perScale: "per-scale"
    }
  }

  fileprivate init(name: String, count: Int) throws(MetadataError) {
    switch name {
    case "shared": self = .shared
    case "partially-shared": self = .partiallyShared(count)
    case "per-scale": self = .perScale
    default:
      throw .invalid(
        key: "vae.phi", value: name, allowed: "shared, partially-shared or per-scale")
    }
  }
}

extension Metadata {
  /// The number of a key as a size.
  fileprivate func size(_ key: String) throws(MetadataError) -> Int {
    try Self.size(try unsigned(key), key)
  }

  /// The numbers of a key as sizes.
  fileprivate func sizes(_ key: String) throws(MetadataError) -> [Int] {
    try unsignedList(key).map { value throws(MetadataError) in try Self.size(value, key) }
  }

  private static func size(_ value: UInt64, _ key: String) throws(MetadataError) -> Int {
    guard let size = Int32(exactly: value) else {
      throw .invalid(key: key, value: "\(value)", allowed: "at most \(Int32.max)")
    }
    return Int(size)
  }

  /// The text of a key as one of an enumeration's values.
  fileprivate func choice<T: RawRepresentable<String> & CaseIterable>(
    _ key: String
  ) throws(MetadataError) -> T {
    let text = try string(key)
    guard let choice = T(rawValue: text) else {
      let allowed = T.allCases.map(\.rawValue).joined(separator: " or ")
      throw .invalid(key: key, value: text, allowed: allowed)
    }
    return choice
  }
}
