import { writeFile } from 'node:fs/promises';
import { schemaText } from './schema-text.ts';

// `npm run schema`: writes the committed file that clients and the drift test read
await writeFile(new URL('../../schema.graphql', import.meta.url), schemaText());
