import { afterAll, beforeAll } from 'vitest';
import { type TestServer, type TestServerOptions, withServer } from './with-server.ts';

/**
 * For the `describe` it is called in: one server for all its tests, which leave it as they found it.
 * @param options as a function where they can be known only when the first of them begins
 */
export function useServer(options: TestServerOptions | (() => TestServerOptions)): () => TestServer {
  return useShared((work) => withServer(typeof options === 'function' ? options() : options, work));
}

/** For the `describe` it is called in: what `withOne` has for as long as its work goes on. */
export function useShared<T>(withOne: (work: (one: T) => Promise<void>) => Promise<void>): () => T {
  let shared: T | null = null;
  let finish: () => void = () => undefined;
  let finished = Promise.resolve();
  beforeAll(async () => {
    await new Promise<void>((resolve, reject) => {
      finished = withOne((one) => {
        shared = one;
        resolve();
        return new Promise((done) => {
          finish = done;
        });
      });
      finished.catch(reject);
    });
  });
  afterAll(async () => {
    finish();
    await finished;
  });
  return () => {
    if (shared === null) throw new Error('The server has not started.');
    return shared;
  };
}
