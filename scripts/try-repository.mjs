#!/usr/bin/env node
// `node scripts/try-repository.mjs [--report FILE] FOLDER…`: tries the built server on copies of folders with playbooks: lists
// them, opens each, saves each without a change (and with one that it takes back), and compares what Sible says of each with
// `ansible-playbook --syntax-check`, started by hand. Prints a table for each folder; ends with 1 when a file was damaged or
// a request failed. The differences want to be looked at by eye: FILE gets them all.
import { cpSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { askAnsible, checkSyntax } from './try-repository/ansible.mjs';
import { OPEN, SCHEDULE, save, startServer } from './try-repository/server.mjs';

/** What is no fault of the file: something else is not there, or is known to a run only. */
const MISSING =
  /couldn't resolve module|role '.*' was not found|unable to (locate|find)|could not (find|locate)|unable to retrieve file contents|no vault secrets|is undefined|does not exist|deprecated_removed|has been removed|no file was found|as an inventory source|(collection|plugin).{0,200}(was not found|could not be found)|error loading/i;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { report: { type: 'string' } },
});
if (positionals.length === 0) {
  console.error('usage: try-repository.mjs [--report FILE] FOLDER…');
  process.exit(2);
}
const all = [];
for (const folder of positionals) all.push(await tryFolder(folder));
if (values.report) writeFileSync(values.report, JSON.stringify(all, null, 1));
if (all.some(({ table }) => table.failed + table.damaged > 0)) process.exitCode = 1;

async function tryFolder(folder) {
  const temporary = mkdtempSync(join(tmpdir(), 'sible-try-'));
  const copy = join(temporary, 'playbooks');
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const server = await startServer(temporary, copy);
  try {
    const files = [...walk(copy)];
    const yaml = files.filter((path) => /\.ya?ml$/i.test(path));
    const [{ playbooks, playbooksLeftOut }, listMs] = await timed(() => settledList(server));
    const listed = new Set(playbooks.map(({ path }) => path));
    const kinds = new Map((await askAnsible('kinds', copy, yaml)).map(({ path, kind }) => [path, kind]));
    const entries = [];
    for (const { path, problem } of playbooks)
      entries.push({ path, kind: kinds.get(path), ...(await tryPlaybook(server, copy, path, problem)) });
    // before Ansible has its turn: it may leave files of its own
    const added = [...walk(copy)].filter((path) => !files.includes(path));
    await checkSyntax(copy, entries);
    for (const entry of entries) entry.class = compare(entry);
    const unlisted = yaml.filter((path) => !listed.has(path) && kinds.get(path) === 'playbook');
    const count = (test) => entries.filter(test).length;
    const table = {
      files: files.length,
      yaml: yaml.length,
      listed: listed.size,
      leftOut: playbooksLeftOut,
      'not listed, a playbook to Ansible': unlisted.length,
      'listed, no playbook to Ansible': count(({ kind }) => kind === 'list' || kind === 'other'),
      'listed with a remark': count(({ problem }) => problem !== null),
      opened: count(({ content }) => content),
      'saved, identical': count(({ saved }) => saved === true),
      'changed and back, identical': count(({ changed }) => changed === true),
      'verdict equal': count(({ class: name }) => name === 'equal'),
      'verdict equal but for what is missing': count(({ class: name }) => name === 'missing'),
      damaged: count(({ damage }) => damage) + added.length,
      failed: count(({ error }) => error),
      'list, ms': Math.round(listMs),
      'slowest request, ms': Math.round(Math.max(0, ...entries.map(({ ms }) => ms))),
    };
    const differences = entries.filter(({ class: name }) => name !== 'equal' && name !== 'missing');
    console.log(`\n${basename(folder)}`);
    console.table(table);
    for (const name of new Set(differences.map((entry) => entry.class))) {
      const some = differences.filter((entry) => entry.class === name);
      console.log(`${String(some.length).padStart(5)}  ${name}\n         e.g. ${some[0].path}`);
    }
    for (const path of unlisted) console.log(`       not listed: ${path}`);
    for (const path of added) console.log(`       added: ${path}`);
    for (const { path, damage, error } of entries)
      if (damage || error) console.log(`       ${path}: ${damage ?? error}`);
    if (server.output() !== '') console.log(server.output());
    return { folder, table, unlisted, entries };
  } finally {
    await server.stop();
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** What is read as a whole in the background may come into the list, or leave it, a little later. */
async function settledList(server) {
  let before = '';
  for (;;) {
    const answer = await server.ask('{ playbooks { path problem } playbooksLeftOut }');
    const now = JSON.stringify(answer);
    if (now === before) return answer;
    before = now;
  }
}

async function tryPlaybook(server, copy, path, problem) {
  const entry = { problem, content: false, saved: null, changed: null, ms: 0 };
  const file = join(copy, path);
  const before = stateOf(file);
  try {
    const [{ playbook }, ms] = await timed(() => server.ask(OPEN, { path }));
    Object.assign(entry, {
      ms,
      content: playbook !== null && (playbook.content !== '' || before.bytes.length === 0),
    });
    if (!playbook) return entry;
    entry.encoding = playbook.encoding;
    // as an editor sends it that knows one kind of line ending
    for (const content of new Set([playbook.content, playbook.content.replaceAll('\r\n', '\n')])) {
      const [answer, saveMs] = await timed(() => save(server, path, content, playbook.revision));
      entry.ms = Math.max(entry.ms, saveMs);
      entry.refusal = answer.issues?.[0]?.message ?? answer.message;
      entry.saved = entry.refusal === undefined && sameState(before, stateOf(file), true);
      if (entry.refusal === undefined && !entry.saved) entry.damage = 'saving without a change changed it';
    }
    const changed = await save(server, path, `${playbook.content}\n# tried\n`, playbook.revision);
    if (changed.playbook) {
      await save(server, path, playbook.content, changed.playbook.revision);
      entry.changed = sameState(before, stateOf(file), false);
      if (!entry.changed) entry.damage = 'saving it changed, and back, changed it';
    }
    const timing = { at: '2099-01-01T00:00:00Z' };
    const input = { playbook: path, name: path.slice(-100), enabled: false, timing };
    const { createSchedule } = await server.ask(SCHEDULE, { input });
    entry.notRunnable = createSchedule.issues?.[0]?.message ?? createSchedule.message;
  } catch (error) {
    entry.error = error.message;
  }
  return entry;
}

function compare({ code, message, refusal, problem, notRunnable, content }) {
  const ours = refusal ?? problem ?? notRunnable ?? null;
  const isValid = content && ours === null;
  if (isValid === (code === 0)) return 'equal';
  if (isValid && MISSING.test(message)) return 'missing';
  const generalized = (text) => text.replace(/'[^']*'|"[^"]*"|\d+/g, '…').slice(0, 160);
  return isValid
    ? `Ansible refuses: ${generalized(message)}`
    : `Sible refuses: ${generalized(ours ?? 'no content')}`;
}

function* walk(root, folder = '') {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(root, path);
    else yield path;
  }
}

function stateOf(path) {
  const { mode, uid, gid, mtimeMs, ino } = lstatSync(path);
  return { mode, uid, gid, mtimeMs, ino, bytes: readFileSync(path) };
}

/** @param isUntouched whether not even the time of the last change may differ */
function sameState(a, b, isUntouched) {
  const isSame = a.mode === b.mode && a.uid === b.uid && a.gid === b.gid && a.bytes.equals(b.bytes);
  return isSame && (!isUntouched || (a.mtimeMs === b.mtimeMs && a.ino === b.ino));
}

async function timed(work) {
  const begin = performance.now();
  return [await work(), performance.now() - begin];
}
