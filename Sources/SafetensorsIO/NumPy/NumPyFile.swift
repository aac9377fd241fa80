package import TensorBytes

/// What is wrong with an `.npy` or `.npz` file.
package enum NumPyError: Error, Equatable, Sendable, CustomStringConvertible {
  /// It is neither.
  case notNumPy(path: String)
  /// It breaks a rule of its format.
  case malformed(path: String, member: String, reason: String)
  /// What the program does not read.
  case unsupported(path: String, member: String, what: String)
  /// The archive can't be read.
  case archive(path: String, reason: String)
  /// A member is missing.
  case missing(path: String, member: String, there: [String])

  /// The message for the user.
  package var description: String {
    switch self {
    case .notNumPy(let path): "\(path) is neither an .npy nor an .npz file of NumPy"
    case .malformed(let path, let member, let reason): "\(path): \(member): \(reason)"
    case .unsupported(let path, let member, let what):
      "\(path): \(member) is \(what); write it by numpy.savez(PATH, …) with uint8, float32 or float64 arrays"
    case .archive(let path, let reason): "\(path): \(reason)"
    case .missing(let path, let member, let there):
      "\(path) has no \(member); it has \(there.isEmpty ? "nothing" : there.joined(separator: ", "))"
    }
  }
}

/// The arrays of an `.npz` file, or the one of an `.npy` file: types, shapes and places; the elements
/// stay in the file.
package final class NumPyFile: Sendable {
  /// An array.
  package struct Array: Sendable {
    /// Its name, without `.npy`.
    package let name: String
    /// The type of its elements, little-endian.
    package let type: ElementType
    /// Dimensions; the elements are in C order.
    package let shape: [Int]
    /// Where they begin in the member's content.
    let start: Int
    fileprivate let entry: ZipEntry?

    /// Number of elements.
    package var count: Int { shape.reduce(1, *) }
  }

  /// The path as it was given.
  package let path: String
  /// The arrays, by name.
  package let arrays: [Array]
  private let file: MappedFile

  private static let types = [
    "|u1": ElementType.u8, "<f4": .f32, "<f8": .f64, "<i8": .i64, "<i4": .i32, "<f2": .f16,
    "|b1": .bool,
  ]
  private static let magic: [UInt8] = [0x93] + Swift.Array("NUMPY".utf8)
  private static let headerLimit = 1 << 16

  /// Opens a file.
  /// - Throws: ``NumPyError``, `FileError`.
  package init(_ path: String) throws {
    self.path = path
    let file = try MappedFile(path)
    self.file = file
    let start = try unsafe file.withBytes(in: 0..<min(6, file.count)) { unsafe [UInt8]($0) }
    if start == Self.magic {
      let head = try unsafe file.withBytes(in: 0..<min(file.count, Self.headerLimit)) {
        unsafe [UInt8]($0)
      }
      arrays = [try Self.array("array", nil, head, file.count, path)]
      return
    }
    guard start.starts(with: Swift.Array("PK".utf8)) else { throw NumPyError.notNumPy(path: path) }
    var budget = FileBudget(size: file.count)
    let archive: ZipArchive
    do {
      archive = try ZipArchive(file, &budget)
    } catch {
      throw NumPyError.archive(path: path, reason: "\(error)")
    }
    var arrays: [Array] = []
    for entry in archive.entries.values.sorted(by: { $0.name < $1.name })
    where entry.name.hasSuffix(".npy") {
      let name = String(entry.name.dropLast(4)).printable()
      var head = [UInt8](repeating: 0, count: min(entry.size, Self.headerLimit))
      try Self.attempt(path, name) {
        try unsafe head.withUnsafeMutableBytes { target in
          if entry.isDeflated {
            try unsafe InflateStream(file, entry).read(into: target)
          } else {
            let range = entry.range.lowerBound..<entry.range.lowerBound + target.count
            try unsafe file.withBytes(in: range) { unsafe target.copyMemory(from: $0) }
          }
        }
      }
      arrays.append(try Self.array(name, entry, head, entry.size, path))
    }
    self.arrays = arrays
  }

  /// The array of a name; of an `.npy` file, its own.
  /// - Throws: ``NumPyError/missing(path:member:there:)``.
  package func array(_ name: String) throws(NumPyError) -> Array {
    if let array = arrays.first(where: { $0.name == name || $0.entry == nil }) { return array }
    throw .missing(path: path, member: name, there: arrays.map(\.name))
  }

  /// Passes over an array's bytes in pieces of some whole elements, front to back.
  /// - Parameters:
  ///   - unit: bytes that no piece cuts, such as those of a picture.
  ///   - body: returns whether it wants to go on.
  /// - Throws: ``NumPyError``, what `body` throws.
  package func forEachPiece(
    of array: Array, unit: Int, _ body: (UnsafeRawBufferPointer) throws -> Bool
  ) throws {
    let size = array.count * array.type.byteWidth
    let step = max(1, (4 << 20) / unit) * unit
    if let entry = array.entry, entry.isDeflated {
      let stream = try InflateStream(file, entry)
      var buffer = [UInt8](repeating: 0, count: max(array.start, min(size, step)))
      try unsafe buffer.withUnsafeMutableBytes { buffer in
        try Self.attempt(path, array.name) {
          try unsafe stream.read(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<array.start]))
        }
        for piece in (0..<size).pieces(of: step) {
          let target = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece.count])
          try Self.attempt(path, array.name) { try unsafe stream.read(into: target) }
          guard try unsafe body(UnsafeRawBufferPointer(target)) else { return }
        }
      }
      return
    }
    let base = (array.entry?.range.lowerBound ?? 0) + array.start
    for piece in (0..<size).pieces(of: step) {
      let range = base + piece.lowerBound..<base + piece.upperBound
      let goesOn = try unsafe file.withBytes(in: range) { try unsafe body($0) }
      file.release(range)
      guard goesOn else { return }
    }
  }

  /// All elements of a floating-point array, as doubles.
  /// - Throws: ``NumPyError/unsupported(path:member:what:)`` for other types.
  package func doubles(_ array: Array) throws -> [Double] {
    guard array.type == .f64 || array.type == .f32 else {
      throw NumPyError.unsupported(path: path, member: array.name, what: "no array of floats")
    }
    var values: [Double] = []
    values.reserveCapacity(array.count)
    try unsafe forEachPiece(of: array, unit: 8) { piece in
      if array.type == .f64 {
        for index in 0..<piece.count / 8 {
          let bits = unsafe piece.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
          values.append(Double(bitPattern: UInt64(littleEndian: bits)))
        }
      } else {
        for index in 0..<piece.count / 4 {
          let bits = unsafe piece.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
          values.append(Double(Float(bitPattern: UInt32(littleEndian: bits))))
        }
      }
      return true
    }
    return values
  }

  private static func attempt<R>(_ path: String, _ name: String, _ body: () throws -> R) throws -> R
  {
    do { return try body() } catch let error as StorageError {
      throw NumPyError.malformed(path: path, member: name, reason: "\(error)")
    }
  }

  /// Reads the head of an `.npy` content (NEP 1): magic, version, length, a literal of Python.
  private static func array(
    _ name: String, _ entry: ZipEntry?, _ head: [UInt8], _ size: Int, _ path: String
  ) throws(NumPyError) -> Array {
    func malformed(_ reason: String) -> NumPyError {
      .malformed(path: path, member: name, reason: reason)
    }
    guard head.count >= 12, head.starts(with: magic), (1...3).contains(head[6]) else {
      throw malformed("it does not begin as an .npy file does")
    }
    let wide = head[6] > 1
    let length =
      wide
      ? (0..<4).reduce(0) { $0 | Int(head[8 + $1]) << (8 * $1) }
      : Int(head[8]) | Int(head[9]) << 8
    let first = wide ? 12 : 10
    guard length <= head.count - first else { throw malformed("its header is cut off") }
    let text = String(decoding: head[first..<first + length], as: UTF8.self)
    guard let descr = value(of: "descr", in: text),
      let order = value(of: "fortran_order", in: text),
      let tuple = value(of: "shape", in: text)
    else { throw malformed("its header does not say type, order and shape") }
    let code = descr.trimmingPrefix("'").prefix { $0 != "'" }
    guard let type = types[String(code)] else {
      throw .unsupported(path: path, member: name, what: "of the type \(code.prefix(20))")
    }
    guard order.hasPrefix("False") || tuple.filter({ $0 == "," }).count <= 1 else {
      throw .unsupported(path: path, member: name, what: "in Fortran order")
    }
    let parts = tuple.dropFirst().prefix { $0 != ")" }
      .split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    let shape = parts.compactMap { Int($0) }
    guard tuple.hasPrefix("("), shape.count == parts.count, shape.count <= 8,
      shape.allSatisfy({ $0 >= 0 }), let bytes = try? Checked.byteCount(of: shape, type)
    else { throw malformed("its shape is \(tuple.prefix(40))") }
    guard bytes == size - first - length else {
      throw malformed(
        "its shape \(shape) takes \(bytes) bytes, of which \(size - first - length) are there")
    }
    return Array(name: name, type: type, shape: shape, start: first + length, entry: entry)
  }

  /// What follows a key of the literal.
  private static func value(of key: String, in text: String) -> Substring? {
    guard let range = text.firstRange(of: "'\(key)':") else { return nil }
    return text[range.upperBound...].drop { $0 == " " }
  }
}
