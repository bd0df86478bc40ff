import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { AdminKeyError, adminKeyPath } from './admin-key.ts';
import { startApp } from './app.ts';
import { type Config, ConfigError, readConfig, SECRETS, warningsOf } from './config.ts';
import { DataDirError } from './data-dir.ts';
import { codeOf } from './domain/caught.ts';
import { findExposedSecrets } from './exposed-secrets.ts';
import { openLogOutput } from './log-output.ts';
import { findAnsiblePlaybook } from './runner/ansible/find-ansible.ts';
import { TIMINGS, type Timings } from './timings.ts';

/** Works from the sources as well as from `dist/server`. */
const ROOT = findRoot(fileURLToPath(new URL('.', import.meta.url)));

/**
 * The whole program: runs a server, configured from the environment, in this process until a signal stops it.
 */
export async function serve(timings: Timings = TIMINGS): Promise<void> {
  const config = readConfigOrExit();
  const output = openLogOutput();
  const logger = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    output,
  );

  try {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    const consoleDir = join(ROOT, 'dist', 'client');
    const app = await startApp({
      config,
      logger,
      version,
      ansiblePlaybook: findAnsiblePlaybook(config.ansiblePlaybook, config.dataDir, process.env.PATH ?? ''),
      examplesDir: join(ROOT, 'examples', 'playbooks'),
      consoleDir: existsSync(join(consoleDir, 'index.html')) ? consoleDir : null,
      timings,
    });
    output.write(announcement(config, app.url, app.key));
    for (const warning of exposedSecretWarnings()) logger.warn(warning);
    for (const warning of warningsOf(config, process.env)) logger.warn(warning);

    let isStopping = false;
    const stop = (signal: NodeJS.Signals) => {
      // a second signal: exit immediately
      if (isStopping) process.exit(1);
      isStopping = true;
      logger.info({ signal }, 'stopping; playbooks under way go on');
      void app.close().then(() => output.exit(0));
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  } catch (error) {
    tell(error);
    output.exit(1);
  }

  process.on('unhandledRejection', (error) => {
    logger.fatal({ err: error }, 'unhandled rejection');
    output.exit(1);
  });
}

/**
 * Includes the key only when Sible was started by hand: a service's output is kept in logs that others may
 * read.
 */
function announcement(config: Config, url: string, key: string | null): string {
  if (key === null)
    return `Sible is running: ${url}\nIt asks for no key: every user of this machine may use it.\n`;
  const isByHand = process.stdout.isTTY || process.env.npm_lifecycle_event === 'start';
  if (isByHand) return `Sible is running: ${url}/#key=${encodeURIComponent(key)}\n`;
  const place =
    config.adminToken === null ? `in ${adminKeyPath(config.dataDir)}` : 'the one that it was given';
  return `Sible is running: ${url}\nIts key is ${place}.\n`;
}

function exposedSecretWarnings(): string[] {
  const exposed = findExposedSecrets(SECRETS);
  return SECRETS.flatMap((secret) => {
    const places = exposed
      .filter(({ name }) => name === secret)
      .map(({ pid, program }) => `${pid} (${program})`);
    if (places.length === 0) return [];
    return [
      `${secret} is in the environment of process ${places.join(', ')}, where playbooks can read it. Put it into a file and set ${secret}_FILE instead.`,
    ];
  });
}

function readConfigOrExit(): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    tell(error);
    return process.exit(1);
  }
}

function tell(error: unknown): void {
  const isExpected =
    error instanceof ConfigError ||
    error instanceof DataDirError ||
    error instanceof AdminKeyError ||
    isStorageError(error) ||
    isAddressError(error);
  const text =
    error instanceof Error ? (isExpected ? error.message : (error.stack ?? error.message)) : String(error);
  const hint = isAddressError(error)
    ? '. Set SIBLE_PORT, or SIBLE_HOST, to what is free on this machine.'
    : '';
  process.stderr.write(`Sible cannot start.\n${text}${hint}\n`);
}

/** Compared by name, so that the unused storage adapter is not loaded. */
function isStorageError(error: unknown): boolean {
  return (
    error instanceof Error &&
    ['DatabaseFileError', 'DatabaseConnectionError', 'NewerDatabaseError'].includes(error.name)
  );
}

function isAddressError(error: unknown): boolean {
  return ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES'].includes(codeOf(error) ?? '');
}

function findRoot(from: string): string {
  for (let folder = from; folder !== '/'; folder = join(folder, '..')) {
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  throw new Error(`There is no package.json above ${from}.`);
}
