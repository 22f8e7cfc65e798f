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
        ParameterSpec(
            "use_guardrails", .flag, default: .bool(false),
            "whether a checker must allow prompt and output; there is none in this build"),
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
        ParameterSpec("add_duration_template", .flag, "another name of use_duration_template"),
        ParameterSpec("add_resolution_template", .flag, "another name of use_resolution_template"),
        ParameterSpec("enable_safety_check", .flag, "another name of use_guardrails"),
        ParameterSpec("enable_sound", .flag, "another name of enable_audio"),
    ]

    /// Names of parameters that mean others.
    static let aliases = [
        "add_duration_template": "use_duration_template", "add_resolution_template": "use_resolution_template",
        "enable_safety_check": "use_guardrails", "enable_sound": "enable_audio",
    ]
}
