import { Worker } from 'node:worker_threads';
import type { PlaybookVerdict } from '../domain/playbooks/playbook-check.ts';
import type { Engine } from './lane.ts';

/** The build compiles the worker to a `.js` module. */
const PROGRAM = import.meta.url.endsWith('.ts') ? 'yaml-worker.mjs' : 'yaml-worker.js';

/** Reads with our own parser, in a worker thread. */
export function startThread(): Engine {
  const worker = new Worker(new URL(PROGRAM, import.meta.url), {
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 192 },
  });
  worker.unref();
  let isAlive = true;
  let tell: ((verdict: PlaybookVerdict | null) => void) | null = null;
  const settle = (verdict: PlaybookVerdict | null) => {
    const waiting = tell;
    tell = null;
    waiting?.(verdict);
  };
  const onEnd = () => {
    isAlive = false;
    settle(null);
  };
  worker.on('message', settle).on('error', onEnd).on('exit', onEnd);
  return {
    ask: (bytes) =>
      new Promise((resolve) => {
        if (!isAlive) return resolve(null);
        tell = resolve;
        worker.postMessage(bytes);
      }),
    isAlive: () => isAlive,
    end: () => void worker.terminate(),
  };
}
