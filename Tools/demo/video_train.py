"""Make the whole demo-video checkpoint from nothing: tokenizer, autoencoder, text encoder and transformer.

    python Tools/demo/video_train.py --device cuda --minutes 25 --output DIR

With ``--state FILE`` the whole state is saved every minute, and the same command goes on from it after an interruption.
"""

import argparse
import os
from pathlib import Path

from journal import log, watch


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--minutes", type=float, default=25, help="wall-clock time for everything but the last save")
    parser.add_argument("--output", type=Path, required=True, help="the checkpoint's folder")
    parser.add_argument("--state", type=Path, help="where the state is saved, and gone on from if it exists")
    parser.add_argument("--resume", type=Path, help="take the parts found in this checkpoint")
    parser.add_argument("--peak-rate", type=float, default=1e-3, help="of flow matching, at its beginning")
    parser.add_argument("--save-minutes", type=float, default=4, help="how often the unfinished model is saved")
    parser.add_argument("--clips", type=int, help="number of distinct training clips")
    parser.add_argument("--batch-clips", type=int, help="clips in a batch of the autoencoder")
    parser.add_argument("--batch", type=int, help="clips in a batch of the transformer")
    parser.add_argument("--no-graphs", action="store_true", help="on a GPU, do without CUDA graphs")
    parser.add_argument("--form", type=Path)
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    watch()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    log("importing PyTorch, Transformers and Diffusers")
    import video_stages  # slow from a cold disk, so only once the watch is on

    log("imported")
    video_stages.run_all(arguments)


if __name__ == "__main__":
    main()
