"""Make the whole demo checkpoint from nothing: tokenizers, autoencoder, text encoders and transformer.

    python Tools/demo/train.py --device cuda --minutes 24 --output DIR

The committed weights come from one NVIDIA H100 (PyTorch 2.11, CUDA graphs), in three parts: this command (12243 steps of
the autoencoder, 4348 of reading, 43135 of flow matching at 23 ms each); ``--resume`` on its result with ``--peak-rate
5e-4``, 40600 steps, the rest of which was lost with the machine; and ``--resume`` on that with ``--peak-rate 1e-4
--minutes 6``, 12660 steps. A CPU will not do: one core of a two-core machine takes 17 images of 128x128 a second.

With ``--state FILE`` the whole state is saved every minute, and the same command goes on from it after an interruption.
"""

import argparse
import os
from pathlib import Path

from journal import log, watch


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--minutes", type=float, default=24, help="wall-clock time for everything but the last save")
    parser.add_argument("--output", type=Path, required=True, help="the checkpoint's folder")
    parser.add_argument("--state", type=Path, help="where the state is saved, and gone on from if it exists")
    parser.add_argument("--resume", type=Path, help="take the parts (or tokenizers alone) found in this checkpoint")
    parser.add_argument("--peak-rate", type=float, default=1e-3, help="of flow matching, at its beginning")
    parser.add_argument("--save-minutes", type=float, default=4, help="how often the unfinished model is saved")
    parser.add_argument("--scenes", type=int, help="number of distinct training scenes")
    parser.add_argument("--batch-pixels", type=int, help="pixels in a batch of the autoencoder")
    parser.add_argument("--batch-tokens", type=int, help="text and image tokens in a batch of the transformer")
    parser.add_argument("--no-graphs", action="store_true", help="on a GPU, do without CUDA graphs")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    watch()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    log("importing PyTorch, Transformers and Diffusers")
    import stages  # slow from a cold disk, so only once the watch is on

    log("imported")
    stages.run_all(arguments)


if __name__ == "__main__":
    main()
