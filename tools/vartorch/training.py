"""What both training programs share: the schedule, data-parallel workers, resuming, the log.

Each worker is a process with one thread: on a busy machine that beats threads inside each operation, which wait for
each other hundreds of times a step.
"""
import json
import math
import os
import time

import torch
from torch import distributed


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


def launch(train, args):
    """Runs train(args, rank) in `args.workers` processes that can exchange tensors."""
    torch.multiprocessing.spawn(_work, (train, args), nprocs=args.workers)


def _work(rank, train, args):
    torch.set_num_threads(1)
    os.environ |= {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(args.port)}
    distributed.init_process_group('gloo', rank=rank, world_size=args.workers)
    train(args, rank)
    distributed.destroy_process_group()


def seed_worker(args, rank, step):
    """A different stream for each worker, and after each resumption."""
    torch.manual_seed(args.seed + 1009 * rank + 7919 * step)


def average_gradients(model):
    """Every worker's gradients become the mean over the workers."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= distributed.get_world_size()
    for g, mean in zip(gradients, flat.split([g.numel() for g in gradients])):
        g.copy_(mean.view_as(g))


class Run:
    """A training run's folder: state.pt to resume from, log.jsonl with one record a line; worker 0 writes."""

    def __init__(self, folder, rank=0):
        os.makedirs(folder, exist_ok=True)
        self.rank = rank
        self.folder, self.state_path, self.log_path = folder, f'{folder}/state.pt', f'{folder}/log.jsonl'
        self.started = time.time()

    def resume(self, modules):
        """Loads every module's state; returns the first step to do."""
        if not os.path.exists(self.state_path):
            return 0
        state = torch.load(self.state_path, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(state[name])
        return state['step']

    def save(self, step, modules):
        if self.rank != 0:
            return
        state = {name: module.state_dict() for name, module in modules.items()}
        torch.save(state | {'step': step}, self.state_path + '.new')
        os.replace(self.state_path + '.new', self.state_path)

    def log(self, **record):
        if self.rank != 0:
            return
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
