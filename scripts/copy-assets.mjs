// Copies what the server needs beside its compiled sources: files that the TypeScript compiler leaves behind.
import { cp } from 'node:fs/promises';

const SUFFIXES = ['.sh', '.py'];

await cp(new URL('../server/runner/', import.meta.url), new URL('../dist/server/runner/', import.meta.url), {
  recursive: true,
  filter: (source) =>
    !/\.[^/]+$/.test(source.split('/').pop() ?? '') || SUFFIXES.some((suffix) => source.endsWith(suffix)),
});
