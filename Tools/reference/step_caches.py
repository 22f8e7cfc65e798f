"""Writes Tests/Goldens/caches: requests with a step cache, which calls it skipped, and the latents after every step.

Cache-DiT is the Python package `cache-dit` driving diffusers; TeaCache is `teacache.py`. Also steps_masks.json, the
masks of that package for every number of steps. FLUX.2's two lists of blocks decide each for itself; `transformer` of a
call is then the list. The goldens of FLUX.2 and Qwen-Image have folders of their own.
"""

import argparse
import json

from common import GOLDENS, save_golden, write_json

import cache_dit
from cache_dit import DBCacheConfig, ParamsModifier, TaylorSeerCalibratorConfig
from cache_dit.caching.cache_contexts.cache_manager import CachedContextManager

import flux1_cases
import flux2_cases
import qwen_image_cases
import qwen_image_edit_cases
import wan_cases
from teacache import TeaCache

FOLDER = GOLDENS / "caches"
OWN_FOLDERS = ("flux2", "qwen-image")
FAMILIES = {"flux1": flux1_cases, "flux2": flux2_cases, "qwen-image-edit": qwen_image_edit_cases,
            "qwen-image": qwen_image_cases, "wan": wan_cases}  # fmt: skip
FLUX = {"model": "flux1-tiny-dev", "height": 32, "width": 32, "seeds": [7]}
FLUX2 = {"model": "flux2-tiny-dev", "seeds": [7]}
KLEIN_BASE = flux2_cases.BASE | {"height": 32, "width": 32, "seeds": [7]}
EDIT = FLUX2 | {"image": ["even.png"], "height": 24, "width": 24}
KLEIN_EDIT = KLEIN_BASE | {"image": ["odd.png"]}
QWEN = {"model": "qwen-image-tiny", "seeds": [7]}
QWEN_EDIT = qwen_image_edit_cases.DEFAULTS | {"height": 32, "seeds": [7]}
QWEN_TWO = QWEN_EDIT | qwen_image_edit_cases.TWO
QWEN_ZERO = QWEN_EDIT | qwen_image_edit_cases.ZERO
WAN = {"model": "wan2.1-tiny-t2v", "width": 16, "num_frames": 5, "seeds": [7]}
A14B = WAN | {"model": "wan2.2-tiny-t2v-a14b"}
IMAGE = WAN | wan_cases.I2V


def dit(steps, base, **fields):
    """A case of Cache-DiT: a request, and fields of `cache_config`."""
    return base | {"num_inference_steps": steps}, {"cache_backend": "cache_dit"} | fields


def tea(steps, base, **fields):
    """A case of TeaCache."""
    return base | {"num_inference_steps": steps}, {"cache_backend": "teacache"} | fields


CASES = {
    "flux1-blocks": dit(12, FLUX, residual_diff_threshold=0.44),
    "flux1-two-first-one-last": dit(12, FLUX, Fn_compute_blocks=2, Bn_compute_blocks=1, residual_diff_threshold=0.45),
    "flux1-one-first-two-last": dit(12, FLUX, Bn_compute_blocks=2, max_warmup_steps=2, residual_diff_threshold=0.44),
    "flux1-three-first": dit(12, FLUX, Fn_compute_blocks=3, residual_diff_threshold=0.4, max_warmup_steps=1),
    "flux1-caps": dit(16, FLUX, max_cached_steps=4, max_continuous_cached_steps=2, max_warmup_steps=2,
                      residual_diff_threshold=0.6),
    "flux1-no-caps": dit(12, FLUX, max_continuous_cached_steps=-1, max_warmup_steps=0, residual_diff_threshold=1.0),
    "flux1-taylor-1": dit(14, FLUX, enable_taylorseer=True, residual_diff_threshold=0.5),
    "flux1-taylor-2": dit(14, FLUX, enable_taylorseer=True, taylorseer_order=2, residual_diff_threshold=0.5,
                          Bn_compute_blocks=1),
    "flux1-taylor-3": dit(16, FLUX, enable_taylorseer=True, taylorseer_order=3, max_warmup_steps=7,
                          residual_diff_threshold=0.5),
    "flux1-taylor-4": dit(16, FLUX, enable_taylorseer=True, taylorseer_order=4, max_warmup_steps=8,
                          residual_diff_threshold=0.5, max_continuous_cached_steps=1),
    "flux1-mask-static": dit(16, FLUX, scm_steps_mask_policy="fast", scm_steps_policy="static"),
    "flux1-mask-dynamic": dit(16, FLUX, scm_steps_mask_policy="ultra", residual_diff_threshold=0.48,
                              max_continuous_cached_steps=-1),
    "flux1-refresh-once": dit(16, FLUX, force_refresh_step_hint=7, max_warmup_steps=2, residual_diff_threshold=0.5),
    "flux1-refresh-repeat": dit(16, FLUX, force_refresh_step_hint=5, force_refresh_step_policy="repeat",
                                max_warmup_steps=1, enable_taylorseer=True, residual_diff_threshold=0.5),
    "flux1-true-cfg": dit(12, FLUX | {"negative_prompt": ["blurry"], "true_cfg_scale": 2.0}, enable_separate_cfg=True,
                          max_warmup_steps=2, residual_diff_threshold=0.4),
    "wan-blocks": dit(12, WAN, residual_diff_threshold=0.4),
    "wan-last": dit(4, WAN, scm_steps_mask_policy="slow", scm_steps_policy="static"),
    "wan-taylor": dit(14, WAN, enable_taylorseer=True, taylorseer_order=2, residual_diff_threshold=0.4),
    "wan-no-guidance": dit(10, WAN | {"guidance_scale": 1.0}, max_warmup_steps=1, residual_diff_threshold=0.4),
    "wan-refresh": dit(12, WAN, force_refresh_step_hint=5, max_warmup_steps=2, residual_diff_threshold=0.4),
    "wan-picture": dit(10, IMAGE, max_warmup_steps=2),
    "wan-two-experts": dit(16, A14B, max_warmup_steps=3, residual_diff_threshold=0.6),
    "flux2-blocks": dit(12, FLUX2, residual_diff_threshold=0.9),
    "flux2-caps": dit(16, FLUX2, max_cached_steps=4, max_continuous_cached_steps=2, max_warmup_steps=2,
                      residual_diff_threshold=0.92),
    "flux2-taylor": dit(14, FLUX2, enable_taylorseer=True, taylorseer_order=2, residual_diff_threshold=0.9),
    "flux2-mask": dit(16, FLUX2, scm_steps_mask_policy="fast", scm_steps_policy="static"),
    "flux2-refresh": dit(12, FLUX2, force_refresh_step_hint=5, max_warmup_steps=2, residual_diff_threshold=0.9),
    "flux2-guided": dit(12, KLEIN_BASE, enable_separate_cfg=True, max_warmup_steps=2, residual_diff_threshold=0.9),
    "flux2-edit": dit(10, EDIT, max_warmup_steps=2, residual_diff_threshold=0.9),
    "flux2-edit-two": dit(12, EDIT | {"image": ["odd.png", "even.png"]}, enable_taylorseer=True, max_warmup_steps=2,
                          residual_diff_threshold=0.9),
    "flux2-edit-guided": dit(16, KLEIN_EDIT | {"seeds": [2]}, enable_separate_cfg=True, max_warmup_steps=2,
                             residual_diff_threshold=0.935),
    "qwen-image-blocks": dit(12, QWEN, residual_diff_threshold=0.825),
    "qwen-image-taylor": dit(14, QWEN, enable_taylorseer=True, taylorseer_order=2, residual_diff_threshold=0.825),
    "qwen-image-guided": dit(12, QWEN | qwen_image_cases.NEGATIVE, enable_separate_cfg=True, max_warmup_steps=2,
                             residual_diff_threshold=0.825),
    "qwen-image-mask": dit(16, QWEN, scm_steps_mask_policy="fast", scm_steps_policy="static"),
    "qwen-image-edit-blocks": dit(10, QWEN_EDIT, max_warmup_steps=2, residual_diff_threshold=0.8),
    "qwen-image-edit-two": dit(12, QWEN_TWO | qwen_image_cases.NEGATIVE, enable_separate_cfg=True, max_warmup_steps=2,
                               residual_diff_threshold=0.82),
    "qwen-image-edit-zero": dit(10, QWEN_ZERO | qwen_image_cases.NEGATIVE, enable_separate_cfg=True,
                                max_warmup_steps=2, residual_diff_threshold=0.8),
    "qwen-image-edit-zero-taylor": dit(12, QWEN_ZERO | qwen_image_edit_cases.TWO, enable_taylorseer=True,
                                       taylorseer_order=2, residual_diff_threshold=0.8),
    "qwen-image-edit-first": dit(10, QWEN_EDIT | qwen_image_edit_cases.FIRST, max_warmup_steps=2,
                                 residual_diff_threshold=0.8),
    "flux1-tea": tea(14, FLUX, teacache_thresh=0.6),
    "flux1-tea-identity": tea(10, FLUX | {"model": "flux1-tiny-schnell"}, teacache_thresh=0.3),
    "flux1-tea-kept": tea(12, FLUX, teacache_thresh=0.5, use_ret_steps=True, coefficients=[1.0, 0.1]),
    "flux1-tea-true-cfg": tea(12, FLUX | {"negative_prompt": ["blurry"], "true_cfg_scale": 2.0}, teacache_thresh=0.6),
    "flux2-tea": tea(14, FLUX2, teacache_thresh=8),
    "flux2-tea-edit": tea(10, EDIT, teacache_thresh=8),
    "flux2-tea-guided": tea(12, KLEIN_BASE, teacache_thresh=1.0, use_ret_steps=True, coefficients=[1.0, 0.1]),
    "flux2-tea-edit-guided": tea(12, KLEIN_EDIT, teacache_thresh=1.0, coefficients=[1.0, 0.1]),
    "qwen-image-tea": tea(14, QWEN, teacache_thresh=0.4, coefficients=[1.0, 0.0]),
    "qwen-image-tea-guided": tea(12, QWEN | qwen_image_cases.NEGATIVE, teacache_thresh=0.5, coefficients=[1.0, 0.0]),
    "qwen-image-edit-tea": tea(12, QWEN_TWO, teacache_thresh=0.4, coefficients=[1.0, 0.0]),
    "qwen-image-edit-tea-zero": tea(12, QWEN_ZERO | qwen_image_cases.NEGATIVE, teacache_thresh=0.4,
                                    coefficients=[1.0, 0.0]),
    "wan-tea": tea(14, WAN, teacache_thresh=0.1, coefficients=[-0.01, 0.05, 0.01]),
    "wan-tea-kept": tea(14, WAN, teacache_thresh=0.15, use_ret_steps=True, coefficients=[0.1, 0.0]),
    "wan-tea-picture": tea(10, IMAGE, teacache_thresh=0.2, coefficients=[0.1, 0.01]),
    "wan-tea-two-experts": tea(16, A14B, teacache_thresh=0.2, coefficients=[0.1, 0.0], coefficients_2=[0.05, 0.03]),
}  # fmt: skip

# FLUX.2-dev's are TensorRT-LLM's; its klein has none.
COEFFICIENTS = {
    "flux1-tiny-dev": [4.98651651e2, -2.83781631e2, 5.58554382e1, -3.82021401, 2.64230861e-1],
    "flux1-tiny-schnell": [1.0, 0.0],
    "flux2-tiny-dev": [1.04582360e2, -6.87605554, -8.61659379e-2, 5.37600252e-2],
}


class Calls:
    """Notes every decision of cache-dit: which transformer, whether it was skipped, and the change if measured."""

    def __init__(self, names):
        self.names, self.calls = names, []

    def __enter__(self):
        self.can_cache, self.similarity = CachedContextManager.can_cache, CachedContextManager.similarity
        calls = self

        def similarity(manager, first, second, *, threshold, **kwargs):
            result = calls.similarity(manager, first, second, threshold=threshold, **kwargs)
            if 0 < threshold < 1:
                calls.change = ((first - second).abs().mean() / first.abs().mean()).item()
                if abs(calls.change / threshold - 1) < 1e-3:
                    raise SystemExit("a decision that rounding could turn")
            return result

        def can_cache(manager, *args, **kwargs):
            calls.change = None
            skipped = calls.can_cache(manager, *args, **kwargs)
            number = calls.names.index(manager.get_context().name)
            calls.calls.append({"transformer": number, "skipped": skipped, "change": calls.change})
            return skipped

        CachedContextManager.can_cache, CachedContextManager.similarity = can_cache, similarity
        return self

    def __exit__(self, *error):
        CachedContextManager.can_cache, CachedContextManager.similarity = self.can_cache, self.similarity


def settings(cache, steps, branches):
    """The package's own configuration, for the steps of one transformer."""
    names = (
        "Fn_compute_blocks Bn_compute_blocks max_warmup_steps max_cached_steps max_continuous_cached_steps "
        "residual_diff_threshold enable_separate_cfg force_refresh_step_hint force_refresh_step_policy"
    )
    defaults = {"Fn_compute_blocks": 1, "Bn_compute_blocks": 0, "max_warmup_steps": 4,
                "max_continuous_cached_steps": 3, "residual_diff_threshold": 0.24}  # fmt: skip
    config = DBCacheConfig(**defaults | {name: cache[name] for name in names.split() if name in cache})
    if branches == 1:
        # Where the package expects guidance it takes every other call for the negative prompt's.
        config.enable_separate_cfg = False
    if config.force_refresh_step_hint is not None:
        # The package counts calls, of which guidance makes two in every step.
        config.force_refresh_step_hint *= branches
    if policy := cache.get("scm_steps_mask_policy"):
        config.steps_computation_mask = cache_dit.steps_mask(total_steps=steps, mask_policy=policy)
        config.steps_computation_policy = cache.get("scm_steps_policy", "dynamic")
    return config


def transformers(pipe):
    return [part for part in (pipe.transformer, getattr(pipe, "transformer_2", None)) if part is not None]


def branches_of(asked):
    """How many calls of the transformer a step makes."""
    if asked["model"].startswith(("wan", "flux2-tiny-klein-base")):
        return 2 if asked["guidance_scale"] > 1 else 1
    return 2 if asked.get("true_cfg_scale", 1) > 1 and asked.get("negative_prompt") else 1


def run(asked, cache, recorder):
    """The calls and the trace of one case."""
    pipe = recorder.pipe
    steps, parts, branches = asked["num_inference_steps"], transformers(pipe), branches_of(asked)
    shares = [steps]
    if len(parts) > 1:
        pipe.scheduler.set_timesteps(steps)
        boundary = pipe.config.boundary_ratio * pipe.scheduler.config.num_train_timesteps
        shares[0] = int((pipe.scheduler.timesteps >= boundary).sum())
        shares.append(steps - shares[0])
    if cache["cache_backend"] == "teacache":
        polynomials = [cache.get("coefficients", COEFFICIENTS.get(asked["model"])), cache.get("coefficients_2")]
        caches = [
            TeaCache(part, share, cache["teacache_thresh"], polynomial, cache.get("use_ret_steps", False), branches)
            for part, share, polynomial in zip(parts, shares, polynomials)
        ]
        trace = recorder.run(asked)
        return [{"transformer": i} | call for i, tea in enumerate(caches) for call in tea.calls], trace
    config = settings(cache, shares[0], branches)
    calibrator = None
    if cache.get("enable_taylorseer"):
        calibrator = TaylorSeerCalibratorConfig(taylorseer_order=cache.get("taylorseer_order", 1))
    modifiers = None
    if len(parts) > 1:
        low = settings(cache, shares[1], branches)
        low.max_warmup_steps, low.max_cached_steps = 2, 20
        modifiers = [ParamsModifier(cache_config=config), ParamsModifier(cache_config=low)]
    cache_dit.enable_cache(pipe, cache_config=config, calibrator_config=calibrator, params_modifiers=modifiers)
    with Calls([name for part in parts for name in part._context_names]) as calls:
        trace = recorder.run(asked)
    cache_dit.disable_cache(pipe)
    return calls.calls, trace


def write_case(case):
    changes, cache = CASES[case]
    family = next(family for name, family in FAMILIES.items() if case.startswith(name))
    asked = family.DEFAULTS | changes
    pipe = family.load(asked if family is wan_cases else asked["model"])
    calls, trace = run(asked, cache, family.Recorder(pipe))
    tensors = {name: value for name, value in trace.items() if name.startswith("latents.step")}
    if not {True, False} <= {call["skipped"] for call in calls}:
        raise SystemExit(f"{case}: every call was alike: {calls}")
    described = {"cache": json.dumps(cache), "calls": json.dumps(calls)}
    if family is qwen_image_edit_cases:
        described["areas"] = json.dumps(family.areas(asked["model"]))
    path = FOLDER / next((name for name in OWN_FOLDERS if case.startswith(name)), "") / f"{case}.safetensors"
    save_golden(path, asked, tensors, **described)
    image = "".join("-" if call["skipped"] else "#" for call in calls)
    changes = [f"{call['change']:.3f}" for call in calls if call["change"] is not None]
    print(f"{case:26} {path.stat().st_size:7} bytes {image} {' '.join(changes)}", flush=True)


def write_masks():
    """Every policy's mask for every number of steps that has one."""
    numbers = [4, 6, *range(8, 151)]
    masks = {
        policy: {
            str(steps): "".join(map(str, cache_dit.steps_mask(total_steps=steps, mask_policy=policy)))
            for steps in numbers
        }
        for policy in ("slow", "medium", "fast", "ultra")
    }
    write_json(FOLDER / "steps_masks.json", masks)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to write; all and the masks if none is named")
    cases = parser.parse_args().cases
    for case in cases or CASES:
        write_case(case)
    if not cases:
        write_masks()


if __name__ == "__main__":
    main()
