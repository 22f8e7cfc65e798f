"""How the scripts see what happens inside a pipeline: functions and modules that note their results."""


def noted(owner, name, keep):
    """Lets `keep` see the arguments and the result of each call of a function; returns what undoes it."""
    original = getattr(owner, name)
    is_own = name in vars(owner)

    def call(*args, **kwargs):
        result = original(*args, **kwargs)
        keep(args, result)
        return result

    setattr(owner, name, call)
    return lambda: setattr(owner, name, original) if is_own else delattr(owner, name)


class Notes(dict):
    """A dictionary that modules write their outputs to."""

    def __init__(self):
        super().__init__()
        self.hooks = []

    def output(self, module, *names):
        """Notes the output of `module`; a tuple of outputs goes to several names, of which None is left out."""

        def note(_, __, output):
            values = output if isinstance(output, tuple) else (output,)
            for name, value in zip(names, values):
                if name is not None:
                    self[name] = value.detach().clone()

        self.hooks.append(module.register_forward_hook(note))

    def done(self):
        """Removes every hook."""
        for hook in self.hooks:
            hook.remove()
