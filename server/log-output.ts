import { SonicBoom } from 'sonic-boom';

/** Standard output, for the log: never waited for, so that whoever reads it, or does not, holds up nothing. */
export interface LogOutput {
  write(text: string): void;
  /** Ends the process when what was written is out, or cannot be. */
  exit(code: number): void;
}

/** What is kept for a reader that is slow, or a disk that is full, in bytes; what comes on top of it is not logged. */
const MAX_KEPT_BYTES = 1_048_576;
const EXIT_TIMEOUT_MS = 1_000;

/** pino's own ends the process when a write fails, and waits forever for a full disk while it does so. */
export function openLogOutput(): LogOutput {
  const stream = new SonicBoom({ fd: 1, maxLength: MAX_KEPT_BYTES });
  // what was not written is tried again with the next line
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
      // a write that a reader holds up cannot be taken back, and Node waits for it to exit
      setTimeout(() => process.kill(process.pid, 'SIGKILL'), EXIT_TIMEOUT_MS);
    },
  };
}
