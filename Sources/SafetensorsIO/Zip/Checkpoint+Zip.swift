internal import TensorBytes

extension Checkpoint {
  /// The longest pickle that is read; those of real checkpoints have a few megabytes at most.
  private static let pickleLimit = 256 << 20

  /// Opens the zip container: `ROOT/data.pkl` and a `ROOT/data/KEY` for each storage.
  static func openZip(
    _ file: MappedFile, _ budget: inout FileBudget
  ) throws(CheckpointError) -> Checkpoint {
    let parts: ZipParts
    do throws(ZipError) {
      parts = try ZipParts(file, &budget)
    } catch { throw .zip(path: file.path, error) }
    if parts.isTorchScript {
      throw .unsupportedKind(
        path: file.path,
        what: "a TorchScript program (torch.jit.save), not a state dict; save "
          + "model.state_dict() with torch.save")
    }
    let document: PickleDocument
    do throws(PickleError) {
      var reader = parts.pickle
      document = try Unpickler.load(&reader, &budget)
    } catch { throw .pickle(path: file.path, error) }
    let storages: [StorageLocation]
    do throws(ZipError) {
      storages = try parts.locate(document.storages, &budget)
    } catch { throw .zip(path: file.path, error) }
    return try assemble(document, file, .pytorchZip, storages: storages, &budget)
  }

  /// The entries of a PyTorch archive.
  private struct ZipParts {
    let archive: ZipArchive
    /// The root folder's name with its slash, or nothing.
    let root: String
    let pickle: ByteReader

    var isTorchScript: Bool { archive.entries[name: root + "constants.pkl"] != nil }

    init(_ file: MappedFile, _ budget: inout FileBudget) throws(ZipError) {
      archive = try ZipArchive(file, &budget)
      let pickles = archive.entries.values.filter {
        $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl")
      }
      guard pickles.count == 1, let entry = pickles.first else {
        if let what = ForeignArchive.kind(of: archive) { throw .foreign(what) }
        throw .pickleCount(pickles.count)
      }
      let name = entry.name
      root = String(name.dropLast("data.pkl".count))
      if let order = archive.entries[name: root + "byteorder"] {
        var reader = try Self.content(of: order, file, limit: 16, &budget)
        let text = String(
          decoding: try zip(&reader) { r throws(ByteReaderError) in try r.readBytes(r.remaining) },
          as: UTF8.self)
        guard text == "little" else { throw .byteOrder(text) }
      }
      pickle = try Self.content(of: entry, file, limit: pickleLimit, &budget)
    }

    /// A reader of an entry's content, in place where it is stored.
    private static func content(
      of entry: ZipEntry, _ file: MappedFile, limit: Int, _ budget: inout FileBudget
    ) throws(ZipError) -> ByteReader {
      guard entry.size <= limit else { throw .badSize(entry: entry.name, size: entry.size) }
      do {
        if entry.isDeflated {
          try budget.work(entry.size, times: Inflater.byteSteps, "inflating \(entry.name)")
          try budget.keep(entry.size, "inflated pickle")
          return try ByteReader(Inflater.inflate(file, entry))
        }
        try unsafe file.withBytes(in: entry.range) { bytes in
          try unsafe Inflater.verify(bytes, entry.checksum)
        }
        return try ByteReader(file, in: entry.range, countingFrom: 0)
      } catch let error as BudgetError {
        throw .budget(error)
      } catch let error as StorageError {
        throw .damaged(entry: entry.name, error)
      } catch {
        throw .badSize(entry: entry.name, size: entry.size)
      }
    }

    /// The entry of each storage, which must hold at least the bytes that the pickle counts.
    func locate(
      _ storages: [PickledStorage], _ budget: inout FileBudget
    ) throws(ZipError) -> [StorageLocation] {
      do throws(BudgetError) {
        try budget.work(storages.count, times: 256 + root.utf8.count, "finding its storages")
        try budget.keep(storages.count * MemoryLayout<StorageLocation>.stride * 2, "storages")
      } catch { throw .budget(error) }
      var locations: [StorageLocation] = []
      locations.reserveCapacity(storages.count)
      for storage in storages {
        guard let entry = archive.entries[name: root + "data/" + storage.key] else {
          // Some writers leave out entries without bytes.
          guard storage.byteCount == 0 else { throw .missingStorage(key: storage.key) }
          locations.append(StorageLocation(file: 0, range: 0..<0))
          continue
        }
        guard entry.size >= storage.byteCount else {
          throw .storageSize(key: storage.key, expected: storage.byteCount, actual: entry.size)
        }
        locations.append(StorageLocation(file: 0, range: entry.range, entry: entry))
      }
      return locations
    }
  }
}
