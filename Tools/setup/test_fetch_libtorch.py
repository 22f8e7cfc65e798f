"""Set-up with wheels of a few bytes, in a cache folder of its own: `python3 -m unittest discover Tools/setup`."""

import contextlib
import hashlib
import io
import multiprocessing
import os
import subprocess
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import fetch_libtorch

CPU = {"torch/lib/libtorch_cpu.so": b"cpu", "torch/include/torch.h": b"header", "torch/lib/libtorch_python.so": b"none"}
CUDA = {"torch/lib/libtorch_cuda.so": b"cuda", "nvidia/cu13/bin/nvcc": b"compiler"}


class SetupTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.cache = Path(folder.name) / "visualgen"
        self.cpu, self.cuda = self.cache / "libtorch-2.11.0", self.cache / "libtorch-2.11.0-cuda"
        self.wheels = Path(folder.name) / "wheels"
        self.wheels.mkdir()
        self.pin("1")

    def pin(self, version):
        """Makes wheels of a version, and pins them as the real ones are."""
        members = {name: content + version.encode() for name, content in CPU.items()}
        torch = self.wheel(f"torch-{version}.whl", members | {"torch/lib/libtorch_cuda.so": b"cuda" + version.encode()})
        compiler = self.wheel(f"nvcc-{version}.whl", CUDA)
        pinned = {
            "cpu": [(*torch, fetch_libtorch.is_torch)],
            "cuda": [(*torch, fetch_libtorch.is_torch_cuda), (*compiler, fetch_libtorch.is_compiler)],
        }
        patch = mock.patch.object(fetch_libtorch, "WHEELS", pinned)
        patch.start()
        self.addCleanup(patch.stop)

    def wheel(self, name, members):
        path = self.wheels / name
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return name, "1", name, hashlib.sha256(path.read_bytes()).hexdigest()

    def run_setup(self, folder, device):
        """Runs set-up without a network: a download is a copy. Returns how many there were."""

        def copied(downloads, name, *_):
            (downloads / name).write_bytes((self.wheels / name).read_bytes())
            return downloads / name

        arguments = mock.patch("sys.argv", ["fetch_libtorch.py", str(folder), device])
        with arguments, mock.patch.object(fetch_libtorch, "fetch", side_effect=copied) as fetch:
            with contextlib.redirect_stdout(io.StringIO()):
                fetch_libtorch.main()
            return fetch.call_count

    def contents(self, folder):
        return {
            str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_ino)
            for path in folder.rglob("*")
            if path.is_file()
        }

    def test_the_gpus_folder_leaves_the_cpus_as_it_is(self):
        self.assertEqual(self.run_setup(self.cpu, "cpu"), 1)
        before = self.contents(self.cpu)
        self.assertEqual(set(before), {"STAMP", "include/torch.h", "lib/libtorch_cpu.so"})
        self.assertEqual(self.run_setup(self.cuda, "cuda"), 2)
        self.assertEqual(self.contents(self.cpu), before)
        self.assertIn("bin/nvcc", self.contents(self.cuda))
        self.assertEqual(self.run_setup(self.cpu, "cpu") + self.run_setup(self.cuda, "cuda"), 0)
        self.assertEqual(
            sorted(path.name for path in self.cache.iterdir()), [".libtorch.lock", self.cpu.name, self.cuda.name])

    def test_a_folder_of_the_old_layout_is_taken_over_and_kept(self):
        self.run_setup(self.cpu, "cuda")
        before = self.contents(self.cpu)
        self.assertEqual(self.run_setup(self.cuda, "cuda"), 0)
        self.assertEqual(self.contents(self.cpu), before)
        self.assertEqual(self.contents(self.cuda), before, "the same files by another name, not copies")
        self.assertEqual(self.run_setup(self.cpu, "cpu"), 0)

    def test_programs_never_miss_a_file_while_their_folder_is_replaced(self):
        self.run_setup(self.cpu, "cpu")
        library = self.cpu / "lib/libtorch_cpu.so"
        missed, seen, stop = [], set(), threading.Event()

        def look():
            while not stop.is_set():
                try:
                    seen.add(library.read_bytes())
                except OSError as error:
                    missed.append(error)

        watcher = threading.Thread(target=look)
        watcher.start()
        for version in range(2, 40):
            self.pin(str(version))
            self.run_setup(self.cpu, "cpu")
        stop.set()
        watcher.join()
        self.assertEqual(missed, [])
        self.assertTrue(seen)
        self.assertEqual(library.read_bytes(), b"cpu39")

    def test_an_interrupted_set_up_leaves_what_was_there(self):
        self.run_setup(self.cpu, "cpu")
        before = self.contents(self.cpu)
        self.pin("2")
        with mock.patch.object(fetch_libtorch, "unpack", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.run_setup(self.cpu, "cpu")
        self.assertEqual(self.contents(self.cpu), before)
        self.run_setup(self.cpu, "cpu")
        self.assertEqual((self.cpu / "lib/libtorch_cpu.so").read_bytes(), b"cpu2")

    def test_of_two_set_ups_one_works(self):
        context = multiprocessing.get_context("fork")
        counts = context.SimpleQueue()
        with contextlib.redirect_stderr(io.StringIO()):
            setups = [
                context.Process(target=lambda: counts.put(self.run_setup(self.cpu, "cpu"))) for _ in range(4)]
            for setup in setups:
                setup.start()
            for setup in setups:
                setup.join()
        self.assertEqual([setup.exitcode for setup in setups], [0] * 4)
        self.assertEqual(sorted(counts.get() for _ in setups), [0, 0, 0, 1])

    def test_a_file_system_that_cannot_exchange_takes_two_steps(self):
        self.run_setup(self.cpu, "cpu")
        self.pin("2")
        library = mock.Mock()
        library.renameat2.return_value = -1
        with mock.patch("ctypes.CDLL", return_value=library), mock.patch("ctypes.get_errno", return_value=22):
            self.run_setup(self.cpu, "cpu")
        self.assertEqual((self.cpu / "lib/libtorch_cpu.so").read_bytes(), b"cpu2")
        self.assertEqual(sorted(path.name for path in self.cache.iterdir()), [".libtorch.lock", self.cpu.name])


class FolderTests(unittest.TestCase):
    """Scripts and the package agree on where LibTorch is."""

    def folder(self, **variables):
        script = Path(__file__).with_name("libtorch.sh")
        environment = {"PATH": os.environ["PATH"], "HOME": "/home/user"} | variables
        return subprocess.run([script], env=environment, capture_output=True, text=True, check=True).stdout.strip()

    def test_each_device_has_its_own(self):
        folder = "/home/user/.cache/visualgen/libtorch-2.11.0"
        self.assertEqual(self.folder(), folder)
        self.assertEqual(self.folder(VISUALGEN_DEVICE="cpu"), folder)
        self.assertEqual(self.folder(VISUALGEN_DEVICE="cuda"), f"{folder}-cuda")
        self.assertEqual(self.folder(XDG_CACHE_HOME="/c"), "/c/visualgen/libtorch-2.11.0")
        self.assertEqual(self.folder(VISUALGEN_DEVICE="cuda", TORCH_HOME="/torch"), "/torch")


if __name__ == "__main__":
    unittest.main()
