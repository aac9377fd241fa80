/// NumPy's files, by hand, for tests of their readers.
package enum NumPyFixture {
  /// An `.npy` file of bytes.
  package static func array(
    _ bytes: [UInt8], descr: String = "|u1", order: String = "False", shape: String
  ) -> [UInt8] {
    var header = "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': \(shape), }"
    header += String(repeating: " ", count: (63 - (10 + header.utf8.count) % 64)) + "\n"
    let count = header.utf8.count
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)]
      + Array(header.utf8) + bytes
  }

  /// An `.npz` file of one member, `arr_0`, stored.
  package static func archive(_ bytes: [UInt8], shape: [Int], name: String = "arr_0") throws
    -> [UInt8]
  {
    let text = shape.map(String.init).joined(separator: ", ")
    return archive([(name + ".npy", array(bytes, shape: "(\(text))"))])
  }

  /// A zip archive of stored entries, without checksums.
  package static func archive(_ entries: [(name: String, content: [UInt8])]) -> [UInt8] {
    func little(_ number: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in entries {
      let shared =
        little(20, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(0, 4)
        + little(content.count, 4) + little(content.count, 4) + little(name.utf8.count, 2)
        + little(0, 2)
      directory +=
        Array("PK\u{1}\u{2}".utf8) + little(20, 2) + shared + little(0, 10) + little(file.count, 4)
        + Array(name.utf8)
      file += Array("PK\u{3}\u{4}".utf8) + shared + Array(name.utf8) + content
    }
    return file + directory + Array("PK\u{5}\u{6}".utf8) + little(0, 4)
      + little(entries.count, 2) + little(entries.count, 2) + little(directory.count, 4)
      + little(file.count, 4) + little(0, 2)
  }
}
