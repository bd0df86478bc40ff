// usage: podman exec -i CONTAINER node --input-type=module - PLAYBOOK <scripts/test-image/run-playbook.mjs
// Runs a playbook with the server of this container, and waits for its end. Exits with 1 unless it is SUCCEEDED with exit
// code 0.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

const PATIENCE_MS = 120_000;
const playbook = process.argv.at(-1) ?? '';
const server = `http://127.0.0.1:${process.env.SIBLE_PORT || 4000}`;
const deadline = Date.now() + PATIENCE_MS;

await until('ready', async () => (await fetch(`${server}/readyz`).catch(() => null))?.ok);
const key = readFileSync(process.env.SIBLE_ADMIN_TOKEN_FILE || '/data/admin.key', 'utf8').trim();

const { runPlaybook } = await ask(
  `mutation ($playbook: String!) {
    runPlaybook(input: { playbook: $playbook }) {
      ... on RunPlaybookPayload { run { id } }
      ... on Error { message }
    }
  }`,
  { playbook },
);
if (!runPlaybook.run) throw new Error(`${playbook} was not started: ${runPlaybook.message}`);

const run = await until(`at the end of ${playbook}`, async () => {
  const { node } = await ask(
    'query ($id: ID!) { node(id: $id) { ... on Run { status reason exitCode finishedAt } } }',
    { id: runPlaybook.run.id },
  );
  return node.finishedAt === null ? null : node;
});
console.log(`${playbook}: ${run.status}, exit code ${run.exitCode}${run.reason ? `, ${run.reason}` : ''}`);
process.exitCode = run.status === 'SUCCEEDED' && run.exitCode === 0 ? 0 : 1;

/** @param {string} query @param {object} variables */
async function ask(query, variables) {
  const answer = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = /** @type {any} */ (await answer.json());
  if (errors) throw new Error(`The server refused: ${JSON.stringify(errors)}`);
  return data;
}

/**
 * @template T
 * @param {string} state
 * @param {() => Promise<T>} ask
 * @returns {Promise<NonNullable<T>>} the first answer that is one
 */
async function until(state, ask) {
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`Not ${state} after ${PATIENCE_MS / 1000} s.`);
    await setTimeout(200);
  }
}
