import { writeFile } from 'node:fs/promises';
import { printSchema } from 'graphql';
import { schema } from './schema.ts';

// `npm run schema`: the committed file that clients and the drift test read
await writeFile(new URL('../../schema.graphql', import.meta.url), `${printSchema(schema)}\n`);
