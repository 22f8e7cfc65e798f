"""Make the whole demo-video checkpoint from nothing: tokenizer, autoencoder, text encoder and transformer.

    python Tools/demo/video_train.py --device cuda --minutes 25 --output DIR

The committed weights come from one NVIDIA H100 (PyTorch 2.11, CUDA graphs, compiled blocks), with batches of 8 clips
for the autoencoder and 192 for the transformer: 16095 steps of the autoencoder, then 4652 of reading and 33386 of flow
matching, and beside these 11200 of the decoder alone, which the command above does before the reading.

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
    stages = ("vae", "decoder", "reading", "flow")
    parser.add_argument("--only", choices=stages, help="do this stage alone, for all the minutes")
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
