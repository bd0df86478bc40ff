import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * V8 stores a source with any character beyond Latin-1 at two bytes per character for as long as the server
 * lives.
 */
const asciiOnly: Plugin = {
  name: 'ascii-only',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = chunk.code.replace(
        // biome-ignore lint/suspicious/noControlCharactersInRegex: all but ASCII
        /[^\x00-\x7f]/g,
        (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
    }
  },
};

/**
 * The shell scripts, Ansible plugins and Python programs that a module looks for next to its own file, and
 * the entry script.
 */
const scripts: Plugin = {
  name: 'scripts',
  generateBundle() {
    for (const folder of ['runner/process', 'runner/ansible', 'reader']) {
      const names = readdirSync(here(folder), { recursive: true, encoding: 'utf8' });
      for (const fileName of names.filter((name) => /\.(?:sh|py)$/.test(name)))
        this.emitFile({ type: 'asset', fileName, source: readFileSync(here(`${folder}/${fileName}`)) });
    }
    this.emitFile({ type: 'asset', fileName: 'start.sh', source: readFileSync(here('start.sh')) });
  },
};

/**
 * Bundles everything that a server loads into one file, besides a small entry script: finding and reading a
 * thousand files takes longer than the rest of a start.
 */
export default defineConfig({
  root: here('..'),
  logLevel: 'warn',
  plugins: [asciiOnly, scripts],
  // libsql is a native module, resolved through its package
  ssr: { noExternal: true, external: ['libsql'] },
  build: {
    ssr: true,
    outDir: here('../dist/server'),
    emptyOutDir: true,
    target: 'node20',
    rollupOptions: {
      input: {
        main: here('main.ts'),
        serve: here('serve.ts'),
        'yaml-worker': here('reader/yaml-worker.mjs'),
        'search-worker': here('services/logs/search-worker.mjs'),
      },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        comments: false,
        // drops dead code; keeps names and line breaks for stack traces
        minify: { mangle: false, compress: true, codegen: { removeWhitespace: false } },
      },
    },
  },
});
