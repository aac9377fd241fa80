"""Tests tools/varq.py, the reader written from the format's text, against that text and against var-convert.

usage: test_varq.py [--binaries FOLDER]    (of the built programs; the checkpoints are Tests/Fixtures/models)
"""
import hashlib
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import varq

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = ROOT / 'Tests' / 'Fixtures' / 'models'
FORMATS = ('f32', 'f16', 'bf16', 'q8', 'q6', 'q5', 'q4', 'q3', 'mix4.25')
VAR_CONVERT = ROOT / '.build' / 'release' / 'var-convert'


def example():
    """The bytes of the example in the format's text."""
    text = (ROOT / 'formats' / 'varq-v1.md').read_text()
    lines = re.search(r'```hexdump\n(.*?)```', text, re.S).group(1).splitlines()
    data, star = bytearray(), False
    for line in lines:
        if line == '*':
            star = True
            continue
        offset = int(line[:8], 16)
        if star:
            data.extend(bytes(offset - len(data)))
        star = False
        assert offset == len(data)
        data.extend(bytes.fromhex(line[9:58]))
    return bytes(data)


def code_examples():
    """The bytes of the examples of codes, plane by plane and scales, by the name of the format."""
    text = (ROOT / 'formats' / 'varq-v1.md').read_text()
    block = re.search(r'```codes\n(.*?)```', text, re.S).group(1)
    return {name: [bytes.fromhex(line) for line in lines.split('\n') if line.strip()]
            for name, lines in re.findall(r'(q\d): (.*?)(?=\nq|\Z)', block, re.S)}


def convert(*arguments):
    subprocess.run([VAR_CONVERT, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def read_safetensors(path):
    """The f32 tensors of a safetensors file."""
    data = path.read_bytes()
    length = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop('__metadata__', None)
    return {name: np.frombuffer(data[8 + length:][slice(*entry['data_offsets'])], '<f4').reshape(entry['shape'])
            for name, entry in header.items() if entry['dtype'] == 'F32'}


class ExampleTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name) / 'example.varq'
        self.data = bytearray(example())

    def tearDown(self):
        self.folder.cleanup()

    def open(self, sign=False):
        if sign:
            end = 96 + sum(struct.unpack('<QQ', self.data[32:48]))
            self.data[64:96] = hashlib.sha256(self.data[:64] + self.data[96:end]).digest()
        self.path.write_bytes(self.data)
        return varq.VarqFile(self.path)

    def test_content(self):
        file = self.open()
        file.verify()
        self.assertEqual(file.metadata, {'convert.recipe': 'q8', 'model.architecture': 'var'})
        self.assertEqual(list(file.tensors), ['b', 'w'])
        np.testing.assert_array_equal(file.read('b'), np.float32([1, -2, 0.5]))
        row = (8 * np.arange(32, dtype=np.float32) - 127) / 4
        np.testing.assert_array_equal(file.read('w'), np.stack([row, np.zeros(32, np.float32)]))

    def test_every_changed_byte_is_found(self):
        sound = bytes(self.data)
        for offset in range(len(sound)):
            self.data = bytearray(sound)
            self.data[offset] ^= 0x41
            with self.assertRaises(varq.VarqError, msg=f'byte {offset}'):
                self.open().verify()

    def test_every_truncation_is_found(self):
        sound = bytes(self.data)
        for length in range(len(sound)):
            self.data = bytearray(sound[:length])
            with self.assertRaises(varq.VarqError, msg=f'{length} bytes'):
                self.open()

    def test_lies_under_a_right_checksum(self):
        for offset, value, message in ((8, 2, 'version'), (0x97, 99, 'unknown format 99'), (0x9d, 4, 'bytes'),
                                       (0xa5, 0x80, 'instead of 320'), (0x11e, 0x62, 'two tensors'),
                                       (0x68, 0x7a, 'ascend'), (12, 1, 'no entry'), (24, 0xc3, 'instead of 451')):
            self.data = bytearray(example())
            self.data[offset] = value
            with self.assertRaisesRegex(varq.VarqError, message):
                self.open(sign=True)

    def test_newer_minor_version(self):
        self.data[10], self.data[0x62], self.data[20] = 7, 200, 1
        self.assertEqual(self.open(sign=True).metadata, {'model.architecture': 'var'})


    def test_the_checksum_of_the_weights(self):
        with tempfile.TemporaryDirectory() as name:
            paths = [pathlib.Path(name) / part for part in ('a.varq', 'b.varq', 'c.varq')]
            halves = ['--var', MODELS / 'plain' / 'var.pth', '--vae', MODELS / 'plain' / 'vae.pth']
            convert('convert', *halves, '--output', paths[0], '--default-cfg', '2.5')
            convert('annotate', paths[0], '--meta', 'name=x', '--output', paths[1])
            convert('convert', *halves, '--output', paths[2], '--tensor-type', 'head.weight=f16')
            sums = [varq.VarqFile(path).weights_checksum() for path in paths]
            told = [json.loads(subprocess.run([VAR_CONVERT, 'inspect', path, '--json'], check=True, capture_output=True).stdout)
                    ['weights_sha256'] for path in paths]
            self.assertEqual(sums, told)
            self.assertEqual(sums[0], sums[1])
            self.assertNotEqual(sums[0], sums[2])

    def test_a_default_guidance(self):
        with tempfile.TemporaryDirectory() as name:
            path = pathlib.Path(name) / 'model.varq'
            convert('convert', '--var', MODELS / 'plain' / 'var.pth', '--vae', MODELS / 'plain' / 'vae.pth',
                    '--output', path, '--default-cfg', '2.5')
            self.assertEqual(varq.VarqFile(path).metadata['sampling.guidance'], 2.5)
            # A wrong one under a right checksum.
            self.data = bytearray(path.read_bytes())
            place = self.data.index(b'sampling.guidance') + len('sampling.guidance')
            self.data[place:place + 8] = struct.pack('<d', -1)
            size = struct.unpack_from('<QQ', self.data, 32)
            digest = hashlib.sha256(self.data[:64] + self.data[96:96 + sum(size)]).digest()
            self.data[64:96] = digest
            path.write_bytes(self.data)
            with self.assertRaisesRegex(varq.VarqError, 'sampling.guidance'):
                varq.VarqFile(path)


class CodeTests(unittest.TestCase):
    """The tables and places of codes, against the text."""

    def test_tables(self):
        text = (ROOT / 'formats' / 'varq-v1.md').read_text().replace('−', '-')
        for kind in (varq.Q3, varq.Q4, varq.Q5):
            row = re.search(rf'\| `{varq.FORMAT_NAMES[kind]}` \| (-127 [-\d ]*) \|', text).group(1)
            self.assertEqual([int(v) for v in row.split()], varq.CODES[kind][0])

    def test_places(self):
        examples = code_examples()
        for kind, (table, planes, size) in varq.CODES.items():
            name = varq.FORMAT_NAMES[kind]
            tensor = object.__new__(varq.Tensor)
            tensor.name, tensor.format, tensor.shape, tensor.offset = name, kind, (1, 32), 0
            tensor.size = tensor.parts()[-1].stop
            file = object.__new__(varq.VarqFile)
            file.data, file.tensors = np.zeros(tensor.size, np.uint8), {name: tensor}
            for part, data in zip(tensor.parts(), examples[name], strict=True):
                file.data[part] = np.frombuffer(data, np.uint8)
            scales = np.float32([-2, 3] if name == 'q3' else [-2]).repeat(size) / 4
            expected = [table[(5 * k + 3) % len(table)] * scales[k] for k in range(32)]
            np.testing.assert_array_equal(file.read(name), np.float32([expected]))


class ExportTests(unittest.TestCase):
    """Every tensor, dequantized here and by `var-convert export`, bit for bit."""

    def check(self, model, kind):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            convert('convert', '--var', MODELS / model / 'var.pth', '--vae', MODELS / model / 'vae.pth',
                    '--output', folder / 'model.varq', '--type', kind)
            convert('export', folder / 'model.varq', '--output', folder / 'export')
            file = varq.VarqFile(folder / 'model.varq')
            file.verify()
            exports = {half: read_safetensors(folder / 'export' / f'{half}.safetensors') for half in ('var', 'vae')}
            for full_name in file.tensors:
                half, name = full_name.split('.', 1)
                ours, theirs = file.read(full_name), exports[half][name]
                if half == 'vae' and ours.ndim == 4:
                    ours = np.ascontiguousarray(ours.transpose(0, 3, 1, 2))
                self.assertEqual(ours.shape, theirs.shape, full_name)
                self.assertTrue(np.array_equal(ours.view(np.uint32), theirs.view(np.uint32)), full_name)

    def test_models_and_formats(self):
        for model in ('per-block', 'shared', 'plain'):
            for kind in FORMATS:
                with self.subTest(model=model, kind=kind):
                    self.check(model, kind)


if __name__ == '__main__':
    if len(sys.argv) > 2 and sys.argv[1] == '--binaries':
        VAR_CONVERT = pathlib.Path(sys.argv[2]).resolve() / 'var-convert'
        del sys.argv[1:3]
    unittest.main()
