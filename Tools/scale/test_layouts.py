"""The layouts that are tried, and how what they make is held against one process."""

import array
import json
import struct
import tempfile
import unittest
from pathlib import Path

import layouts


def numbers(*values):
    return array.array("f", values)


class LayoutsTests(unittest.TestCase):
    def test_every_layout_is_tried_once(self):
        tried = [json.dumps(layout) for layout in layouts.layouts()]
        self.assertEqual(len(tried), len(set(tried)))
        for layout in ({}, {"ring_size": 3, "parallel_vae_size": 3}, {"cfg_size": 2, "tp_size": 2, "parallel_vae_size": 4},
                       {"attn2d_size": [2, 2], "ulysses_size": 2, "parallel_vae_size": 8}):  # fmt: skip
            self.assertIn(json.dumps(layout), tried)

    def test_ranks_are_the_product(self):
        self.assertEqual(layouts.ranks({}), 1)
        self.assertEqual(layouts.ranks({"cfg_size": 2, "attn2d_size": [3, 1], "ulysses_size": 4, "parallel_vae_size": 2}), 24)

    def test_distances_are_relative_to_each_tensor(self):
        expected = {"a": numbers(0.5, -0.25), "b": numbers(100, 1)}
        self.assertEqual(layouts.distance(expected, expected), 0)
        self.assertAlmostEqual(layouts.distance({"a": numbers(0.5, 0), "b": numbers(100, 1)}, expected), 0.25)
        self.assertAlmostEqual(layouts.distance({"a": numbers(0.5, -0.25), "b": numbers(100, 2)}, expected), 0.01)
        for wrong in ({"a": numbers(0.5, -0.25)}, {"a": numbers(0.5), "b": numbers(100, 1)},
                      {"a": numbers(0.5, float("nan")), "b": numbers(100, 1)}):  # fmt: skip
            self.assertEqual(layouts.distance(wrong, expected), float("inf"))

    def test_tensors_are_read(self):
        header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
                             "b": {"dtype": "I32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {}})  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "t"
            path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + struct.pack("<iff", 7, 1.5, -2))
            self.assertEqual(layouts.read(path), {"a": numbers(1.5, -2)})


if __name__ == "__main__":
    unittest.main()
