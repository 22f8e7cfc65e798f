"""The stages of the training, under one clock."""

import random

import torch

import data
import flow
import models
import reading
import text
import vae as autoencoder
from graphs import Step
from journal import log
from run import Run

STAGES = ("vae", "reading", "flow")
SHARES = {"vae": 0.2, "reading": 0.06}  # of the time left when the stage begins; flow matching takes the rest
FACTORS = ("scaling_factor", "shift_factor")


def _tokenizers(arguments):
    for name in ("tokenizer", "tokenizer_2"):
        source, target = arguments.resume and arguments.resume / name, arguments.output / name
        if source and not target.exists():
            target.mkdir(parents=True)
            for file in source.iterdir():
                (target / file.name).write_bytes(file.read_bytes())
    if not (arguments.output / "tokenizer_2").exists():
        text.train_tokenizers(arguments.output)
    return text.load_tokenizers(arguments.output)


def _build_parts(run, tokenizers):
    clip, t5 = models.build_clip(tokenizers[0]), models.build_t5(tokenizers[1])
    built = {
        "vae": models.build_vae(),
        "text_encoder": clip,
        "text_encoder_2": t5,
        "transformer": models.build_transformer(),
        "heads": reading.build_heads(clip, t5),
    }
    # The weights that the optimiser updates are float32 in any case.
    dtype = torch.bfloat16 if run.device.type == "cuda" else torch.float32
    run.parts = {name: model.to(run.device, dtype) for name, model in built.items()}
    log("parameters: " + ", ".join(f"{name} {models.count_parameters(part)}" for name, part in run.parts.items()))


def run_all(arguments):
    """Make the whole checkpoint, from the first stage not yet done."""
    run = Run(arguments, SHARES, FACTORS)
    fast = run.device.type == "cuda"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.enable_cudnn_sdp(False)
    Step.capture = fast and not arguments.no_graphs
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    tokenizers = _tokenizers(arguments)
    log("tokenizers ready")
    _build_parts(run, tokenizers)
    run.load()
    stage = run.state["stage"] if run.state else "vae"
    trained = arguments.resume is not None and (arguments.resume / "transformer").exists()
    if not run.state and arguments.resume:
        for name in ("vae", "text_encoder", "text_encoder_2", "transformer"):
            if (arguments.resume / name).exists():
                models.load_part(name, arguments.resume, run.parts[name])
                stage = "flow" if name == "transformer" else "reading"
                log(f"{name} taken from {arguments.resume}")
    buckets = data.make_buckets(*tokenizers, arguments.scenes or (120_000 if fast else 2_000), run.device)
    vae, clip, t5, heads = (run.parts[name] for name in ("vae", "text_encoder", "text_encoder_2", "heads"))

    if stage == "vae":
        pixels = arguments.batch_pixels or (48 if fast else 4) * 128 * 128
        run.train("vae", autoencoder.VaeTrainer(vae, buckets, pixels, run.generator))
        if run.stopped:
            return
        stage = "reading"
        vae.eval()
        autoencoder.measure(vae, buckets)
        models.save_checkpoint(output, {"vae": vae})
    if stage == "reading":
        trainer = reading.ReadingTrainer(clip, t5, heads, buckets, 1024 if fast else 32, run.generator)
        run.train("reading", trainer)
        if run.stopped:
            return
        held_out = data.make_bucket(
            *tokenizers, data.SIZES[0][0], 1000 if fast else 100, run.device, random.Random(4), held_out=True
        )
        trainer.measure(held_out)
        del trainer
    autoencoder.cache_latents(vae, buckets)
    batch_tokens = arguments.batch_tokens or (32768 if fast else 1024)
    trainer = flow.FlowTrainer(
        run.parts, tokenizers, buckets, batch_tokens, run.generator, arguments.peak_rate, trained
    )
    saved = {name: part for name, part in run.parts.items() if name != "heads"}
    settings = ((128, 20, 512), (256, 20, 512)) if fast else ((128, 2, 64),)

    def publish():
        models.save_checkpoint(output, saved)
        log("checkpoint saved")
        flow.score(run.parts, tokenizers, settings, 64 if fast else 2, 64)

    run.train("flow", trainer, publish, arguments.save_minutes)
    publish()
    log("done")
