import Foundation
import SafetensorsIO
import TensorBytes
import TestSupport
import Testing

@Suite struct NumPyArchiveTests {
  /// Read by Python's own zip, and by hand what `.npy` says. Sizes of ZIP64 are those of any size: 2^32 + 7 passed once.
  @Test(arguments: [5, 100_000])
  func pythonReadsIt(count: Int) throws {
    let folder = try TemporaryFolder()
    let archive = try NumPyArchive(Outputs(reading: []).file(folder.file("a.npz")))
    try archive.begin("first", .u8, shape: [count])
    let piece = [UInt8](repeating: 7, count: 1 << 24)
    var left = count
    while left > 0 {
      let part = min(left, piece.count)
      try unsafe piece.withUnsafeBytes {
        try unsafe archive.append(UnsafeRawBufferPointer(rebasing: $0[..<part]))
      }
      left -= part
    }
    try archive.begin("second", .i64, shape: [2, 1])
    try unsafe [Int64(-3), 5].withUnsafeBytes { try unsafe archive.append($0) }
    try archive.finish()
    let script = """
      import zipfile, struct, ast
      z = zipfile.ZipFile('a.npz')
      assert z.namelist() == ['first.npy', 'second.npy'], z.namelist()
      for name, descr, shape, tail in (('first', '|u1', (\(count),), b'\\7' * 4),
                                       ('second', '<i8', (2, 1), struct.pack('<qq', -3, 5))):
          info = z.getinfo(name + '.npy')
          with z.open(info) as f:
              assert f.read(8) == b'\\x93NUMPY\\1\\0'
              size, = struct.unpack('<H', f.read(2))
              assert (10 + size) % 64 == 0
              head = ast.literal_eval(f.read(size).decode())
              assert head == {'descr': descr, 'fortran_order': False, 'shape': shape}, head
              last = b''
              while piece := f.read(1 << 24):
                  last = (last + piece)[-len(tail):]
              assert last == tail, last
      """
    try folder.write(Array(script.utf8), to: "check.py")
    let result = try CommandRunner.shell("python3 check.py", in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
  }
}
