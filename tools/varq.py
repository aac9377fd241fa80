#!/usr/bin/env python3
"""Reads .varq files with NumPy alone; written from formats/varq-v1.md, independently of the Swift code.

usage: varq.py list FILE | varq.py verify FILE | varq.py dump FILE OUT.npz

As a module: `VarqFile(path).read(name)` gives a tensor dequantized to float32. Opening a file checks everything but the
tensors' contents; `verify()` checks those too. A malformed file raises `VarqError`.
"""
import argparse
import hashlib
import math
import re
import struct
import sys

import numpy as np

MAGIC = bytes.fromhex('89564152510d0a1a')
HEADER = struct.Struct('<8sHHIIIQQQ16s32s')
MAX_SECTION, MAX_ENTRIES, MAX_ELEMENTS = 1 << 26, 1 << 20, 1 << 48
F32, F16, BF16, Q8, Q3, Q4, Q5, Q6 = 1, 2, 3, 16, 35, 36, 37, 38
FORMAT_NAMES = {F32: 'f32', F16: 'f16', BF16: 'bf16', Q8: 'q8', Q3: 'q3', Q4: 'q4', Q5: 'q5', Q6: 'q6'}
# What a code stands for, the bits of the planes, and the elements that share an 8-bit scale.
CODES = {
    Q3: ([-127, -76, -44, -18, 8, 35, 67, 109], (2, 1), 16),
    Q4: ([-127, -102, -80, -62, -47, -34, -21, -9, 2, 13, 25, 37, 50, 65, 83, 109], (4,), 32),
    Q5: ([-127, -112, -97, -86, -76, -68, -60, -52, -45, -38, -32, -26, -20, -14, -8, -3, 3, 8, 14, 20, 26, 32, 38, 45,
          52, 60, 68, 76, 85, 95, 106, 118], (4, 1), 32),
    Q6: (list(range(-32, 32)), (4, 2), 32),
}
KEY = re.compile(r'[a-z0-9_.]{1,255}')


class VarqError(Exception):
    """The file breaks a rule of the format."""


def check(condition, message):
    if not condition:
        raise VarqError(message)


def align(value, alignment):
    return -(-value // alignment) * alignment


def text(data):
    try:
        return bytes(data).decode('utf-8')
    except UnicodeDecodeError as error:
        raise VarqError(f'{bytes(data)!r} is not UTF-8') from error


class Cursor:
    """Takes fields off the front of a section."""

    def __init__(self, data):
        self.data, self.position = data, 0

    def bytes(self, count):
        check(count <= len(self.data) - self.position, 'an entry is cut off')
        self.position += count
        return self.data[self.position - count:self.position]

    def numbers(self, layout):
        return struct.unpack('<' + layout, self.bytes(struct.calcsize('<' + layout)))

    def at_end(self):
        return self.position == len(self.data)


class Tensor:
    """An entry of the tensor table: name, format id, shape, offset, size, sha256."""

    def __init__(self, cursor):
        length, self.format, rank = cursor.numbers('HHI')
        check(1 <= length <= 512, 'a name must have 1 to 512 bytes')
        check(rank <= 8, 'a tensor has more than 8 dimensions')
        self.shape = cursor.numbers(f'{rank}Q')
        self.offset, self.size = cursor.numbers('QQ')
        self.sha256 = bytes(cursor.bytes(32))
        self.name = text(cursor.bytes(length))

    @property
    def count(self):
        return math.prod(self.shape)

    @property
    def columns(self):
        return math.prod(self.shape[1:])

    @property
    def format_name(self):
        return FORMAT_NAMES[self.format]

    def parts(self):
        """Where planes, block scales and row scales of a format of codes lie within the tensor."""
        _, planes, block = CODES[self.format]
        sizes = [self.count * bits // 8 for bits in planes] + [self.count // block, 2 * self.shape[0]]
        parts, end = [], 0
        for size in sizes:
            parts.append(slice(align(end, 64), align(end, 64) + size))
            end = parts[-1].stop
        return parts

    def check(self, end):
        """Checks the entry of a tensor that comes after `end`, and returns the tensor's own end."""
        check(self.format in FORMAT_NAMES, f'{self.name}: unknown format {self.format}')
        check(all(d >= 1 for d in self.shape), f'{self.name}: a dimension is 0')
        check(self.count <= MAX_ELEMENTS, f'{self.name}: too many elements')
        if self.format == Q8 or self.format in CODES:
            check(len(self.shape) >= 2 and self.columns % 32 == 0, f'{self.name}: no shape for {self.format_name}')
        if self.format == Q8:
            size = align(self.count, 64) + self.count // 16
        elif self.format in CODES:
            size = self.parts()[-1].stop
        else:
            size = self.count * (4 if self.format == F32 else 2)
        check(self.size == size, f'{self.name}: {self.size} bytes instead of {size}')
        offset = align(end, 4096 if size >= 65536 else 64)
        check(self.offset == offset, f'{self.name}: at {self.offset} instead of {offset}')
        return self.offset + self.size


class VarqFile:
    """An open file: `metadata` (dict), `tensors` (dict by name, in the order of the file)."""

    def __init__(self, path):
        self.data = np.memmap(path, np.uint8, 'r') if self._size(path) else np.zeros(0, np.uint8)
        self._read_header()
        self._read_metadata(self._section(96, self.metadata_size))
        self._read_table(self._section(96 + self.metadata_size, self.table_size))

    @staticmethod
    def _size(path):
        with open(path, 'rb') as file:
            return file.seek(0, 2)

    def _section(self, start, size):
        return memoryview(self.data)[start:start + size]

    def _read_header(self):
        head = bytes(self.data[:96])
        check(head[:8] == MAGIC, 'not a .varq file')
        check(len(head) == 96, 'the header is cut off')
        (_, major, self.minor, self.entry_count, self.tensor_count, _, size, self.metadata_size,
         self.table_size, _, checksum) = HEADER.unpack(head)
        check(major == 1, f'version {major}.{self.minor} is not 1.x')
        check(size == len(self.data), f'the file has {len(self.data)} bytes instead of {size}')
        for section in (self.metadata_size, self.table_size):
            check(section <= MAX_SECTION, 'a section is too large')
        for count in (self.entry_count, self.tensor_count):
            check(count <= MAX_ENTRIES, 'there are too many entries')
        self.data_start = 96 + self.metadata_size + self.table_size
        check(self.data_start <= size, 'the sections reach beyond the file')
        digest = hashlib.sha256(head[:64])
        digest.update(self._section(96, self.metadata_size + self.table_size))
        check(digest.digest() == checksum, "the header's checksum does not match")

    def _read_metadata(self, section):
        cursor, self.metadata, self._entries, previous = Cursor(section), {}, {}, b''
        for _ in range(self.entry_count):
            start = cursor.position
            length, kind, size = cursor.numbers('HHI')
            key = bytes(cursor.bytes(length))
            check(KEY.fullmatch(key.decode('latin-1')), f'{key!r} is no key')
            check(key > previous, f'the key {key!r} does not ascend')
            previous, value = key, self._value(kind, cursor.bytes(size), key)
            if value is not None:
                self.metadata[key.decode()] = value
                self._entries[key.decode()] = bytes(section[start:cursor.position])
        check(cursor.at_end(), 'the metadata has bytes that belong to no entry')
        guidance = self.metadata.get('sampling.guidance', 0.0)
        check(isinstance(guidance, float) and 0 <= guidance <= 1000, 'sampling.guidance is no strength of guidance')

    @staticmethod
    def _value(kind, data, key):
        """The value of an entry, None for an unknown type."""
        if kind == 4:
            return text(data)
        if kind == 7:
            cursor, texts = Cursor(data), []
            while not cursor.at_end():
                texts.append(text(cursor.bytes(cursor.numbers('I')[0])))
            return texts
        if kind == 3:
            check(len(data) == 1 and data[0] <= 1, f'{key!r} is no bool')
            return data[0] == 1
        if kind not in (1, 2, 5, 6):
            return None
        layout = 'd' if kind in (2, 6) else 'Q'
        is_list = kind in (5, 6)
        check(len(data) % 8 == 0 if is_list else len(data) == 8, f'{key!r} has a wrong length')
        values = list(struct.unpack(f'<{len(data) // 8}{layout}', data))
        check(all(math.isfinite(v) for v in values), f'{key!r} is not finite')
        return values if is_list else values[0]

    def _read_table(self, section):
        cursor, self.tensors, end = Cursor(section), {}, self.data_start
        for _ in range(self.tensor_count):
            tensor = Tensor(cursor)
            end = tensor.check(end)
            check(tensor.name not in self.tensors, f'there are two tensors {tensor.name}')
            self.tensors[tensor.name] = tensor
        check(cursor.at_end(), 'the table has bytes that belong to no entry')
        check(end == len(self.data), f'the last tensor ends at {end}, the file at {len(self.data)}')

    def weights_checksum(self):
        """SHA-256 of what decides the model's results, whatever its labels."""
        digest = hashlib.sha256()
        for key, entry in self._entries.items():
            if key == 'model.architecture' or key.startswith(('var.', 'vae.')):
                digest.update(entry)
        for tensor in self.tensors.values():
            shape = ' '.join(map(str, tensor.shape))
            digest.update(f'{tensor.name} {FORMAT_NAMES[tensor.format]} {shape}\n'.encode() + tensor.sha256)
        return digest.hexdigest()

    def _bytes(self, tensor):
        return self.data[tensor.offset:tensor.offset + tensor.size]

    def _quants_and_scales(self, tensor):
        """int8 [N, K] and float16 [N, K/32] of a q8 tensor."""
        data, count = self._bytes(tensor), tensor.count
        shape = tensor.shape[0], tensor.columns
        scales = data[align(count, 64):].view('<f2')
        return data[:count].view(np.int8).reshape(shape), scales.reshape(shape[0], shape[1] // 32)

    def _codes_and_scales(self, tensor):
        """uint8 [N, K], int8 [N, K/S] and float16 [N] of a format of codes."""
        data, parts = self._bytes(tensor), tensor.parts()
        rows, columns = tensor.shape[0], tensor.columns
        k = np.arange(32)
        quad, element = k // 4, k % 4
        codes, shift = np.zeros((tensor.count // 32, 32), np.uint8), 0
        for bits, part in zip(CODES[tensor.format][1], parts):
            groups = data[part].reshape(-1, 4 * bits)
            byte, place = 4 * (quad // (8 // bits)) + element, bits * (quad % (8 // bits))
            codes |= (groups[:, byte] >> place.astype(np.uint8) & (1 << bits) - 1) << shift
            shift += bits
        blocks = data[parts[-2]].view(np.int8).reshape(rows, -1)
        return codes.reshape(rows, columns), blocks, data[parts[-1]].view('<f2')

    def read(self, name):
        """A tensor dequantized to float32."""
        tensor = self.tensors[name]
        data = self._bytes(tensor)
        if tensor.format == F32:
            values = data.view('<f4')
        elif tensor.format == F16:
            values = data.view('<f2').astype(np.float32)
        elif tensor.format == BF16:
            values = (data.view('<u2').astype(np.uint32) << 16).view(np.float32)
        elif tensor.format in CODES:
            codes, blocks, rows = self._codes_and_scales(tensor)
            table, _, size = CODES[tensor.format]
            scales = blocks.astype(np.float32) * rows.astype(np.float32)[:, None]
            values = np.float32(table)[codes] * scales.repeat(size, axis=1)
        else:
            quants, scales = self._quants_and_scales(tensor)
            values = quants.astype(np.float32) * scales.astype(np.float32).repeat(32, axis=1)
        return np.ascontiguousarray(values).reshape(tensor.shape)

    def verify(self):
        """Checks the content of every tensor and the padding before it."""
        end = self.data_start
        for tensor in self.tensors.values():
            check(not self.data[end:tensor.offset].any(), f'{tensor.name}: the padding before it is not zero')
            end = tensor.offset + tensor.size
            digest = hashlib.sha256(self._bytes(tensor)).digest()
            check(digest == tensor.sha256, f'{tensor.name}: the checksum does not match')
            if tensor.format == Q8:
                self._verify_q8(tensor)
            elif tensor.format in CODES:
                self._verify_codes(tensor)
            else:
                check(np.isfinite(self.read(tensor.name)).all(), f'{tensor.name}: a value is not finite')

    def _verify_q8(self, tensor):
        quants, scales = self._quants_and_scales(tensor)
        gap = self._bytes(tensor)[tensor.count:align(tensor.count, 64)]
        check(not gap.any(), f'{tensor.name}: the padding before the scales is not zero')
        check((quants != -128).all(), f'{tensor.name}: a quant is -128')
        sound = np.isfinite(scales) & ~np.signbit(scales)
        check(sound.all(), f'{tensor.name}: a scale is negative or not finite')
        used = (quants.reshape(*scales.shape, 32) != 0).any(-1)
        check(not (used & (scales == 0)).any(), f'{tensor.name}: a quant is not 0 although its scale is')

    def _verify_codes(self, tensor):
        parts, data = tensor.parts(), self._bytes(tensor)
        for part, following in zip(parts, parts[1:]):
            check(not data[part.stop:following.start].any(), f'{tensor.name}: the padding after a part is not zero')
        codes, blocks, rows = self._codes_and_scales(tensor)
        table, _, size = CODES[tensor.format]
        check((blocks != -128).all(), f'{tensor.name}: a block scale is -128')
        check((np.isfinite(rows) & ~np.signbit(rows)).all(), f'{tensor.name}: a row scale is negative or not finite')
        check(not blocks[rows == 0].any(), f'{tensor.name}: a block scale is not 0 although its row\'s is')
        unused = codes.reshape(*blocks.shape, size)[blocks == 0]
        check((unused == len(table) // 2).all(), f'{tensor.name}: a code in a block whose scale is 0')


def main():
    parser = argparse.ArgumentParser(description='Reads .varq files.')
    commands = parser.add_subparsers(dest='command', required=True)
    for name, description in (('list', 'print metadata and tensors'), ('verify', 'check everything'),
                              ('dump', 'write all tensors, dequantized, to an .npz')):
        command = commands.add_parser(name, help=description)
        command.add_argument('file')
        if name == 'dump':
            command.add_argument('output')
    arguments = parser.parse_args()
    try:
        file = VarqFile(arguments.file)
        if arguments.command == 'list':
            for key, value in file.metadata.items():
                print(f'{key}: {value}')
            for tensor in file.tensors.values():
                print(f'{tensor.format_name:5} {tensor.size:>12} {tensor.name} {list(tensor.shape)}')
        elif arguments.command == 'verify':
            file.verify()
            print(f'{arguments.file}: {len(file.tensors)} tensors are sound')
        else:
            np.savez(arguments.output, **{name: file.read(name) for name in file.tensors})
    except (VarqError, OSError) as error:
        print(f'error: {arguments.file}: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
