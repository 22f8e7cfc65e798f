"""Adam with the models in one data type and the weights it updates in float32, all in a few flat tensors."""

import torch

BETAS = (0.9, 0.98)
EPSILON = 1e-8
WEIGHT_DECAY = 0.01
ALIGNMENT = 64  # elements; kernels are fastest on aligned weights


class FlatAdam:
    """AdamW with gradient clipping and a moving average of the weights; the models' weights become views of one tensor.

    Every operation stays on the device and updates tensors in place, so that a CUDA graph can hold it.
    """

    def __init__(self, models):
        self.weights = [p for model in models for p in model.parameters()]
        like = self.weights[0].detach()
        gaps = [-p.numel() % ALIGNMENT for p in self.weights]
        self.gaps = [like.new_zeros(gap) for gap in gaps]
        self.flat = torch.cat([part for p, gap in zip(self.weights, self.gaps) for part in (p.detach().flatten(), gap)])
        for weight, part in zip(self.weights, self.flat.split([p.numel() + n for p, n in zip(self.weights, gaps)])):
            weight.data = part[: weight.numel()].view_as(weight)
        self.master = self.flat.float().clone()
        self.average = self.master.clone()
        self.first, self.second = torch.zeros_like(self.master), torch.zeros_like(self.master)
        # Filled in before each step: learning rate, and how much of the moving average is replaced.
        self.rate, self.renewal = self.master.new_zeros(()), self.master.new_zeros(())
        self.count, self.skipped = self.master.new_zeros(()), self.master.new_zeros(())

    def schedule(self, rate, renewal):
        self.rate.fill_(rate)
        self.renewal.fill_(renewal)

    def follow(self, loss):
        """One step down the loss's gradient, or none if the gradient is not finite."""
        gradients = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            parts = [part for g, gap in zip(gradients, self.gaps) for part in (g.flatten(), gap)]
            gradient = torch.cat(parts).float()
            norm = gradient.norm()
            finite = norm.isfinite()
            gradient = torch.where(finite, gradient / norm.clamp(min=1), 0)
            self.skipped += ~finite
            self.count += finite
            self.first.lerp_(gradient, 1 - BETAS[0])
            self.second.lerp_(gradient.square_(), 1 - BETAS[1])
            deviation = (self.second / (1 - BETAS[1] ** self.count).clamp(min=EPSILON)).sqrt_().add_(EPSILON)
            change = (self.first / (1 - BETAS[0] ** self.count).clamp(min=EPSILON)).div_(deviation)
            change.add_(self.master, alpha=WEIGHT_DECAY)
            self.master.sub_(change.mul_(self.rate * finite))
            self.average.lerp_(self.master, self.renewal)
            self.flat.copy_(self.master)

    @torch.no_grad()
    def use_average(self):
        """Put the moving average into the models."""
        self.flat.copy_(self.average)

    @torch.no_grad()
    def use_latest(self):
        """Put the latest weights into the models."""
        self.flat.copy_(self.master)

    def _tensors(self):
        names = ("master", "average", "first", "second", "count", "skipped")
        return {name: getattr(self, name) for name in names}

    def state_dict(self):
        return self._tensors()

    @torch.no_grad()
    def load_state_dict(self, state):
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])
        self.use_latest()
