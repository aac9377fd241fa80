package import TensorBytes

/// The whole content of a file.
public func bytes(ofFile path: String) throws -> [UInt8] {
  let file = try MappedFile(path)
  return try unsafe file.withBytes(in: 0..<file.count) { unsafe Array($0) }
}

/// A file to write, over whatever is there.
package func output(_ path: String) throws -> OutputFile {
  try Outputs(reading: [], replacing: .always).file(path)
}
