// usage: node scripts/test-image/compose-options.mjs COMPOSE_FILE SERVICE FOLDER VOLUME_PREFIX
// Prints the options of `podman run` that start a service as the compose file says, each ended by NUL. Files of secrets
// are looked up in FOLDER, as with `docker compose --project-directory`. A setting that it cannot translate is an error:
// it would go unchecked.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { argv, env } from 'node:process';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';

/** What makes no difference inside the container, or has no meaning without the other services. */
const LEFT_OUT = new Set(['build', 'restart', 'depends_on', 'ports']);

/** @type {Record<string, (value: any, context: { file: any, folder: string, volumePrefix: string, env: NodeJS.ProcessEnv }) => string[]>} */
const TRANSLATED = {
  // podman would add tmpfs mounts to a read-only root that Docker does not
  read_only: (on) => (on ? ['--read-only', '--read-only-tmpfs=false'] : []),
  cap_drop: (names) => names.flatMap((/** @type {string} */ name) => ['--cap-drop', name]),
  security_opt: (names) => names.flatMap((/** @type {string} */ name) => ['--security-opt', name]),
  tmpfs: (paths) => [paths].flat().flatMap((path) => ['--tmpfs', path]),
  environment: (variables, context) =>
    Object.entries(variables).flatMap(([name, value]) => [
      '--env',
      `${name}=${interpolate(String(value), context.env)}`,
    ]),
  secrets: (names, { file, folder }) =>
    names.flatMap((/** @type {string} */ name) => {
      const source = file.secrets?.[name]?.file;
      if (typeof source !== 'string') throw new Error(`The secret ${name} has no file.`);
      return ['--volume', `${resolve(folder, source)}:/run/secrets/${name}:ro`];
    }),
  volumes: (mounts, { file, volumePrefix }) =>
    mounts.flatMap((/** @type {string} */ mount) => {
      const name = mount.split(':')[0] ?? '';
      if (!(name in (file.volumes ?? {}))) throw new Error(`${mount} mounts no volume of the compose file.`);
      return ['--volume', `${volumePrefix}${mount}`];
    }),
};

/**
 * @param {string} text the compose file
 * @param {string} service its name in the file
 * @param {{ folder: string, volumePrefix: string, env?: NodeJS.ProcessEnv }} options
 * @returns {string[]} options of `podman run`
 * @throws {Error} where the file has no such service, or a setting that cannot be translated
 */
export function composeOptions(text, service, { folder, volumePrefix, env: variables = env }) {
  const file = parse(text);
  const settings = Object.hasOwn(file.services ?? {}, service) ? file.services[service] : undefined;
  if (!settings) throw new Error(`The compose file has no service ${service}.`);
  return Object.entries(settings).flatMap(([name, value]) => {
    if (LEFT_OUT.has(name)) return [];
    const translate = Object.hasOwn(TRANSLATED, name) && TRANSLATED[name];
    if (!translate) throw new Error(`The setting ${name} of ${service} has no translation.`);
    return translate(value, { file, folder, volumePrefix, env: variables });
  });
}

/**
 * `${NAME:-default}`, the only form that the file may use.
 * @param {string} value
 * @param {NodeJS.ProcessEnv} variables
 */
function interpolate(value, variables) {
  const text = value.replaceAll(/\$\{(\w+):-([^}$]*)\}/g, (_, name, fallback) => variables[name] || fallback);
  if (/\$[\w{$]/.test(value.replaceAll(/\$\{\w+:-[^}$]*\}/g, '')))
    throw new Error(`${value} holds a variable that is not of the form \${NAME:-default}.`);
  return text;
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const [, , path = '', service = '', folder = '', volumePrefix = ''] = argv;
  for (const option of composeOptions(readFileSync(path, 'utf8'), service, { folder, volumePrefix }))
    process.stdout.write(`${option}\0`);
}
