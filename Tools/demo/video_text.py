"""The tokenizer of demo-video, with the structure of UMT5's, trained on captions and a little general English."""

import json
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import video_captions
import video_scenes

LENGTH = 48  # more tokens than any caption needs
PIECES = 1100  # 256 of them are bytes
EXTRA_IDS = 5
PAD, END = 0, 1


def corpus(count=5000, seed=7):
    """Captions, their commonest words alone (so that each becomes one piece), and general English."""
    rng = random.Random(seed)
    lines = [video_captions.caption(rng, video_scenes.sample_scene(rng)) for _ in range(count)]
    lines += [video_captions.plain_caption(video_scenes.sample_scene(rng)) for _ in range(count // 4)]
    frequency = Counter(word.strip(".,;:") for line in lines for word in line.split())
    common = [word for word, times in frequency.items() if times >= 20]
    english = (Path(__file__).parent / "english.txt").read_text(encoding="utf-8").splitlines()
    return lines + (english * 2 + [line.title() for line in english]) * 10 + (common + [w.upper() for w in common]) * 50


def train_tokenizer(directory):
    """Write the folder ``tokenizer``."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "reference"))
    import wan_tokenizer

    with tempfile.TemporaryDirectory() as scratch:
        model = wan_tokenizer.train(Path(scratch), corpus(), PIECES)
    model.trainer_spec.ClearField("model_prefix")
    folder = Path(directory) / "tokenizer"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in wan_tokenizer.contents(model, EXTRA_IDS).items():
        compact = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(compact, encoding="utf-8")
    (folder / "spiece.model").write_bytes(model.SerializeToString(deterministic=True))
