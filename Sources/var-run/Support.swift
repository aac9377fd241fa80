import CommandSupport
import Foundation
import TensorBytes
import VARCore
import VARQuant

extension Model {
  /// SHA-256 over header and tensor table, in hexadecimal.
  var checksumText: String { SHA256Digest.hex(file.checksum) }
}

extension ImageText {
  /// The chunk that names this program.
  static let software = [ImageText(keyword: "Software", text: "var-run \(Program.version)")]
}
