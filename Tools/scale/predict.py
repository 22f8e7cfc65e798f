"""How long denoising takes on 1 to 72 devices, by layout: an analytic model, held against published figures.

    python3 Tools/scale/predict.py                                   the published figures and what the model says
    python3 Tools/scale/predict.py cfg=2,ulysses=4,mesh=3x3          where a layout's time goes
    python3 Tools/scale/predict.py --devices 8 --single 60 --host 8  the fastest layouts of 8 devices of a machine
                                                                     whose single device takes 60 s

A step on one device is split into products, attention and the rest. A layout divides each, and adds exchanges: of each the
bytes that a rank sends, the bytes that it packs and unpacks, and how often it calls. docs/scale.md says where the formulas
come from and how far the model can be trusted. Bytes are bytes, times are seconds.
"""

import argparse
import dataclasses
import math
import sys

WIDE = 4  # bytes of a 32-bit float


@dataclasses.dataclass(frozen=True)
class Layout:
    """The sizes of `parallel_config`; mesh is `attn2d_size`."""

    cfg: int = 1
    tp: int = 1
    ring: int = 1
    mesh: tuple = (1, 1)
    ulysses: int = 1

    @property
    def context(self):
        return self.ring * self.mesh[0] * self.mesh[1]

    @property
    def sequence(self):
        return self.context * self.ulysses

    @property
    def count(self):
        return self.cfg * self.tp * self.sequence

    def problems(self, heads, branches):
        """What makes it unfit for a model."""
        found = []
        if min(self.cfg, self.tp, self.ring, *self.mesh, self.ulysses) < 1:
            found.append("every size must be at least 1")
        elif heads % (self.tp * self.ulysses):
            found.append(f"tp × ulysses = {self.tp * self.ulysses} does not divide {heads} heads")
        if self.ring > 1 and self.mesh != (1, 1):
            found.append("ring and mesh exclude each other")
        if self.cfg > branches:
            found.append(f"cfg is {self.cfg}, but there are {branches} branches of guidance")
        return found

    def __str__(self):
        parts = [f"{name}={getattr(self, name)}" for name in ("cfg", "tp", "ring") if getattr(self, name) > 1]
        if self.mesh != (1, 1):
            parts.append("mesh={}x{}".format(*self.mesh))
        if self.ulysses > 1:
            parts.append(f"ulysses={self.ulysses}")
        return ",".join(parts) or "one device"


def layout(text):
    """A layout as `cfg=2,ulysses=4,mesh=3x3`."""
    sizes = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        if name not in Layout.__dataclass_fields__ or name in sizes:
            raise argparse.ArgumentTypeError(f"{part} is none of cfg=N, tp=N, ring=N, mesh=RxC, ulysses=N, each once")
        numbers = value.split("x")
        if not all(number.isdecimal() for number in numbers) or len(numbers) != (2 if name == "mesh" else 1):
            raise argparse.ArgumentTypeError(f"{part} has no size" + " RxC" * (name == "mesh"))
        sizes[name] = tuple(map(int, numbers)) if name == "mesh" else int(value)
    return Layout(**sizes)


@dataclasses.dataclass(frozen=True)
class Model:
    """A transformer, and what it works on: Wan 2.2 A14B at 1280×720 and 81 frames."""

    blocks: int = 40
    width: int = 5120
    heads: int = 40
    tokens: int = 75600
    # Linear layers of a block whose results ranks sum under tensor parallelism, and norms over all heads.
    sums: int = 3
    norms: int = 3
    latents: int = 16 * 21 * 90 * 160
    branches: int = 2
    bytes: int = 2
    # Of the tokens between blocks, which are gathered behind the last one.
    stream_bytes: int = WIDE


@dataclasses.dataclass(frozen=True)
class Link:
    """What carries an exchange: bytes a second that a rank sends, and seconds of a call."""

    rate: float
    latency: float


@dataclasses.dataclass(frozen=True)
class Machine:
    """Devices, and a request's time on one of them.

    The links are twice what all-to-alls of 128 MB measured between two H200s, for NVLink 5 is twice NVLink 4; and an InfiniBand
    port of 400 Gb/s a device, at four fifths of its rate.
    """

    single: float = 348.40
    steps: int = 40
    # Of a step on one device: published for Wan 2.2 A14B in bfloat16 on a B200.
    products: float = 0.208
    attention: float = 0.717
    host: int = 72
    inside: Link = Link(484e9, 35e-6)
    between: Link = Link(40e9, 60e-6)
    # Seconds for each byte that a rank packs and unpacks around exchanges: calibrated.
    packing: float = 0.0

    @property
    def rest(self):
        return 1 - self.products - self.attention


@dataclasses.dataclass(frozen=True)
class Exchange:
    """What a rank exchanges in one block, or once in a prediction."""

    name: str
    sent: float
    # What is packed, and what comes back is unpacked.
    handled: float
    calls: int
    # The group's ranks, and how far their numbers are apart.
    size: int
    stride: int
    # Seconds of computing behind which each call is hidden.
    cover: float = 0.0

    def seconds(self, machine, count):
        """What is seen of it, where there are so many devices."""
        if self.size == 1:
            return 0.0
        # A group of which some ranks are on another host waits for those.
        is_inside = count <= machine.host or machine.host % (self.size * self.stride) == 0
        link = machine.inside if is_inside else machine.between
        call = self.sent / self.calls / link.rate + link.latency
        return self.calls * max(0.0, call - self.cover) + self.handled * machine.packing


def exchanges(model, layout, cover=0.0):
    """Those of a block.

    - cover: seconds that attention to one chunk of a ring takes
    """
    own = math.ceil(model.tokens / layout.sequence) * model.width / layout.tp * model.bytes
    # Behind Ulysses a rank has as much: more tokens, and fewer heads. Results of some of the keys are 32-bit floats.
    wide = own / model.bytes * WIDE
    rows, columns = layout.mesh
    result = [
        Exchange("ulysses", 4 * own * (1 - 1 / layout.ulysses), 4 * own, 2, layout.ulysses, 1),
        Exchange("ring", 2 * own * (layout.ring - 1), (2 * own + wide) * (layout.ring - 1), max(1, layout.ring - 1),
                 layout.ring, layout.ulysses, cover),
        Exchange("mesh keys", 2 * own * (rows - 1), 2 * own * rows, 1, rows, columns * layout.ulysses),
        Exchange("mesh queries", own * (columns - 1), own * columns, 1, columns, layout.ulysses),
        Exchange("mesh results", wide * (columns - 1), wide * columns, 1, columns, layout.ulysses),
    ]  # fmt: skip
    whole = own * layout.tp
    tokens = whole / model.width / model.bytes
    share = 2 * (1 - 1 / layout.tp)
    return result + [
        Exchange("tensor sums", model.sums * whole * share, 0, model.sums, layout.tp, layout.sequence),
        Exchange("tensor norms", model.norms * tokens * WIDE * share, 0, model.norms, layout.tp, layout.sequence),
    ]


def gathers(model, layout):
    """The exchange behind the last block, and that of the guidance of a step."""
    tokens = model.tokens * model.width * model.stream_bytes
    latents = model.latents * WIDE
    return [
        Exchange("tokens", tokens * (1 - 1 / layout.sequence), 0, 1, layout.sequence, 1),
        Exchange("guidance", latents * (layout.cfg - 1), 0, 1, layout.cfg, layout.count // layout.cfg),
    ]


def parts(model, machine, layout):
    """Seconds of a request's denoising by what takes them."""
    problems = layout.problems(model.heads, model.branches)
    if problems:
        raise ValueError(f"{layout}: {'; '.join(problems)}")
    one = machine.single / machine.steps / model.branches
    predictions = math.ceil(model.branches / layout.cfg)
    # The rank with the most tokens is waited for.
    share = math.ceil(model.tokens / layout.sequence) / model.tokens
    attention = machine.attention * one * share / layout.tp
    cover = attention / model.blocks / layout.ring
    result = {
        "products": machine.products * one * share / layout.tp,
        "attention": attention,
        # Norms, gates and sums are of whole tokens, however the weights are cut.
        "rest": machine.rest * one * share,
    }
    result |= {each.name: model.blocks * each.seconds(machine, layout.count) for each in exchanges(model, layout, cover)}
    gathered, guidance = gathers(model, layout)
    result[gathered.name] = gathered.seconds(machine, layout.count)
    result = {name: seconds * predictions for name, seconds in result.items()}
    result[guidance.name] = guidance.seconds(machine, layout.count)
    return {name: seconds * machine.steps for name, seconds in result.items()}


def denoising(model, machine, layout):
    """Seconds of a request's denoising."""
    return sum(parts(model, machine, layout).values())


def calibrated(model, machine, layout, seconds):
    """The machine, with as much packing as makes a layout take so long."""
    none, some = (denoising(model, dataclasses.replace(machine, packing=packing), layout) for packing in (0, 1e-12))
    return dataclasses.replace(machine, packing=max(0.0, (seconds - none) / (some - none) * 1e-12))


def layouts(model, count):
    """All that a number of devices can have."""

    def divisors(number):
        return [divisor for divisor in range(1, number + 1) if number % divisor == 0]

    found = []
    for cfg in divisors(math.gcd(count, model.branches)):
        for parallel in divisors(count // cfg):
            context = count // cfg // parallel
            contexts = {(context, (1, 1))} | {(1, (rows, context // rows)) for rows in divisors(context)}
            for tp in divisors(parallel):
                found += [Layout(cfg, tp, ring, mesh, parallel // tp) for ring, mesh in sorted(contexts)]
    return [each for each in found if not each.problems(model.heads, model.branches)]


class Published:
    """Wan 2.2 A14B on GB200s, 40 steps: TensorRT-LLM's pull request 13821 and blog 25."""

    CALIBRATION = ("cfg=2,ulysses=2", 95.89)
    # Devices, layout, seconds.
    ROWS = [(2, "cfg=2", 174.00), (4, "cfg=2,ulysses=2", 95.89), (8, "cfg=2,ulysses=4", 48.06)]
    # The layouts of these were not published: Ulysses as far as 8, then a mesh.
    ASSUMED = [
        (16, "cfg=2,ulysses=8", 25.60),
        (24, "cfg=2,mesh=3x1,ulysses=4", 18.46),
        (32, "cfg=2,mesh=2x1,ulysses=8", 14.12),
        (64, "cfg=2,mesh=2x2,ulysses=8", 8.48),
    ]
    BLOG_SINGLE, BLOG = 370.8, (72, "cfg=2,mesh=3x3,ulysses=4", 7.04)
    # 80 frames are 20 in the latents.
    BLOG_MODEL = Model(tokens=72000, latents=16 * 20 * 90 * 160)
    WHOLE, DECODERS = 9.20, 8
    DECODING = {1: 2.72, 2: 1.72, 4: 1.04, 8: 0.83, 16: 0.85}


def decoding(devices):
    """Seconds of decoding: a part that is shared and one that is not, calibrated on one and two devices."""
    shared = 2 * (Published.DECODING[1] - Published.DECODING[2])
    return Published.DECODING[1] - shared + shared / devices


def table(titles, rows):
    """Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def others(model, machine, count):
    """The least and the most seconds that layouts take which such a run may have had."""
    found = [each for each in layouts(model, count) if each.cfg == 2 and each.tp == 1 and each.ulysses in (4, 8)]
    seconds = [denoising(model, machine, each) for each in found]
    return f"{min(seconds):.2f} to {max(seconds):.2f}"


def row(devices, name, published, predicted, note="", others=""):
    """One line of the comparison."""
    error = f"{predicted / published - 1:+.1%}"
    return [str(devices), name, f"{published:.2f}", f"{predicted:.2f}", note or error, others]


def comparison():
    """What is published beside what the model says."""
    model, text, seconds = Model(), *Published.CALIBRATION
    machine = calibrated(model, Machine(), layout(text), seconds)
    rows = [row(1, "one device", machine.single, machine.single, "given")]
    for devices, name, published in Published.ROWS:
        note = "calibration" if name == text else ""
        rows.append(row(devices, name, published, denoising(model, machine, layout(name)), note))
    for devices, name, published in Published.ASSUMED:
        predicted = denoising(model, machine, layout(name))
        rows.append(row(devices, f"{name} (assumed)", published, predicted, others=others(model, machine, devices)))
    blog = dataclasses.replace(machine, single=Published.BLOG_SINGLE)
    devices, name, published = Published.BLOG
    predicted = denoising(Published.BLOG_MODEL, blog, layout(name))
    whole = predicted + decoding(Published.DECODERS)
    rows.append(row(1, "one device, blog 25", blog.single, blog.single, "given"))
    rows.append(row(devices, name, published, predicted))
    rows.append(row(devices, f"the same and decoding on {Published.DECODERS}", Published.WHOLE, whole))
    for devices, published in Published.DECODING.items():
        note = "calibration" if devices <= 2 else ""
        rows.append(row(devices, "decoding alone", published, decoding(devices), note))
    packed = f"packing {machine.packing * 1e12:.2f} ps a byte, so {1e-9 / machine.packing:.0f} GB/s"
    titles = ["devices", "layout", "published s", "predicted s", "error", "other layouts s"]
    return f"{table(titles, rows)}\n\n{packed}"


def fastest(model, machine, count, most=5):
    """The layouts of some devices that take the least time."""
    found = sorted((denoising(model, machine, each), str(each)) for each in layouts(model, count))
    rows = [
        [name, f"{seconds:.2f}", f"{machine.single / seconds:.2f}", f"{machine.single / seconds / count:.0%}"]
        for seconds, name in found[:most]
    ]
    return table(["layout", "s", "times one device", "of ideal"], rows)


def breakdown(model, machine, layout):
    """Where a layout's time goes."""
    found = {name: seconds for name, seconds in parts(model, machine, layout).items() if seconds > 0}
    total = sum(found.values())
    rows = [[name, f"{seconds:.3f}", f"{seconds / total:.1%}"] for name, seconds in found.items()]
    return table([f"{layout}, {layout.count} devices", "s", "share"], [*rows, ["all", f"{total:.3f}", "100.0%"]])


def positive(kind):
    """Reads a number above 0."""

    def read(text):
        try:
            number = kind(text)
        except ValueError:
            number = 0
        if not 0 < number < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not a {'whole ' * (kind is int)}number above 0")
        return number

    return read


def arguments():
    usage = "predict.py [LAYOUT ...] [options]"
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(usage=usage, description=__doc__, formatter_class=formatter)
    parser.add_argument("layouts", nargs="*", type=layout, metavar="LAYOUT", help="cfg=2,ulysses=4 and so on")
    parser.add_argument("--devices", type=int, help="rank the layouts of so many, from 1 to 72")
    for name in ("blocks", "width", "heads", "tokens", "sums", "norms", "branches"):
        default = getattr(Model(), name)
        parser.add_argument(f"--{name}", type=positive(int), default=default, help=f"of the transformer: {default}")
    parser.add_argument("--single", type=positive(float), default=Machine.single, help="seconds of all steps on one device")
    parser.add_argument("--steps", type=positive(int), default=Machine.steps)
    parser.add_argument("--products", type=positive(float), default=Machine.products, help="their share of that time")
    parser.add_argument("--attention", type=positive(float), default=Machine.attention, help="its share")
    parser.add_argument("--host", type=positive(int), default=Machine.host, help="devices of a host, or NVLink domain")
    parser.add_argument("--inside", type=positive(float), default=Machine.inside.rate, help="bytes a second in a host")
    parser.add_argument("--between", type=positive(float), default=Machine.between.rate, help="and between hosts")
    parser.add_argument("--packing", type=positive(float), help="seconds a byte; from the published figures if absent")
    return parser.parse_args(), parser


def main():
    given, parser = arguments()
    if not given.layouts and given.devices is None:
        print(comparison())
        return
    if given.devices is not None and not 1 <= given.devices <= 72:
        parser.error(f"devices is {given.devices}; it must be from 1 to 72")
    if given.products + given.attention > 1:
        parser.error("products and attention are shares of one step, and cannot be more than 1 together")
    packing = given.packing
    if packing is None:
        packing = calibrated(Model(), Machine(), layout(Published.CALIBRATION[0]), Published.CALIBRATION[1]).packing
    model = Model(given.blocks, given.width, given.heads, given.tokens, given.sums, given.norms, branches=given.branches)
    machine = Machine(
        given.single, given.steps, given.products, given.attention, given.host,
        Link(given.inside, Machine.inside.latency), Link(given.between, Machine.between.latency), packing)  # fmt: skip
    try:
        for each in given.layouts:
            print(breakdown(model, machine, each), end="\n\n")
        if given.devices is not None:
            print(fastest(model, machine, given.devices))
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
