internal import TensorBytes
internal import VARQuant

/// What stays with a model through conversions and relabelling.
extension Metadata {
  /// The files that a model went through, the oldest first: `CHECKSUM RECIPE` each.
  static let chainKey = "convert.chain"
  /// The squared error Σ (w − ŵ)² of every tensor of a calibrated file, in the order of its table.
  package static let errorsKey = "convert.calibration.errors"

  /// Takes over what an earlier `.varq` file says about where its weights come from, and counts that
  /// file among the links of the chain.
  mutating func inherit(from file: VarqFile) {
    let isKept = { (key: String) in key.hasPrefix(Self.aboutPrefix) || key.hasPrefix("source.") }
    for (key, value) in file.metadata.values where isKept(key) { values[key] = value }
    var chain: [String] = []
    if case .stringList(let links)? = file.metadata[Self.chainKey] { chain = links }
    var link = SHA256Digest.hex(file.checksum)
    if case .string(let recipe)? = file.metadata["convert.recipe"] { link += " " + recipe }
    values[Self.chainKey] = .stringList(chain + [link])
  }
}
