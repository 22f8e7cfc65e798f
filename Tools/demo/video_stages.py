"""The stages of demo-video's training, under one clock."""

import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer

import models
import video_data
import video_evaluate
import video_flow
import video_models
import video_reading
import video_text
import video_vae
import video_wan
from graphs import Step
from journal import log
from run import Run

SHARES = {"vae": 0.26, "reading": 0.04}  # of the time left when the stage begins; flow matching takes the rest
FACTORS = ("latents_mean", "latents_std")
SETTINGS = (("varied", 20, 512, 1.0, "float32"),)


def _build_parts(run, tokenizer):
    umt5 = video_models.build_umt5(Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_vocab_size())
    built = {
        "vae": video_models.build_vae(),
        "text_encoder": umt5,
        "transformer": video_models.build_transformer(),
        "head": video_reading.build_head(umt5),
    }
    # The weights that the optimiser updates are float32 in any case.
    dtype = torch.bfloat16 if run.device.type == "cuda" else torch.float32
    run.parts = {name: model.to(run.device, dtype) for name, model in built.items()}
    log("parameters: " + ", ".join(f"{name} {models.count_parameters(part)}" for name, part in run.parts.items()))


def _take_over(run, checkpoint):
    """Fill the parts found in a saved checkpoint; the stage to go on with."""
    stage = "vae"
    for name in ("vae", "text_encoder", "transformer"):
        if (checkpoint / name).exists():
            model = run.parts[name]
            saved = type(model).from_pretrained(checkpoint / name, dtype=torch.float32)
            model.load_state_dict(saved.state_dict())
            stage = "flow" if name == "transformer" else "reading"
            log(f"{name} taken from {checkpoint}")
    return stage


def _score(checkpoint, count, device):
    with tempfile.TemporaryDirectory() as folder:
        results = video_evaluate.evaluate(checkpoint, Path(folder), SETTINGS, count, 2, device)
    for result in results:
        log(f"score {result['setting']}: asked {result['asked']} right {result['right']} {result['shares']}")


def run_all(arguments):
    """Make the whole checkpoint, from the first stage not yet done."""
    run = Run(arguments, SHARES, FACTORS)
    fast = run.device.type == "cuda"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.enable_cudnn_sdp(False)
    Step.capture = fast and not arguments.no_graphs
    if arguments.form:
        import json
        from torch import _dynamo
        _dynamo.config.recompile_limit = 64
        form = json.loads(arguments.form.read_text())
        if form.pop("compile"):
            video_wan.FORM["norm"] = torch.compile(video_wan.FORM["norm"], dynamic=True)
        video_wan.FORM.update(form)
        log(f"form {video_wan.FORM}")
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    tokenizer = output / "tokenizer"
    if not tokenizer.exists():
        video_text.train_tokenizer(output)
    _build_parts(run, tokenizer)
    run.load()
    stage = run.state["stage"] if run.state else "vae"
    if not run.state and arguments.resume:
        stage = _take_over(run, arguments.resume)
    clips = video_data.draw_clips(tokenizer, arguments.clips or (80_000 if fast else 200), run.device)
    held_out = video_data.draw_clips(tokenizer, 1000 if fast else 64, run.device, seed=4, held_out=True)
    log(f"{len(clips)} clips drawn")
    vae, umt5, head = (run.parts[name] for name in ("vae", "text_encoder", "head"))

    if stage == "vae":
        run.train("vae", video_vae.VaeTrainer(vae, clips, arguments.batch_clips or (8 if fast else 1), run.generator))
        if run.stopped:
            return
        stage = "reading"
        vae.eval()
        video_vae.measure(vae, held_out)
        video_models.save_checkpoint(output, {"vae": vae})
    if stage == "reading":
        trainer = video_reading.ReadingTrainer(umt5, head, clips, 1024 if fast else 32, run.generator)
        run.train("reading", trainer)
        if run.stopped:
            return
        trainer.measure(held_out)
        del trainer
    video_vae.cache_latents(vae, clips)
    batch = arguments.batch or (192 if fast else 4)
    trainer = video_flow.FlowTrainer(run.parts, clips, batch, run.generator, arguments.peak_rate)
    if arguments.compile:
        run.parts["transformer"].compile_repeated_blocks(fullgraph=True)
    saved = {name: part for name, part in run.parts.items() if name != "head"}

    def publish():
        video_models.save_checkpoint(output, saved)
        log("checkpoint saved")
        _score(output, 50 if fast else 2, run.device.type)

    run.train("flow", trainer, publish, arguments.save_minutes)
    publish()
    log("done")
