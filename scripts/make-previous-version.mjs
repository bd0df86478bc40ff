// `npm run make:previous-version`, run at each release with its own code: writes a database and a data folder of this very
// version to tests/fixtures/previous-version, on both storages (MONGODB_URI names a MongoDB). The next versions are tested
// with it: tests/contract/migration-contract.ts reads everything in it, tests/flow/upgrade.test.ts starts a server on it.
// A server of this version is killed with three runs under way: one ends without it, one is killed too, one waits.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { BSON, MongoClient } from 'mongodb';
import { localId } from '../server/graphql/ids.ts';
import { createCgroups } from '../server/runner/process/cgroup.ts';
import { runToDocument, tickToDocument } from '../server/storage/mongo/mongo-documents.ts';
import { openStorage } from '../server/storage/open-storage.ts';
import { TIMINGS } from '../server/timings.ts';
import { createApiClient } from '../tests/support/api-client.ts';
import buildServer from '../tests/support/build-server.ts';
import { makeMongoDatabase } from '../tests/support/mongo.ts';
import { findRun, readLog, runPlaybook } from '../tests/support/operations.ts';
import { fillStorage, readEverything } from '../tests/support/previous-version/contents.ts';
import { processesOf } from '../tests/support/processes.ts';
import { startServerProcess } from '../tests/support/server-process.ts';
import { waitUntil } from '../tests/support/wait-until.ts';

const TARGET = new URL('../tests/fixtures/previous-version/', import.meta.url).pathname;
const SCRIPTED = new URL('../tests/fixtures/bin/scripted-playbook', import.meta.url).pathname;
const PLAYBOOKS = {
  'hello.yaml': '- hosts: localhost\n# print hello\n',
  'ends-alone.yaml':
    '- hosts: localhost\n# print before\n# sleep 4000\n# print after\n# lines 200 0\n# exit 3\n',
  'killed.yaml': '- hosts: localhost\n# print before\n# sleep 600000\n',
};

const database = makeMongoDatabase();
try {
  await buildServer();
  await make('sqlite', {});
  await make('mongodb', { MONGODB_URI: database.uri });
} finally {
  await database.drop();
}

async function make(kind, env) {
  const dataDir = mkdtempSync(join(tmpdir(), 'sible-'));
  try {
    mkdirSync(join(dataDir, 'playbooks'));
    for (const [name, text] of Object.entries(PLAYBOOKS))
      writeFileSync(join(dataDir, 'playbooks', name), text);
    writeFileSync(join(dataDir, 'worker-id'), 'previous-version\n');
    const ids = await leaveRunsBehind(dataDir, env);

    const mongodbUri = env.MONGODB_URI ?? null;
    const storage = await openStorage({
      mongodbUri,
      sqlitePath: join(dataDir, 'sible.sqlite'),
      timings: TIMINGS,
    });
    const firing = await fillStorage(storage);
    const documents = mongodbUri ? await dumpCutShort(mongodbUri, firing) : await fire(storage, firing);
    await storage.schedules.completeFirings();
    const expected = await readEverything(storage);
    await storage.close();

    const target = join(TARGET, kind);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    for (const name of ['playbooks', 'runs', 'worker-id'])
      cpSync(join(dataDir, name), join(target, name), { recursive: true });
    if (documents) writeFileSync(join(target, 'documents.json'), `${documents}\n`);
    else copyDatabase(join(dataDir, 'sible.sqlite'), join(target, 'sible.sqlite'));
    writeFileSync(join(target, 'expected.json'), `${JSON.stringify({ ids, ...expected })}\n`);
  } finally {
    await createCgroups(dataDir).close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** @returns the runs that were under way, by what became of them */
async function leaveRunsBehind(dataDir, env) {
  const server = await startServerProcess(dataDir, {
    ...env,
    SIBLE_ANSIBLE_PLAYBOOK: SCRIPTED,
    SIBLE_CONCURRENCY: '2',
  });
  const api = createApiClient(server.url);
  const killed = await runPlaybook(api, 'killed.yaml');
  const endsAlone = await runPlaybook(api, 'ends-alone.yaml');
  const queued = await runPlaybook(api, 'hello.yaml');
  for (const id of [killed, endsAlone])
    await waitUntil(async () => (await readLog(api, id)).text.includes('before'));
  if ((await findRun(api, queued)).status !== 'QUEUED') throw new Error('The third run does not wait.');
  await api.close();
  await server.kill();
  for (const pid of processesOf(killed)) process.kill(pid, 'SIGKILL');
  await waitUntil(() => processesOf(endsAlone).length === 0, { withinMs: 20_000 });
  const [own, ownEnd, ownQueued] = [killed, endsAlone, queued].map((id) => localId('Run', id));
  return { killed: own, endsAlone: ownEnd, queued: ownQueued };
}

async function fire(storage, firing) {
  await storage.schedules.fire([firing]);
  return null;
}

/** All documents, with a firing whose node was killed before it had stored anything but the decision. */
async function dumpCutShort(uri, { scheduleId, nextRunAt, ticks, runs }) {
  const client = new MongoClient(uri);
  const db = client.db();
  const firing = { id: 'cut-short', ticks: ticks.map(tickToDocument), runs: runs.map(runToDocument) };
  await db.collection('schedules').updateOne({ _id: scheduleId }, { $set: { nextRunAt, firing } });
  const collections = await db.listCollections().toArray();
  const dump = {};
  // hints for other nodes, gone within the hour
  for (const name of collections.map((one) => one.name).sort())
    if (name !== 'changes') dump[name] = await db.collection(name).find().sort({ _id: 1 }).toArray();
  await client.close();
  return BSON.EJSON.stringify(dump, { relaxed: false });
}

/** As one small file without a journal. */
function copyDatabase(from, to) {
  const db = new Database(from);
  db.prepare('VACUUM INTO ?').run(to);
  db.close();
}
