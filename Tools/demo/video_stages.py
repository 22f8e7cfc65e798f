"""The stages of demo-video's training, under one clock."""

import tempfile
from pathlib import Path

import torch
import torch._dynamo
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

STAGES = ("vae", "decoder", "reading", "flow")
# Of the time left when the stage begins; the last takes the rest.
SHARES = {"vae": 0.25, "decoder": 0.3, "reading": 0.04}
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
    for name, following in (("vae", "decoder"), ("text_encoder", "flow"), ("transformer", "flow")):
        if (checkpoint / name).exists():
            model = run.parts[name]
            saved = type(model).from_pretrained(checkpoint / name, dtype=torch.float32)
            model.load_state_dict(saved.state_dict())
            if name == "vae":
                model.register_to_config(**{key: saved.config[key] for key in FACTORS})
            stage = following
            log(f"{name} taken from {checkpoint}")
    return stage


def _score(checkpoint, count, device):
    with tempfile.TemporaryDirectory() as folder:
        results = video_evaluate.evaluate(checkpoint, Path(folder), SETTINGS, count, 2, device)
    for result in results:
        log(f"score {result['setting']}: asked {result['asked']} right {result['right']} {result['shares']}")


def _compiled_norm():
    torch._dynamo.config.recompile_limit = 64  # one for each width and size
    return torch.compile(video_wan.norm_silu, dynamic=True)


def run_all(arguments):
    """Make the whole checkpoint, from the first stage not yet done, or do one stage alone."""
    run = Run(arguments, {} if arguments.only else SHARES, FACTORS)
    fast = run.device.type == "cuda"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.enable_cudnn_sdp(False)
    Step.capture = fast and not arguments.no_graphs
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
    stages = (arguments.only,) if arguments.only else STAGES[STAGES.index(stage) :]
    trained = arguments.resume is not None and (arguments.resume / "transformer").exists()
    clips = video_data.draw_clips(tokenizer, arguments.clips or (80_000 if fast else 200), run.device)
    held_out = video_data.draw_clips(tokenizer, 1000 if fast else 4, run.device, seed=4, held_out=True)
    log(f"{len(clips)} clips drawn")
    vae, umt5, head = (run.parts[name] for name in ("vae", "text_encoder", "head"))
    video_wan.take_whole_clips(vae, _compiled_norm() if fast else video_wan.norm_silu)

    for name, trainer in (("vae", video_vae.VaeTrainer), ("decoder", video_vae.DecoderTrainer)):
        if name in stages:
            run.train(name, trainer(vae, clips, arguments.batch_clips or (8 if fast else 1), run.generator))
            if run.stopped:
                return
            video_vae.measure(vae, held_out)
            video_models.save_checkpoint(output, {"vae": vae})
    if "reading" in stages:
        trainer = video_reading.ReadingTrainer(umt5, head, clips, 1024 if fast else 32, run.generator)
        run.train("reading", trainer)
        if run.stopped:
            return
        trainer.measure(held_out)
        del trainer
    if "flow" not in stages:
        return
    video_vae.cache_latents(vae, clips, trained or run.state is not None and stage == "flow")
    batch = arguments.batch or (192 if fast else 4)
    trainer = video_flow.FlowTrainer(run.parts, clips, batch, run.generator, arguments.peak_rate)
    if fast:
        run.parts["transformer"].compile_repeated_blocks(fullgraph=True)
    saved = {name: part for name, part in run.parts.items() if name != "head"}

    def publish():
        video_models.save_checkpoint(output, saved)
        log("checkpoint saved")
        _score(output, 50 if fast else 2, run.device.type)

    run.train("flow", trainer, publish, arguments.save_minutes)
    publish()
    log("done")
