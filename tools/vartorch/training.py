"""What both training programs share: the schedule, resuming, the log and its curves."""
import json
import math
import os
import time

import torch


def schedule(step, steps, warmup=50, decay=0.5):
    """Factor of the peak learning rate. Linear warm-up, constant, then a cosine to zero over the last `decay` of the steps.

    The constant part lets a run be lengthened or cut short when it is resumed with another number of steps.
    """
    if step < warmup:
        return (step + 1) / warmup
    start = steps * (1 - decay)
    if step < start:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - start) / (steps - start))))


class Run:
    """A training run's folder: state.pt to resume from, log.jsonl with one record a line."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.state_path, self.log_path = folder, f'{folder}/state.pt', f'{folder}/log.jsonl'
        self.started = time.time()

    def resume(self, modules):
        """Loads every module's state and the random generators'; returns the first step to do."""
        if not os.path.exists(self.state_path):
            return 0
        state = torch.load(self.state_path, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(state[name])
        torch.set_rng_state(state['rng'])
        return state['step']

    def save(self, step, modules):
        state = {name: module.state_dict() for name, module in modules.items()}
        torch.save(state | {'step': step, 'rng': torch.get_rng_state()}, self.state_path + '.new')
        os.replace(self.state_path + '.new', self.state_path)

    def log(self, **record):
        record = {k: round(v, 5) if isinstance(v, float) else v for k, v in record.items()}
        record['seconds'] = round(time.time() - self.started, 1)
        with open(self.log_path, 'a') as f:
            f.write(json.dumps(record) + '\n')
        print(json.dumps(record), flush=True)


class Ema(torch.nn.Module):
    """An exponential moving average of a module's floating-point state."""

    def __init__(self, module, decay):
        super().__init__()
        self.decay = decay
        self.average = {k: v.detach().clone() for k, v in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        for k, v in module.state_dict().items():
            if v.is_floating_point() and not torch.isinf(v).any():
                self.average[k].lerp_(v, 1 - decay)

    def state_dict(self):
        return self.average

    def load_state_dict(self, state):
        self.average = {k: v.clone() for k, v in state.items()}
