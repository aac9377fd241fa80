import CommandSupport
import Foundation
import TestSupport
import Testing

/// Limits of control groups as the kernel shows them, in a folder that stands for `/sys/fs/cgroup`.
@Suite struct ControlGroupTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func write(_ files: [String: String], in name: String) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file(name), withIntermediateDirectories: true)
    for (file, text) in files { try folder.write(Array(text.utf8), to: name + "/" + file) }
  }

  @Test func versionTwo() throws {
    try write(["memory.max": "max\n", "memory.current": "5\n"], in: "a")
    #expect(ControlGroup.left("0::/a/b\n", root: folder.path) == nil)
    try write(["memory.max": "1000\n", "memory.current": "900\n"], in: "a")
    #expect(ControlGroup.left("0::/a/b\n", root: folder.path) == 100)
    let stat = "anon 9\nactive_file 100\ninactive_file 50\n"
    try write(
      ["memory.max": "800\n", "memory.current": "850\n", "memory.stat": stat], in: "a/b")
    // Cached pages give way; the tighter of the two groups counts.
    #expect(ControlGroup.left("0::/a/b\n", root: folder.path) == 100)
    try write(["memory.current": "400\n"], in: "a")
    #expect(ControlGroup.left("0::/a/b\n", root: folder.path) == 100)
    try write(["memory.max": "810\n"], in: "a/b")
    #expect(ControlGroup.left("0::/a/b\n", root: folder.path) == 110)
  }

  @Test func versionOne() throws {
    let unlimited = "9223372036854771712\n"
    try write(
      ["memory.limit_in_bytes": unlimited, "memory.usage_in_bytes": "7\n"], in: "memory")
    let groups = "5:cpu,cpuacct:/x\n4:memory:/x/y\n0::/\n"
    #expect(ControlGroup.left(groups, root: folder.path) ?? 0 > 1 << 60)
    try write(
      [
        "memory.limit_in_bytes": "3000\n", "memory.usage_in_bytes": "2500\n",
        "memory.stat": "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n",
      ], in: "memory/x")
    #expect(ControlGroup.left(groups, root: folder.path) == 800)
    // In a container the group may be mounted as the root.
    #expect(ControlGroup.left("4:cpu:/x\n", root: folder.path) == nil)
  }
}
