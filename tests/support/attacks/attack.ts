import type { TestServer } from '../with-server.ts';

/** What clients may do to the server: for the tests, which say that it survives, and the benchmark, which says how well. */
export interface Attack {
  readonly title: string;
  /** Clients without the key that take part; 0: who attacks has it. */
  readonly strangers: number;
  readonly playbooks?: Readonly<Record<string, string>>;
  /** What is done, each step after the one before. */
  readonly steps: readonly Step[];
}

export interface Step {
  readonly title: string;
  /** @returns the answer, or the error that the client was told; empty when nobody reads one */
  run(target: TestServer): Promise<string>;
}

export const ATTACKS_TOKEN = 'a-token-for-tests-only';

export const repeat = (count: number, part: (n: number) => string, joiner = ' ') =>
  Array.from({ length: count }, (_, n) => part(n)).join(joiner);

/** The answer, or the error that the client was told. */
export const told = (answer: Promise<unknown>): Promise<string> =>
  answer.then(
    (data) => JSON.stringify(data),
    (error: unknown) => String(error),
  );
