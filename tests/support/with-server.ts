import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createCgroups } from '../../server/runner/process/cgroup.ts';
import type { Timings } from '../../server/timings.ts';
import { findAnsible } from './ansible.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';
import type { StorageChoice } from './storages.ts';
import { makeTempDir } from './temp-dir.ts';
import { TEST_TIMINGS } from './timings.ts';

/** A server on data of its own, to be killed and started again, with a client of its API. */
export interface TestServer {
  readonly dataDir: string;
  readonly server: ServerProcess;
  readonly api: ApiClient;
  writePlaybook(path: string, content: string): void;
  /** Starts it again on the same data, after it was killed or stopped. */
  restart(): Promise<void>;
}

export interface TestServerOptions {
  readonly storage: StorageChoice;
  /** Real Ansible, or a program that does what the playbook's comments say. */
  readonly ansible: 'real' | 'scripted';
  readonly env?: Record<string, string>;
  /** What it waits; those of `TEST_TIMINGS` when left out. */
  readonly timings?: Timings;
  /** A command that starts it as another user. */
  readonly launcher?: readonly string[];
  /** A data folder that outlives the server; made and removed when none is given. */
  readonly playbooks?: Record<string, string>;
}

export const SCRIPTED = new URL('../fixtures/bin/scripted-playbook', import.meta.url).pathname;

/** Everything is stopped and removed when `work` ends, however it ends. */
export async function withServer(
  options: TestServerOptions,
  work: (server: TestServer) => Promise<void>,
): Promise<void> {
  const folder = await makeTempDir();
  const dataDir = join(folder.path, 'data');
  const writePlaybook = (path: string, content: string) => {
    const file = join(dataDir, 'playbooks', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  };
  for (const [path, content] of Object.entries(options.playbooks ?? {})) writePlaybook(path, content);
  const env = {
    ...options.storage.env,
    SIBLE_ANSIBLE_PLAYBOOK: options.ansible === 'real' ? findAnsible() : SCRIPTED,
    ...options.env,
  };
  const start = () => startServerProcess(dataDir, env, options.launcher, options.timings ?? TEST_TIMINGS);
  let server = await start();
  let api = createApiClient(server.url, options.env?.SIBLE_ADMIN_TOKEN ?? null);
  try {
    await work({
      dataDir,
      get server() {
        return server;
      },
      get api() {
        return api;
      },
      writePlaybook,
      async restart() {
        await api.close();
        server = await start();
        api = createApiClient(server.url, options.env?.SIBLE_ADMIN_TOKEN ?? null);
      },
    });
  } catch (error) {
    // what the server had to say is the half of what went wrong
    console.error(server.output().slice(-4_000));
    throw error;
  } finally {
    await api.close();
    await server.stop();
    // a server that was killed has left the groups of its runs
    await createCgroups(dataDir).close();
    await options.storage.drop();
    await folder.remove();
  }
}
