import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ANSIBLE, ROOT } from './ansible.mjs';

const ERRORS = '... on Error { message } ... on InvalidInputError { issues { message } }';
export const OPEN = 'query ($path: String!) { playbook(path: $path) { content encoding revision problem } }';
const SAVE = `mutation ($input: SavePlaybookInput!) { savePlaybook(input: $input) {
  ... on SavePlaybookPayload { playbook { revision } } ${ERRORS} } }`;
export const SCHEDULE = `mutation ($input: CreateScheduleInput!) { createSchedule(input: $input) {
  ... on CreateSchedulePayload { schedule { id } } ${ERRORS} } }`;

export async function save(server, path, content, expectedRevision) {
  return (await server.ask(SAVE, { input: { path, content, expectedRevision } })).savePlaybook;
}

/** The built server, with data of its own. */
export async function startServer(temporary, playbooks) {
  const environment = {
    SIBLE_DATA_DIR: join(temporary, 'data'),
    SIBLE_PLAYBOOKS_DIR: playbooks,
    SIBLE_PORT: '0',
  };
  const own = {
    SIBLE_OPEN: '1',
    SIBLE_LOG_LEVEL: 'warn',
    SIBLE_TIMEZONE: 'UTC',
    SIBLE_ANSIBLE_PLAYBOOK: ANSIBLE,
  };
  const child = spawn('sh', [join(ROOT, 'dist/server/start.sh')], {
    env: { PATH: process.env.PATH, HOME: temporary, ...environment, ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  child.stderr.on('data', (chunk) => (output += chunk));
  const url = await new Promise((resolve, reject) => {
    let printed = '';
    child.once('exit', () => reject(new Error(printed + output)));
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      const found = /running: (http:[^\s#]+)/.exec(printed)?.[1];
      if (found) resolve(new URL('/graphql', found));
      else if (printed.includes('"level"')) output += chunk;
    });
  });
  return {
    output: () => output,
    stop: () => child.kill() && exited,
    async ask(query, variables = {}) {
      const headers = { 'content-type': 'application/json', accept: 'application/json' };
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query, variables }),
      });
      const { data, errors } = await response.json();
      if (errors || !data) throw new Error(`${response.status} ${JSON.stringify(errors)}`);
      return data;
    },
  };
}
