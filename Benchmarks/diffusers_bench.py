"""One process of diffusers for compare.py: random weights, one run that is not counted, then the counted ones.

The network runs as PyTorch has it, through torch.compile, or in OpenVINO, converted from PyTorch's.
"""

import json
import resource
import statistics
import sys
import time
from argparse import Namespace
from pathlib import Path

import torch

DEMO = Path(__file__).resolve().parent.parent / "Sources/DemoModels/Resources/demo-image"


def main() -> None:
    arguments = Namespace(**json.loads(sys.argv[1]))
    torch.set_num_threads(arguments.threads)
    subjects = {
        ("flux.1", "transformer"): transformer,
        ("flux.1", "decoder"): decoder,
        ("flux.1", "generation"): generation,
        ("flux.1", "attention"): attention,
        ("flux.2", "transformer"): flux2_transformer,
        ("flux.2", "decoder"): flux2_decoder,
        ("qwen-image", "transformer"): qwen_image_transformer,
        ("qwen-image", "decoder"): qwen_image_decoder,
        ("wan", "attention"): attention,
        ("wan", "transformer"): wan_transformer,
        ("wan", "decoder"): wan_decoder,
    }
    engines = {"eager": eager, "compile": compiled, "openvino": openvino}
    if arguments.subject == "process":
        pipeline, inputs = generation(arguments, getattr(torch, arguments.dtype))
        pipeline(**inputs).images[0].save(sys.argv[2])
        return
    with torch.inference_mode():
        subject = subjects[arguments.family, arguments.subject](arguments, getattr(torch, arguments.dtype))
        start = time.perf_counter()
        body = engines[arguments.engine](*subject, arguments)
        del subject
        body()
        first = time.perf_counter() - start
        seconds = []
        for _ in range(arguments.runs):
            start = time.perf_counter()
            body()
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"median_seconds": median, "ready_seconds": first - median, "peak_memory_bytes": peak}))


def eager(network, inputs, arguments):
    return lambda: network(**inputs)


def compiled(network, inputs, arguments):
    network = torch.compile(network)
    return lambda: network(**inputs)


def openvino(network, inputs, arguments):
    import openvino

    names = list(inputs)

    class Positional(torch.nn.Module):
        """The network with its inputs in order, and nothing but its first result."""

        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, *values):
            return self.network(**dict(zip(names, values)), return_dict=False)[0]

    if isinstance(network, torch.nn.Module):
        positional = Positional().eval()
    else:
        sys.exit("OpenVINO runs networks, not pipelines")
    model = openvino.convert_model(positional, example_input=tuple(inputs.values()))
    precision = {"float32": "f32", "bfloat16": "bf16"}[arguments.dtype]
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": arguments.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.compile_model(model, "CPU", options).create_infer_request()
    values = [value.float().numpy() if value.is_floating_point() else value.numpy() for value in inputs.values()]
    return lambda: request.infer(values)


def transformer(arguments, dtype):
    from diffusers import FluxTransformer2DModel

    double, single = arguments.blocks
    torch.set_default_dtype(dtype)
    model = FluxTransformer2DModel(num_layers=double, num_single_layers=single, guidance_embeds=True).eval()
    torch.set_default_dtype(torch.float32)
    rows, columns = arguments.height // 16, arguments.width // 16
    positions = torch.zeros(rows, columns, 3)
    positions[..., 1] += torch.arange(rows)[:, None]
    positions[..., 2] += torch.arange(columns)[None, :]
    inputs = {
        "hidden_states": torch.randn(1, rows * columns, 64, dtype=dtype),
        "encoder_hidden_states": torch.randn(1, 512, 4096, dtype=dtype),
        "pooled_projections": torch.randn(1, 768, dtype=dtype),
        "timestep": torch.tensor([0.5], dtype=dtype),
        "guidance": torch.tensor([3.5]),
        "img_ids": positions.reshape(-1, 3),
        "txt_ids": torch.zeros(512, 3),
    }
    return model, inputs


def flux2_transformer(arguments, dtype):
    from diffusers import Flux2Transformer2DModel

    double, single = arguments.blocks
    torch.set_default_dtype(dtype)
    model = Flux2Transformer2DModel(
        **arguments.config | {"num_layers": double, "num_single_layers": single, "guidance_embeds": False}
    ).eval()
    torch.set_default_dtype(torch.float32)
    rows, columns = arguments.height // 16, arguments.width // 16
    positions = torch.zeros(rows, columns, 4)
    positions[..., 1] += torch.arange(rows)[:, None]
    positions[..., 2] += torch.arange(columns)[None, :]
    text = torch.zeros(512, 4)
    text[:, 3] = torch.arange(512)
    inputs = {
        "hidden_states": torch.randn(1, rows * columns, 128, dtype=dtype),
        "encoder_hidden_states": torch.randn(1, 512, model.config.joint_attention_dim, dtype=dtype),
        "timestep": torch.tensor([0.5], dtype=dtype),
        "img_ids": positions.reshape(-1, 4),
        "txt_ids": text,
    }
    return model, inputs


def qwen_image_transformer(arguments, dtype):
    from diffusers import QwenImageTransformer2DModel

    torch.set_default_dtype(dtype)
    model = QwenImageTransformer2DModel(num_layers=arguments.blocks[0]).eval()
    torch.set_default_dtype(torch.float32)
    rows, columns = arguments.height // 16, arguments.width // 16
    inputs = {
        "hidden_states": torch.randn(1, rows * columns, 64, dtype=dtype),
        "encoder_hidden_states": torch.randn(1, 512, 3584, dtype=dtype),
        "timestep": torch.tensor([0.5], dtype=dtype),
        "img_shapes": [[(1, rows, columns)]],
    }
    return model, inputs


def attention(arguments, dtype):
    heads, tokens, width = arguments.attention
    names = ["query", "key", "value"]
    inputs = {name: torch.randn(1, heads, tokens, width, dtype=dtype) for name in names}
    return torch.nn.functional.scaled_dot_product_attention, inputs


class Decoder(torch.nn.Module):
    """The half of an autoencoder that is measured."""

    def __init__(self, autoencoder):
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, latents, return_dict=False):
        return self.autoencoder.decode(latents, return_dict=return_dict)


def decoder(arguments, dtype):
    from diffusers import AutoencoderKL

    torch.set_default_dtype(dtype)
    model = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=16,
        use_quant_conv=False,
        use_post_quant_conv=False,
    ).eval()
    torch.set_default_dtype(torch.float32)
    latents = torch.randn(1, 16, arguments.height // 8, arguments.width // 8, dtype=dtype)
    return Decoder(model), {"latents": latents}


def wan_transformer(arguments, dtype):
    """Wan2.1-T2V-1.3B's width, with the parts in 32 bits that WanPipeline keeps so."""
    from diffusers import WanTransformer3DModel

    torch.set_default_dtype(dtype)
    model = WanTransformer3DModel(
        num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=arguments.blocks[0]
    ).eval()
    torch.set_default_dtype(torch.float32)
    for name, module in model.named_modules():
        if any(part in WanTransformer3DModel._keep_in_fp32_modules for part in name.split(".")):
            module.float()
    for name, parameter in model.named_parameters():
        if name.rsplit(".", 1)[-1] in WanTransformer3DModel._keep_in_fp32_modules:
            parameter.data = parameter.data.float()
    inputs = {
        "hidden_states": torch.randn(1, 16, *wan_latents(arguments), dtype=dtype),
        "timestep": torch.tensor([500]),
        "encoder_hidden_states": torch.randn(1, 512, 4096, dtype=dtype),
    }
    return model, inputs


def wan_decoder(arguments, dtype):
    """The autoencoder of Wan2.1, whose defaults are those of the published one."""
    from diffusers import AutoencoderKLWan

    torch.set_default_dtype(dtype)
    model = AutoencoderKLWan().eval()
    torch.set_default_dtype(torch.float32)
    latents = torch.randn(1, 16, *wan_latents(arguments), dtype=dtype)
    return Decoder(model), {"latents": latents}


def flux2_decoder(arguments, dtype):
    from diffusers import AutoencoderKLFlux2

    torch.set_default_dtype(dtype)
    model = AutoencoderKLFlux2().eval()
    torch.set_default_dtype(torch.float32)
    return Decoder(model), {"latents": torch.randn(1, 32, arguments.height // 8, arguments.width // 8, dtype=dtype)}


def qwen_image_decoder(arguments, dtype):
    from diffusers import AutoencoderKLQwenImage

    torch.set_default_dtype(dtype)
    model = AutoencoderKLQwenImage().eval()
    torch.set_default_dtype(torch.float32)
    latents = torch.randn(1, 16, 1, arguments.height // 8, arguments.width // 8, dtype=dtype)
    return Decoder(model), {"latents": latents}


def wan_latents(arguments):
    return (arguments.num_frames - 1) // 4 + 1, arguments.height // 8, arguments.width // 8


def generation(arguments, dtype):
    from diffusers import FluxPipeline

    pipeline = FluxPipeline.from_pretrained(DEMO, torch_dtype=dtype)
    pipeline.set_progress_bar_config(disable=True)
    inputs = {
        "prompt": arguments.prompt,
        "height": arguments.height,
        "width": arguments.width,
        "num_inference_steps": 20,
        "generator": torch.Generator("cpu").manual_seed(0),
    }
    return pipeline, inputs


if __name__ == "__main__":
    main()
