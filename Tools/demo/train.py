"""Make the whole demo checkpoint from nothing: tokenizers, autoencoder, text encoders and transformer.

    python Tools/demo/train.py --device cuda --minutes 24 --output DIR

The weights now committed are an unfinished attempt: 7.6 minutes on one NVIDIA H100, of which 1.4 for the autoencoder
and 5.9 for 5253 steps (1.3 million pictures) of flow matching, with an earlier form of these scripts (no first lesson
in reading, no CUDA graphs). They draw the right background and number of objects, not yet their shapes. The settings
here have not been run to the end yet. On one core of a two-core machine the transformer sees about 17 pictures of
128x128 a second where the H100 saw 3600 of mixed sizes: as much training there would take a day or two.

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
    parser.add_argument("--save-minutes", type=float, default=4, help="how often the unfinished model is saved")
    parser.add_argument("--scenes", type=int, help="number of distinct training scenes")
    parser.add_argument("--batch-pixels", type=int, help="pixels in a batch of the autoencoder")
    parser.add_argument("--batch-tokens", type=int, help="text and picture tokens in a batch of the transformer")
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
