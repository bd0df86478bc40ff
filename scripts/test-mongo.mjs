// `npm run test:mongo`: the tests that touch the storage, on MongoDB: the one of MONGODB_URI, else one that
// scripts/mongo-wire.sh brings up (and leaves running: the next run starts at once; `scripts/mongo-wire.sh down` ends it).
import { spawnSync } from 'node:child_process';

const uri = process.env.MONGODB_URI ?? bringUp();
const args = process.argv.length > 2 ? process.argv.slice(2) : ['--project', 'storage', '--project', 'flow'];

const { status } = spawnSync('npx', ['vitest', 'run', ...args], {
  stdio: 'inherit',
  env: { ...process.env, MONGODB_URI: uri, REQUIRE_MONGO: '1' },
});
process.exit(status ?? 1);

function bringUp() {
  const up = spawnSync('bash', ['scripts/mongo-wire.sh', 'up'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  const found = /^MONGODB_URI=(\S+)$/m.exec(up.stdout ?? '')?.[1];
  if (!found) process.exit(up.status || 1);
  return found;
}
