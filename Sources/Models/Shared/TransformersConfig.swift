package import Layers

/// The `config.json` of a model of transformers.
package protocol TransformersConfig: ModelConfig {
    /// Keys of its own class that change nothing here.
    static var idleKeys: Set<String> { get }
}

extension TransformersConfig {
    package static var ignoredKeys: Set<String> { idleKeys.union(transformersKeys) }
}

/// What older versions wrote into the config of every model: how texts are generated and what is returned, which no
/// encoder asks for.
// Source: huggingface/transformers 5.23.0, configuration_utils.py, `PreTrainedConfig.__post_init__`, which passes over them.
private let transformersKeys: Set<String> = [
    "add_cross_attention", "bad_words_ids", "begin_suppress_tokens", "cross_attention_hidden_size", "diversity_penalty",
    "do_sample", "early_stopping", "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty",
    "finetuning_task", "forced_bos_token_id", "forced_eos_token_id", "is_decoder", "is_encoder_decoder",
    "length_penalty", "max_length",
    "min_length", "model_type", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "num_return_sequences",
    "output_attentions", "output_hidden_states", "output_scores", "pad_token_id", "prefix", "pruned_heads",
    "remove_invalid_values", "repetition_penalty", "return_dict_in_generate", "sep_token_id", "suppress_tokens",
    "temperature", "tf_legacy_loss", "tie_encoder_decoder", "tokenizer_class", "top_k", "top_p", "torchscript",
    "typical_p", "use_bfloat16",
]
