package import Diffusion

extension LTX2 {
    // Source: diffusers 0.42.1, pipelines/ltx2/pipeline_ltx2.py, and TensorRT-LLM's names where it has others.
    package static let parameters = [
        ParameterSpec(
            "audio_guidance_scale", .number(0...1000),
            "the guidance of the sound; if absent that of the video, but at least 7 where there is any"),
        ParameterSpec(
            "stg_scale", .number(0...1000),
            "how far away from a prediction of blocks that do not attend to their own stream"),
        ParameterSpec("audio_stg_scale", .number(0...1000), "the same for the sound; the video's if absent or 0"),
        ParameterSpec(
            "spatio_temporal_guidance_blocks", .numbers(0...1000), "the blocks of stg_scale, counted from 0"),
        ParameterSpec("stg_blocks", anotherNameOf: "spatio_temporal_guidance_blocks", .numbers(0...1000)),
        ParameterSpec(
            "modality_scale", .number(0...1000),
            "how far away from a prediction of video and sound without each other; 1 does without it"),
        ParameterSpec("audio_modality_scale", .number(0...1000), "the same for the sound; the video's if absent or 0"),
        ParameterSpec(
            "guidance_rescale", .number(0...1),
            "how far the spread of a guided prediction is brought back to that of the prompt's"),
        ParameterSpec("audio_guidance_rescale", .number(0...1), "the same for the sound; the video's if absent or 0"),
        ParameterSpec("rescale_scale", anotherNameOf: "guidance_rescale", .number(0...1)),
        ParameterSpec(
            "guidance_skip_step", .number(0...1000), default: .number(0),
            "how many steps without guidance follow each one with it"),
        ParameterSpec(
            "sigmas", .numbers(0...1), "noise levels of the steps, before the scheduler shifts them; as many as steps"),
        ParameterSpec(
            "stage_2_sigmas", .numbers(0...1),
            "noise levels of the second stage's steps, where there is one; it begins with as much noise as the first says"
        ),
        ParameterSpec(
            "use_cross_timestep", .flag, default: .bool(true),
            "whether video and sound are shown each other's noise level; it counts with an image"),
        ParameterSpec(
            "motion_speed", .number(0.01...100), default: .number(1),
            "how fast things move; below 1 the video is slow motion"),
        ParameterSpec(
            "image_cond_strength", .number(0...1), default: .number(1),
            "how strongly the video begins with the image: below 1 the first frame may differ from it, at 0 it is free"),
        ParameterSpec(
            "image_crf", .number(0...51), default: .number(33),
            "how strongly H.264 compresses the image before the model sees it, as in training; 0 leaves it as it is"),
        ParameterSpec("enable_audio", .flag, default: .bool(true), "whether the sound is decoded"),
        ParameterSpec(
            "vae_tiling", .flag, default: .bool(false),
            "decode in overlapping tiles: less memory, and another image where tiles meet"),
    ]
}
