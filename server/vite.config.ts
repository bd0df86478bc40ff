import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** V8 keeps a source with one letter beyond Latin-1 at two bytes a letter, for as long as the server lives. */
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

/** The shell scripts, Ansible plugins and Python programs that a part finds beside its own file, and what starts the server. */
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
 * All that a server loads as one file, beside the few lines that call it: to find and read a thousand files takes longer than
 * all else that a start does.
 */
export default defineConfig({
  root: here('..'),
  logLevel: 'warn',
  plugins: [asciiOnly, scripts],
  // libsql is a binary, found by its package
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
      },
      output: {
        entryFileNames: '[name].js',
        chunkFileNames: '[name]-[hash].js',
        comments: false,
        // what is never reached is left out; names and lines stay as they are, for stack traces
        minify: { mangle: false, compress: true, codegen: { removeWhitespace: false } },
      },
    },
  },
});
