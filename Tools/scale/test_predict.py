"""The model's formulas against numbers worked out by hand: `python3 -m unittest discover Tools/scale`."""

import argparse
import contextlib
import dataclasses
import io
import unittest
from pathlib import Path
from unittest import mock

import predict
from predict import Layout, Link, Machine, Model

FREE = Link(float("inf"), 0.0)


def sent(name, layout, model=Model()):
    return {each.name: each.sent for each in predict.exchanges(model, layout)}[name]


def published():
    """The machine of the published figures, calibrated."""
    text, seconds = predict.Published.CALIBRATION
    return predict.calibrated(Model(), Machine(), predict.layout(text), seconds)


class LayoutTests(unittest.TestCase):
    def test_a_layout_is_read_and_written(self):
        for text in ("cfg=2,tp=3,ring=5,ulysses=4", "cfg=2,mesh=3x2,ulysses=4", "tp=2"):
            self.assertEqual(str(predict.layout(text)), text)
        self.assertEqual(predict.layout("cfg=2,mesh=3x3,ulysses=4").count, 72)
        self.assertEqual(str(Layout()), "one device")

    def test_what_is_no_layout_is_refused(self):
        for text in ("", "cfg", "cfg=", "cfg=two", "size=2", "cfg=2,cfg=2", "mesh=3", "ring=2x2", "cfg=-1", "cfg=2,"):
            with self.assertRaises(argparse.ArgumentTypeError, msg=text):
                predict.layout(text)

    def test_layouts_that_do_not_go_together_are_refused(self):
        for text in ("ulysses=3", "tp=4,ulysses=4", "ring=2,mesh=2x1", "cfg=3", "ulysses=0"):
            self.assertEqual(len(predict.layout(text).problems(40, 2)), 1, text)
            with self.assertRaises(ValueError):
                predict.denoising(Model(), Machine(), predict.layout(text))
        self.assertEqual(predict.layout("cfg=2,tp=2,ring=3,ulysses=4").problems(40, 2), [])
        self.assertEqual(len(predict.layout("cfg=2").problems(24, 1)), 1)

    def test_every_number_of_devices_has_layouts_of_that_many(self):
        for count in range(1, 73):
            found = predict.layouts(Model(), count)
            self.assertTrue(found, count)
            self.assertEqual({each.count for each in found}, {count})
            self.assertEqual(len(set(found)), len(found))
        names = {str(each) for each in predict.layouts(Model(), 4)}
        self.assertEqual(
            names, {"cfg=2,tp=2", "cfg=2,ring=2", "cfg=2,mesh=2x1", "cfg=2,mesh=1x2", "cfg=2,ulysses=2", "tp=4",
                    "tp=2,ulysses=2", "ulysses=4", "tp=2,ring=2", "ring=2,ulysses=2", "tp=2,mesh=2x1", "tp=2,mesh=1x2",
                    "mesh=2x1,ulysses=2", "mesh=1x2,ulysses=2", "ring=4", "mesh=4x1", "mesh=2x2", "mesh=1x4"})  # fmt: skip


class ExchangeTests(unittest.TestCase):
    def test_ulysses_sends_queries_keys_values_and_results_to_the_others(self):
        for ranks, megabytes in ((2, 774), (4, 581), (8, 339)):
            self.assertAlmostEqual(sent("ulysses", Layout(ulysses=ranks)) / 1e6, megabytes, delta=0.6)
        flux = Model(width=3072, heads=24, tokens=4608)
        for ranks, megabytes in ((2, 28.3), (4, 21.2), (8, 12.4)):
            self.assertAlmostEqual(sent("ulysses", Layout(ulysses=ranks), flux) / 1e6, megabytes, delta=0.05)

    def test_a_ring_sends_keys_and_values_to_all_others_in_turn(self):
        own = 75600 / 3 / 4 * 5120 * 2
        self.assertEqual(sent("ring", Layout(ring=3, ulysses=4)), 2 * own * 2)

    def test_a_mesh_gathers_along_its_sides(self):
        own = 75600 / 6 * 5120 * 2
        layout = Layout(mesh=(3, 2))
        self.assertEqual(sent("mesh keys", layout), 2 * own * 2)
        self.assertEqual(sent("mesh queries", layout), own)
        self.assertEqual(sent("mesh results", layout), 2 * own)
        self.assertEqual(sent("mesh keys", Layout(mesh=(1, 6))), 0)
        self.assertEqual(sent("mesh results", Layout(mesh=(6, 1))), 0)

    def test_tensor_parallelism_sums_whole_tokens(self):
        whole = 75600 * 5120 * 2
        for ranks, factor in ((2, 1), (4, 1.5)):
            self.assertEqual(sent("tensor sums", Layout(tp=ranks)), 3 * whole * factor)
            self.assertEqual(sent("tensor norms", Layout(tp=ranks)), 3 * 75600 * 4 * factor)

    def test_a_group_of_one_exchanges_nothing(self):
        machine = dataclasses.replace(Machine(), packing=1e-9)
        self.assertTrue(all(each.seconds(machine, 1) == 0 for each in predict.exchanges(Model(), Layout())))

    def test_the_slow_link_is_taken_where_a_group_does_not_fit_a_host(self):
        machine = Machine(host=8, inside=FREE, between=Link(1e9, 0))
        for size, stride, count, seconds in ((8, 1, 64, 0), (4, 2, 64, 0), (2, 8, 16, 1), (5, 1, 10, 1), (5, 1, 5, 0)):
            exchange = predict.Exchange("any", 1e9, 0, 1, size, stride)
            self.assertEqual(exchange.seconds(machine, count), seconds, (size, stride, count))

    def test_a_call_is_hidden_as_far_as_there_is_computing_beside_it(self):
        machine = Machine(inside=Link(1e9, 1))
        for cover, seconds in ((0, 4), (1.5, 1), (3, 0)):
            self.assertEqual(predict.Exchange("any", 2e9, 0, 2, 2, 1, cover).seconds(machine, 2), seconds)


class TimeTests(unittest.TestCase):
    def test_without_a_cost_of_exchanges_devices_divide_the_time(self):
        free = Machine(inside=FREE, between=FREE)
        for text in ("cfg=2", "ulysses=4", "cfg=2,mesh=3x3,ulysses=4", "ring=5,ulysses=8"):
            layout = predict.layout(text)
            self.assertAlmostEqual(predict.denoising(Model(), free, layout), free.single / layout.count)
        self.assertAlmostEqual(predict.denoising(Model(), free, Layout()), free.single)

    def test_norms_are_not_divided_by_tensor_parallelism(self):
        free = Machine(single=100, products=0.5, attention=0.3, inside=FREE)
        self.assertAlmostEqual(predict.denoising(Model(), free, Layout(tp=4)), 80 / 4 + 20)

    def test_the_rank_with_the_most_tokens_is_waited_for(self):
        free = Machine(single=100, inside=FREE)
        self.assertAlmostEqual(predict.denoising(Model(tokens=10), free, Layout(ring=3)), 40)

    def test_a_third_branch_of_guidance_keeps_one_of_two_groups_busy_twice(self):
        free = Machine(single=90, inside=FREE)
        self.assertAlmostEqual(predict.denoising(Model(branches=3), free, Layout(cfg=2)), 60)

    def test_parts_are_of_a_whole_request(self):
        parts = predict.parts(Model(latents=1000), Machine(inside=Link(1e6, 0)), Layout(cfg=2))
        self.assertAlmostEqual(parts["guidance"], 40 * 4000 / 1e6)


class PublishedTests(unittest.TestCase):
    def test_the_calibrated_row_is_met(self):
        text, seconds = predict.Published.CALIBRATION
        self.assertAlmostEqual(predict.denoising(Model(), published(), predict.layout(text)), seconds)
        self.assertGreater(published().packing, 0)

    def test_rows_that_were_not_calibrated_are_near(self):
        rows = predict.Published.ROWS + predict.Published.ASSUMED
        self.assertEqual(len(rows), 7)
        for devices, text, seconds in rows:
            layout = predict.layout(text)
            self.assertEqual(layout.count, devices)
            self.assertLess(abs(predict.denoising(Model(), published(), layout) / seconds - 1), 0.1, text)

    def test_the_blogs_72_devices_are_near(self):
        devices, text, seconds = predict.Published.BLOG
        layout = predict.layout(text)
        self.assertEqual(layout.count, devices)
        blog = dataclasses.replace(published(), single=predict.Published.BLOG_SINGLE)
        self.assertLess(abs(predict.denoising(predict.Published.BLOG_MODEL, blog, layout) / seconds - 1), 0.15)

    def test_decoding_meets_the_two_figures_it_was_made_from(self):
        for devices in (1, 2):
            self.assertAlmostEqual(predict.decoding(devices), predict.Published.DECODING[devices])
        for devices, seconds in predict.Published.DECODING.items():
            self.assertLess(abs(predict.decoding(devices) / seconds - 1), 0.2)


class CommandTests(unittest.TestCase):
    def run_command(self, *words):
        output, errors = io.StringIO(), io.StringIO()
        with mock.patch("sys.argv", ["predict.py", *words]), contextlib.redirect_stdout(output):
            with contextlib.redirect_stderr(errors):
                try:
                    predict.main()
                except SystemExit as ending:
                    return ending.code, errors.getvalue()
        return 0, output.getvalue()

    def test_the_comparison_has_every_published_figure(self):
        status, text = self.run_command()
        self.assertEqual(status, 0)
        figures = [row[2] for row in predict.Published.ROWS + predict.Published.ASSUMED]
        for figure in [348.40, *figures, 370.8, 7.04, 9.20, *predict.Published.DECODING.values()]:
            self.assertIn(f"| {figure:.2f} |", text)

    def test_the_document_has_what_is_printed(self):
        document = Path(__file__).parents[2].joinpath("docs/scale.md").read_text()
        lines = [line.strip("| ").split(" | ") for line in document.splitlines()]
        rows = [line.strip("| ").split(" | ") for line in self.run_command()[1].splitlines() if line.startswith("| ")]
        self.assertEqual(len(rows), 18)
        for row in rows[2:]:
            figures = [row[0], *row[2:4], row[4].replace("%", " %").replace("-", "−"), *row[5:]]
            self.assertIn(figures, [[line[0], *line[2:]] for line in lines])

    def test_layouts_are_told_apart_and_ranked(self):
        status, text = self.run_command("cfg=2,ulysses=4", "ring=2", "--devices", "8", "--host", "8")
        self.assertEqual(status, 0)
        self.assertIn("| cfg=2,ulysses=4, 8 devices |", text)
        self.assertIn("| ring=2, 2 devices |", text)
        self.assertIn("| layout | s | times one device | of ideal |", text)

    def test_what_cannot_be_is_refused_by_name(self):
        for words, reason in (
            (["ulysses=3"], "tp × ulysses = 3 does not divide 40 heads"),
            (["mesh=3"], "mesh=3 has no size RxC"),
            (["--devices", "73"], "devices is 73; it must be from 1 to 72"),
            (["ring=2", "--steps", "0"], "0 is not a whole number above 0"),
            (["ring=2", "--single", "nan"], "nan is not a number above 0"),
            (["ring=2", "--attention", "0.9"], "products and attention are shares of one step"),
        ):
            status, text = self.run_command(*words)
            self.assertEqual(status, 2)
            self.assertIn(reason, text)


if __name__ == "__main__":
    unittest.main()
