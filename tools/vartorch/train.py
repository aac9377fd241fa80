"""Trains the demo model from the data to the files of models/fashion-var, in one command; rerun to resume.

usage: python3 -m vartorch.train --data DIR --runs DIR --output models/fashion-var     (from tools/)

Runs, one after the other: train_vqvae, train_var, classifier, export, evaluate, score, curves.
"""
import argparse
import os
import subprocess
import sys


def step(module, *arguments):
    print('—', module, *arguments, flush=True)
    subprocess.run([sys.executable, '-m', f'vartorch.{module}', *arguments], check=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--data', default='../.build/data', help='where Debian\'s package dataset-fashion-mnist is unpacked, or is to be')
    ap.add_argument('--runs', default='../.build/train', help='checkpoints and logs')
    ap.add_argument('--output', default='../models/fashion-var')
    ap.add_argument('--vae-steps', default='1000')
    ap.add_argument('--var-steps', default='1200')
    ap.add_argument('--workers', default='2', help='single-threaded processes')
    args = ap.parse_args()
    vae_run, var_run, judge = f'{args.runs}/vqvae', f'{args.runs}/var', f'{args.output}/classifier.pth'
    os.makedirs(args.output, exist_ok=True)
    files = ('--var', f'{args.output}/var.pth', '--vae', f'{args.output}/vae.pth')
    step('train_vqvae', '--data', args.data, '--run', vae_run, '--steps', args.vae_steps, '--workers', args.workers)
    step('train_var', '--data', args.data, '--vae', f'{vae_run}/state.pt', '--run', var_run, '--steps', args.var_steps,
         '--workers', args.workers)
    if not os.path.exists(judge):
        step('classifier', '--data', args.data, '--output', judge)
    step('export', '--vae', f'{vae_run}/state.pt', '--var', f'{var_run}/state.pt', '--output', args.output)
    step('curves', '--vae', f'{vae_run}/log.jsonl', '--var', f'{var_run}/log.jsonl', '--output', f'{args.output}/curves.svg')
    step('evaluate', '--data', args.data, *files)
    step('score', '--data', args.data, '--classifier', judge, *files, '--grid', f'{args.output}/samples.png')


if __name__ == '__main__':
    main()
