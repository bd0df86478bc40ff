import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { Measure } from './measure.ts';

const DIST = new URL('../dist/client/', import.meta.url);

/** What a browser loads before the first page is shown, and what comes with the pages. */
export async function bundle(): Promise<Measure[]> {
  const sizeOf = (path: string) => gzipSync(readFileSync(new URL(path, DIST))).length / 1_000;
  const assets = readdirSync(new URL('assets/', DIST)).filter((name) => /\.(js|css)$/.test(name));
  // the editor is what the editor's page alone imports
  const isEditor = (name: string) => /^(yaml-editor|editor-look|text-difference)/.test(name);
  const sum = (names: string[]) => names.reduce((total, name) => total + sizeOf(`assets/${name}`), 0);
  const value = sizeOf('index.html') + sum(assets.filter((name) => !isEditor(name)));
  return [
    {
      name: 'console, all pages without the editor',
      storage: null,
      value,
      unit: 'kB gzip',
      limit: null,
      limitIs: null,
      goal: '≤ 250 kB',
      isReached: value <= 250,
      details: { editorKb: sum(assets.filter(isEditor)) },
    },
  ];
}
