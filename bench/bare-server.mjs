// What the machine does without Sible: the same work by a few lines on the same libraries. Measured beside Sible in the same
// run, by the same clients. Prints its port; ends with its standard input.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const [kind, place = ''] = process.argv.slice(2);
const store =
  kind === 'sqlite' ? await openSqlite(place) : kind === 'mongodb' ? await openMongo(place) : null;

/** POST stores a row and its job; GET answers with the first 50 of them. */
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', async () => {
    const answer = request.method === 'POST' ? await store.insert(JSON.parse(body)) : await store?.page();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ data: answer ?? null }));
  });
});

if (kind === 'relay' || kind === 'subscribers') {
  const { WebSocketServer } = await import('ws');
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  sockets.on('connection', kind === 'relay' ? relay : serveLines());
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
process.stdin.on('end', () => process.exit(0)).resume();

/** What a program prints, from its pipe to the socket. */
function relay(socket) {
  const program = spawn(place, { stdio: ['ignore', 'pipe', 'ignore'] });
  program.stdout.on('data', (chunk) => socket.send(chunk));
  program.on('close', () => socket.close());
}

/** Enough of graphql-ws for the client of `subscribers`: messages that were made once, as fast as each socket takes them. */
function serveLines() {
  const lines = Number(place);
  const perMessage = 1_000;
  const messages = Array.from({ length: lines / perMessage }, (_, n) => {
    const text = Array.from({ length: perMessage }, (_, i) =>
      String(n * perMessage + i + 1).padStart(79, '0'),
    ).join('\n');
    const runLog = { firstLine: n * perMessage + 1, lineCount: perMessage, text };
    return Buffer.from(JSON.stringify({ id: '1', type: 'next', payload: { data: { runLog } } }));
  });
  return (socket) => {
    socket.on('message', async (data) => {
      if (String(data).includes('connection_init')) return socket.send('{"type":"connection_ack"}');
      for (const message of messages)
        await new Promise((done) => socket.send(message, { binary: false }, done));
      socket.send('{"id":"1","type":"complete"}');
    });
  };
}

async function openSqlite(file) {
  const { default: Database } = await import('libsql');
  const db = new Database(file);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  db.exec(
    'CREATE TABLE IF NOT EXISTS schedules (id INTEGER PRIMARY KEY, next_run_at INTEGER, body TEXT); CREATE INDEX IF NOT EXISTS by_next_run ON schedules (next_run_at); CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, body TEXT)',
  );
  const schedule = db.prepare('INSERT INTO schedules (next_run_at, body) VALUES (?, ?)');
  const job = db.prepare('INSERT INTO jobs (body) VALUES (?)');
  const first = db.prepare('SELECT body FROM schedules ORDER BY next_run_at LIMIT 50');
  return {
    insert(body) {
      schedule.run(Math.floor(Math.random() * 1e9), JSON.stringify(body));
      job.run(JSON.stringify(body));
      return 1;
    },
    page: () => first.all().map(({ body }) => JSON.parse(body)),
  };
}

async function openMongo(uri) {
  const { MongoClient } = await import('mongodb');
  const db = (await new MongoClient(uri).connect()).db();
  await db.collection('schedules').createIndex({ nextRunAt: 1 });
  return {
    async insert(body) {
      await db.collection('schedules').insertOne({ nextRunAt: Math.floor(Math.random() * 1e9), body });
      await db.collection('jobs').insertOne({ body });
      return 1;
    },
    page: () => db.collection('schedules').find().sort({ nextRunAt: 1 }).limit(50).toArray(),
  };
}
