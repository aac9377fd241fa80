"""vartorch against the committed goldens, and the pieces that goldens don't pin down.

    python3 tools/test_vartorch.py

The proof that vartorch computes what the official code computes is compare_goldens.py on outputs of that code (see
`dump_reference.py --official`); these goldens are vartorch's own and keep it from changing.
"""
import json
import os
import sys
import unittest

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_goldens  # noqa: E402
from fixtures import readers  # noqa: E402
from vartorch import fashion  # noqa: E402
from vartorch.cuda_random import CUDAGenerator, philox  # noqa: E402
from vartorch.checkpoint import build_vae, load_pair, load_state_dict  # noqa: E402
from vartorch.muon import orthogonalize  # noqa: E402
from vartorch.sampling import box_mask, filter_logits, keep_masks  # noqa: E402
from vartorch.vqvae import phi_index  # noqa: E402

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'Tests', 'Fixtures')


class Goldens(unittest.TestCase):
    def check(self, name):
        var, vae = load_pair(f'{FIXTURES}/models/{name}/var.pth', f'{FIXTURES}/models/{name}/vae.pth')
        folder, seen = f'{FIXTURES}/goldens/{name}', 0
        for file in sorted(os.listdir(folder)):
            if file.endswith('.json') and not file.startswith('labels'):
                problems = compare_goldens.compare(folder, file[:-5], var, vae, f'{FIXTURES}/images')
                self.assertEqual(problems, [], f'{name}/{file}')
                seen += 1
        self.assertEqual(seen, 17)

    def test_per_block(self):
        self.check('per-block')

    def test_shared(self):
        self.check('shared')

    def test_plain(self):
        self.check('plain')


class Containers(unittest.TestCase):
    def test_all_hold_the_same_pair(self):
        folder = f'{FIXTURES}/models/plain'
        for part, files in (('var', ('var-legacy.pth', 'ar-ckpt-last.pth')), ('vae', ('vae.safetensors', 'ar-ckpt-last.pth'))):
            expected = load_state_dict(f'{folder}/{part}.pth', part)
            for file in files:
                state = load_state_dict(f'{folder}/{file}', part)
                self.assertEqual(sorted(state), sorted(expected))
                for key, value in expected.items():
                    self.assertTrue(torch.equal(state[key], value), f'{file}: {key}')

    def test_listings(self):
        with open(f'{FIXTURES}/readers/expected.json') as f:
            expected = json.load(f)
        state = torch.load(f'{FIXTURES}/readers/views.pt', weights_only=True)
        self.assertEqual(readers.listing(state, 'pytorch-zip'), expected['views.pt'])

    def test_strict_loading_names_a_missing_tensor(self):
        state = load_state_dict(f'{FIXTURES}/models/plain/vae.pth', 'vae')
        del state['decoder.norm_out.bias']
        with self.assertRaisesRegex(RuntimeError, 'decoder.norm_out.bias'):
            build_vae(state, (1, 2, 4))


class CUDARandom(unittest.TestCase):
    """Published numbers: Random123's test vector, what PyTorch printed on GPUs."""

    def test_philox(self):
        self.assertEqual([f'{word:08x}' for word in philox([0, 0, 0, 0], (0, 0))], ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8'])

    def test_uniform(self):
        self.assertEqual([f'{u:.4f}' for u in CUDAGenerator(0, 'cuda:a100').uniform(4)], ['0.3990', '0.5167', '0.0249', '0.9401'])

    def test_the_offset_goes_on(self):
        both, alone = CUDAGenerator(7, 'cuda:1x256'), CUDAGenerator(7, 'cuda:1x256')
        both.exponential(1025)  # a loop more than 1024 numbers
        alone.offset = 8
        self.assertEqual(both.exponential(3).tolist(), alone.exponential(3).tolist())


class Pieces(unittest.TestCase):
    def test_phi_index(self):
        self.assertEqual([phi_index(k, 10, 4) for k in range(10)], [0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
        self.assertEqual([phi_index(k, 7, 4) for k in range(7)], [0, 0, 1, 2, 2, 3, 3])

    def test_filters_keep_ties_and_the_largest(self):
        logits = torch.tensor([1.0, 3.0, 3.0, 0.0, 2.0])
        self.assertEqual(filter_logits(logits, top_k=1).isfinite().tolist(), [False, True, True, False, False])
        self.assertEqual(filter_logits(logits, top_p=1e-6).isfinite().sum().item(), 1)

    def test_masks(self):
        mask = box_mask((0.25, 0.25, 0.75, 0.75), 4, inside=0)
        masks = keep_masks(mask, (1, 2, 4))
        self.assertTrue(masks[0].all())
        self.assertEqual(masks[2][0, 0].sum().item(), 12)

    def test_orthogonalize(self):
        x = orthogonalize(torch.randn(24, 64, generator=torch.Generator().manual_seed(0)))
        values = torch.linalg.svdvals(x)
        self.assertTrue(((values > 0.6) & (values < 1.3)).all(), values)

    def test_classes(self):
        self.assertEqual(len(set(fashion.CLASS_NAMES)), 60)
        self.assertEqual(fashion.CLASS_NAMES[37], 'blue sneaker')
        counts = fashion.test_colours().bincount()
        self.assertTrue((counts > 1600).all())


if __name__ == '__main__':
    unittest.main()
