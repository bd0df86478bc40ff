import { execFileSync, spawnSync } from 'node:child_process';
import { mongoUri } from './mongo.ts';

/** A MongoDB of one's own, to be killed: the one that others use beside it goes on. */
export interface OwnMongo {
  readonly uri: string;
  /** SIGKILL to all of it. */
  kill(): void;
  /** On the same data. Resolves when it answers. */
  start(): void;
  /** Ends it and removes its data. */
  remove(): void;
}

const SCRIPT = new URL('../../scripts/mongo-wire.sh', import.meta.url).pathname;

/** Whether this machine has what `mongo-wire.sh` installs; a MongoDB from elsewhere cannot be killed. */
export const canKillMongo =
  mongoUri() !== null && spawnSync(SCRIPT, ['status'], { stdio: 'ignore' }).status === 0;
if (!canKillMongo)
  console.log('Not covered: a MongoDB that is killed, since scripts/mongo-wire.sh runs none here');

export function startOwnMongo(): OwnMongo {
  // two runs of the suite must not kill each other's; both below the ports that the kernel gives to connections
  const port = 27_200 + Math.floor(Math.random() * 500);
  const env = { ...process.env, SIBLE_MONGO_PORT: String(port), SIBLE_MONGO_PG_PORT: String(port + 1_000) };
  const call = (command: string) =>
    execFileSync(SCRIPT, [command], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  call('down');
  const uri = /MONGODB_URI=(\S+)/.exec(call('start'))?.[1];
  if (!uri) throw new Error('mongo-wire.sh did not say where it listens.');
  return {
    uri: `${uri}sible-own`,
    kill: () => call('kill'),
    start: () => call('start'),
    remove: () => call('down'),
  };
}
