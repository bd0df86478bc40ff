import { SonicBoom } from 'sonic-boom';

/**
 * The log on standard output. Writing never blocks, so a slow or stalled reader cannot hold up the server.
 */
export interface LogOutput {
  write(text: string): void;
  /** Exits once all output is flushed or can no longer be. */
  exit(code: number): void;
}

/** Buffer for a slow reader or a full disk, in bytes; lines beyond it are dropped. */
const MAX_KEPT_BYTES = 1_048_576;
const EXIT_TIMEOUT_MS = 1_000;

/**
 * pino's own destination exits the process when a write fails, and blocks forever on a full disk while it
 * does so.
 */
export function openLogOutput(): LogOutput {
  const stream = new SonicBoom({ fd: 1, maxLength: MAX_KEPT_BYTES });
  // the next line retries what could not be written
  stream.on('error', () => undefined);
  let isExiting = false;
  return {
    write(text) {
      if (!isExiting) stream.write(text);
    },
    exit(code) {
      if (isExiting) return;
      isExiting = true;
      const exit = () => process.exit(code);
      stream.once('close', exit).once('error', exit).end();
      // a blocked write cannot be canceled, and Node would wait for it before exiting
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), EXIT_TIMEOUT_MS);
    },
  };
}
