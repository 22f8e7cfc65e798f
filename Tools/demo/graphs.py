"""Training steps as CUDA graphs: one launch instead of a thousand."""

import torch

from journal import log

WARM_UP = 3  # calls before a step is captured


class Step:
    """A function without arguments that reads and updates tensors in place, always the same ones, and returns a tensor.

    The first calls run it as it is; then, on a GPU, it is captured and replayed. It must not wait for the GPU, move
    anything to or from the CPU, or draw random numbers. If it cannot be captured, it goes on running as it is.
    """

    capture = False  # set once for all steps

    def __init__(self, name, function):
        self.name, self.function = name, function
        self.calls, self.graph, self.output = 0, None, None

    def __call__(self):
        self.calls += 1
        if Step.capture and self.calls == WARM_UP + 1:
            self._record()
        if self.graph is not None:
            self.graph.replay()
            return self.output
        return self._run_aside() if Step.capture else self.function()

    def _run_aside(self):
        """Run on another stream than the default one, as PyTorch asks of the calls before a capture."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            output = self.function()
        torch.cuda.current_stream().wait_stream(stream)
        return output

    def _record(self):
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph):
                self.output = self.function()
            self.graph = graph
            log(f"{self.name}: captured as a CUDA graph")
        except RuntimeError as error:
            Step.capture = False
            log(f"{self.name}: no CUDA graph, steps run one launch at a time: {error}")
