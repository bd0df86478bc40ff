// usage: node scripts/test-image/database.mjs new|drop <file with a MongoDB URI
// new: prints the URI of a database that is not there yet, on the same server. drop: drops the database of the URI.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { MongoClient } from 'mongodb';

// the URI can hold a password: it comes on stdin, where no program shows it
const uri = readFileSync(0, 'utf8').trim();

if (process.argv[2] === 'new') {
  const url = new URL(uri);
  url.pathname = `/sible-image-${randomUUID().slice(0, 8)}`;
  console.log(url.href);
} else {
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 5_000 });
  try {
    await client.db().dropDatabase();
  } finally {
    await client.close();
  }
}
