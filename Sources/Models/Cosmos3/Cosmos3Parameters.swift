package import Diffusion

extension Cosmos3 {
    // TensorRT-LLM's names; diffusers' are aliases.
    package static let parameters = [
        ParameterSpec(
            "use_duration_template", .flag, default: .bool(true),
            "whether a sentence behind the prompt tells how long the video is, and one behind the negative how long it is not"
        ),
        ParameterSpec(
            "use_resolution_template", .flag, default: .bool(true),
            "whether a sentence behind the prompt tells how large the output is, and one behind the negative how large it is not"
        ),
        ParameterSpec(
            "use_system_prompt", .flag,
            "whether the prompt follows a text that tells the model what it does; the checkpoint's choice if absent"),
        .useGuardrails,
        ParameterSpec("enable_audio", .flag, default: .bool(false), "whether the video gets a sound"),
        ParameterSpec(
            "output_type", .texts, "image or video; an image is a video of one frame, with choices of its own"),
        ParameterSpec(
            "flow_shift", .number(0.01...1000),
            "how far noise levels are moved towards the first, instead of as the scheduler's config says; it ends Karras' curve"
        ),
        ParameterSpec(
            "use_karras_sigmas", .flag,
            "whether noise levels lie on Karras' curve, instead of as the scheduler's config says"
        ),
        ParameterSpec(
            "guidance_interval", .numbers(0...1000),
            "two timesteps between which steps are guided; without it all are"),
        ParameterSpec(
            "vae_tiling", .flag, default: .bool(false),
            "decode in overlapping tiles: less memory, and another image where tiles meet"),
        ParameterSpec("add_duration_template", anotherNameOf: "use_duration_template", .flag),
        ParameterSpec("add_resolution_template", anotherNameOf: "use_resolution_template", .flag),
        ParameterSpec("enable_safety_check", anotherNameOf: "use_guardrails", .flag),
        ParameterSpec("enable_sound", anotherNameOf: "enable_audio", .flag),
    ]
}
